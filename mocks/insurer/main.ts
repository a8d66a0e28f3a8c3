import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { isoDate } from '../../src/calendar.ts'
import { FAULTS, startInsurer } from './server.ts'

/**
 * The insurer beside a running demo (`npm start`), for `kiemthe pull --url http://127.0.0.1:8790/`:
 * `node mocks/insurer/main.ts --data .kiemthe --every 60 --changes 32560`. It signs with the demo's feed key.
 */
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '.kiemthe' },
    port: { type: 'string', default: '8790' },
    every: { type: 'string', default: '60' },
    changes: { type: 'string', default: '1000' },
  },
})

const demoSchema = z.object({ seed: z.string(), baseDate: z.string().transform(isoDate), cards: z.int() })
const keySchema = z.strictObject({
  kid: z.string(),
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
})
const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(values.data, name), 'utf8'))

const demo = demoSchema.parse(await read('demo.json'))
const clients = z.record(z.string(), z.unknown()).parse(await read('clients.json'))
const folder = join(values.data, 'insurer')
await mkdir(folder, { recursive: true })
const insurer = await startInsurer({
  folder,
  key: keySchema.parse(clients['feed:vss']),
  feed: 'vss',
  sequence: 1,
  plan: {
    province: { seed: demo.seed, baseDate: demo.baseDate },
    records: demo.cards,
    changes: Number(values.changes),
  },
  encoding: 'zstd',
  now: () => new Date(),
  port: Number(values.port),
  produceEveryMs: Number(values.every) * 1_000,
})
process.stderr.write(
  `insurer ${insurer.url}: a day's delta every ${values.every} s; POST admin/produce, admin/faults?fault=${FAULTS.join('|')}&times=1\n`,
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void insurer.close())
