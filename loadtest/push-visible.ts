import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { dailyOperations } from '../mocks/insurer/daily.ts'
import { writeFeedFile } from '../mocks/insurer/feed-file.ts'
import { person, rowsOf } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { todayInVietnam } from '../src/calendar.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import { startServe } from './serve-process.ts'
import { openSyncWorld, type SyncWorld } from './sync-world.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
/** One per cent of the province, the size that freshness is promised for. */
const ROWS = 32_560
/** How often a desk asks while it waits to see the delta. */
const ASK_EVERY_MS = 25
const PATIENCE_MS = 120_000

/** Seconds from the first byte of a pushed delta until an answer shows its `data.feedSequence`; `kiemthe pull` runs beside. */
export async function pushVisible(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      records: { type: 'string', default: '1000000' },
      rows: { type: 'string', default: String(ROWS) },
      runs: { type: 'string', default: '5' },
    },
  })
  const [records, rows, runs] = [values.records, values.rows, values.runs].map(Number) as [number, number, number]
  const province = { seed: 'push', baseDate: todayInVietnam(new Date()) }
  const world = await openSyncWorld('push-visible')
  try {
    const full = await write(world, 1, 'full', rowsIn(province, records))
    const loaded = await world.startImport(full.path).ended
    if (loaded.code !== 0) throw new Error(loaded.said)
    const port = await anyFreePort()
    const serve = await startServe({ databaseUrl: world.appUrl, keysFolder: world.folder.path, port })
    const pull = startPull(world)
    try {
      const desk = {
        url: serve.url,
        token: tokenOf(world, '--facility', '38001'),
        text: chipIdQrText(person(province, 0)),
      }
      await sequenceShown(desk, province.baseDate) // warm
      const kept: number[] = []
      const visible: number[] = []
      for (let run = 1; run <= runs; run++) {
        const plan = { province, records, changes: rows, people: 'all' } as const
        const delta = await write(world, 1 + run, 'delta', first(rows, dailyOperations(plan, run)))
        const body = await readFile(delta.data)
        const token = tokenOf(world, '--feed')
        const began = performance.now()
        await push(desk.url, token, delta.manifest, body)
        kept.push((performance.now() - began) / 1_000)
        while ((await sequenceShown(desk, province.baseDate)) < 1 + run) {
          if (pull.child.exitCode !== null) throw new Error(`pull ended:\n${pull.said()}`)
          if (performance.now() - began > PATIENCE_MS) throw new Error(`never seen:\n${pull.said()}`)
          await sleep(ASK_EVERY_MS)
        }
        visible.push((performance.now() - began) / 1_000)
        say(
          `run ${run}: ${delta.rows} rows, kept after ${kept.at(-1)?.toFixed(2)} s, visible after ${visible.at(-1)?.toFixed(2)} s`,
        )
      }
      say(`kept: p50 ${quantile(kept, 0.5)} s, p95 ${quantile(kept, 0.95)} s`)
      say(`visible: p50 ${quantile(visible, 0.5)} s, p95 ${quantile(visible, 0.95)} s (${runs} runs)`)
    } finally {
      await pull.stop()
      await serve.terminate()
    }
  } finally {
    await world.close()
  }
}

async function write(world: SyncWorld, sequence: number, kind: 'full' | 'delta', lines: Iterable<unknown>) {
  const created = new Date(Date.now() - 1_000)
  const file = { feed: 'vss', sequence, kind, encoding: 'zstd', asOf: created, created } as const
  const made = await writeFeedFile(world.feeds, world.key, file, lines)
  return { ...made, data: made.path.replace(/\.jws$/, '.ndjson.zst') }
}

function* rowsIn(province: Parameters<typeof rowsOf>[0], records: number) {
  for (let from = 0; from < records; from += 5_000) yield* rowsOf(province, from, Math.min(from + 5_000, records))
}

/** A day has somewhat more rows than changes. */
function* first<T>(count: number, rows: Iterable<T>): Generator<T> {
  let left = count
  for (const row of rows) {
    if (left-- === 0) return
    yield row
  }
}

function tokenOf(world: SyncWorld, ...of: string[]): string {
  return execFileSync(process.execPath, [CLI, 'token', '--data', world.folder.path, ...of], { encoding: 'utf8' }).trim()
}

async function push(url: string, token: string, manifest: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/octet-stream',
    'feed-manifest': manifest,
  }
  const reply = await fetch(`${url}/v1/sync/batches`, { method: 'POST', headers, body })
  if (reply.status !== 202) throw new Error(`the push gave ${reply.status}: ${await reply.text()}`)
}

async function sequenceShown(desk: { url: string; token: string; text: string }, serviceDate: string): Promise<number> {
  const reply = await fetch(`${desk.url}/v1/verifications`, {
    method: 'POST',
    headers: { authorization: `Bearer ${desk.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ evidence: { kind: 'chipIdQr', text: desk.text }, serviceDate, purpose: 'arrival' }),
  })
  const answer = (await reply.json()) as { data?: { feedSequence: number } }
  if (answer.data === undefined) throw new Error(`a check gave ${reply.status}`)
  return answer.data.feedSequence
}

/** `kiemthe pull` with its own role, as beside any service. */
function startPull(world: SyncWorld) {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [CLI, 'pull'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH, HOME, DATABASE_URL: world.syncUrl, DATA_KEYS_FILE: world.folder.dataKeysFile },
  })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const ended = once(child, 'exit')
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  }
  return { child, said: () => output, stop }
}

/** Of few values: the one at or above that part of them. */
function quantile(values: readonly number[], part: number): string {
  return (values.toSorted((a, b) => a - b)[Math.ceil(values.length * part) - 1] ?? Number.NaN).toFixed(2)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
