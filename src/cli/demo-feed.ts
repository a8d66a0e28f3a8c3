import { type Mocks, startMocks } from '../../mocks/start.ts'
import type { IsoDate } from '../calendar.ts'
import { CATALOGUE_FEED } from '../facility/facility.ts'
import type { DataFolder } from './data-folder.ts'
import { readDemoClients } from './demo-clients.ts'
import { openPull, pullLoop } from './pull.ts'

/** A share of the province that a person sees move, and a disk hardly: some 60 KB a minute. */
const CHANGES = 100
/** A delta is asked for soon after it was made; sooner where they are made more often. */
const ASK_EVERY_MS = 5_000

interface DemoProvince {
  readonly seed: string
  readonly baseDate: IsoDate
  readonly cards: number
}

/** Those outside, for a demo that is not still. On ports of the system's choice: there is nothing to collide with. */
export async function startDemoMocks(
  folder: DataFolder,
  { seed, baseDate, cards }: DemoProvince,
  deltaEveryMs: number,
): Promise<Mocks> {
  const keys = (await readDemoClients(folder)) ?? {}
  const seen = { folder: folder.path, province: { seed, baseDate }, records: cards, keys }
  return startMocks(seen, { port: 0, deltaEveryMs, changes: CHANGES })
}

/** `kiemthe pull` in this process, of records and of facilities, until the signal. What it does is seen in answers; it says what fails. */
export async function pullBeside(
  { folder, deltaEveryMs }: { readonly folder: DataFolder; readonly deltaEveryMs: number | null },
  databaseUrl: string,
  insurerUrl: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<{ readonly ended: Promise<void> }> {
  const everyMs = Math.min(ASK_EVERY_MS, deltaEveryMs ?? ASK_EVERY_MS)
  const open = await Promise.all(
    ['vss', CATALOGUE_FEED].map((feed) => openPull(databaseUrl, folder.dataKeysFile, feed, () => {})),
  )
  const loops = open.map(({ job, close }) => pullLoop(job, insurerUrl, everyMs, say, signal).finally(close))
  return { ended: Promise.all(loops).then(() => {}) }
}
