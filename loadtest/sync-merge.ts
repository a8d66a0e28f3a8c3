import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Agent, type Dispatcher } from 'undici'
import { writeFeedFile } from '../mocks/insurer/feed-file.ts'
import { person, rowsOf } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { todayInVietnam } from '../src/calendar.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import { type Figures, medianFigure } from './frame/report.ts'
import { startServe } from './serve-process.ts'
import { openSyncWorld, type SyncWorld } from './sync-world.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
/** Of the records other ones in each full feed. */
const CHANGED_PER_CENT = 1
const DESKS = 200

/**
 * What desks notice of a full import: checks at a steady rate (latency from the instant they were due), alone and while
 * `kiemthe import` takes a full feed, in turn. Its two halves apart: reading, sealing and staging on all cores, then the
 * comparison and the one statement that makes the new state.
 */
export async function syncMerge(args: string[]): Promise<Figures> {
  const { values } = parseArgs({
    args,
    options: {
      records: { type: 'string', default: '1000000' },
      rate: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '3' },
    },
  })
  const [records = 0, rate = 0, seconds = 0, rounds = 0] = [
    values.records,
    values.rate,
    values.seconds,
    values.rounds,
  ].map(Number)
  const province = { seed: 'merge', baseDate: todayInVietnam(new Date()) }
  const world = await openSyncWorld('sync-merge')
  try {
    await take(world, await write(world, 1, rowsFrom(province, records, 0)))
    const serve = await startServe({
      databaseUrl: world.appUrl,
      keysFolder: world.folder.path,
      port: await anyFreePort(),
    })
    try {
      const desks = openDesks(world, serve.url, province)
      await desks.during(rate, sleep(5_000)) // warm
      const ratios: Record<string, number[]> = {}
      const note = (what: string, ratio: number) => {
        ratios[what] = [...(ratios[what] ?? []), ratio]
      }
      const waits: number[] = []
      for (let turn = 0; turn < rounds; turn++) {
        const file = await write(world, 2 + turn, rowsFrom(province, records, 1 + turn))
        const alone = await desks.during(rate, sleep(seconds * 1_000))
        const run = world.startImport(file)
        const merging = new Promise<void>((resolve) => {
          run.child.stderr?.on('data', (text: string) => text.includes('comparing …') && resolve())
          void run.ended.then(() => resolve())
        })
        const staged = await desks.during(rate, merging)
        const [merged, waited] = await Promise.all([
          desks.during(rate, run.ended),
          longestWaitOfABatch(world.sql, run.ended),
        ])
        const { code, said } = await run.ended
        if (code !== 0) throw new Error(said)
        say(
          `alone ${shown(alone)}  staging ${shown(staged)}  merging ${shown(merged)}; a batch waited ${waited.toFixed(0)} ms at the most`,
        )
        waits.push(waited)
        note('staging', quantile(staged, 0.99) / quantile(alone, 0.99))
        note('merging', quantile(merged, 0.99) / quantile(alone, 0.99))
      }
      const all = Object.entries(ratios).map(([what, values]) => `${what} ${spread(values)}`)
      say(`no check failed; p99 ÷ alone: ${all.join(', ')}`)
      await desks.close()
      return {
        'a batch waits at the watermark, at the most': medianFigure(waits, 'ms', 'lower'),
        ...Object.fromEntries(
          Object.entries(ratios).map(([what, values]) => [`p99, ${what} ÷ alone`, medianFigure(values, '', 'lower')]),
        ),
      }
    } finally {
      await serve.terminate()
    }
  } finally {
    await world.close()
  }
}

function openDesks(world: SyncWorld, url: string, province: Parameters<typeof person>[0]) {
  const token = execFileSync(process.execPath, [CLI, 'token', '--data', world.folder.path, '--facility', '38001'], {
    encoding: 'utf8',
  }).trim()
  const agent = new Agent({ connections: DESKS })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  let next = 0
  const check = async (dueMs: number, latencies: number[]) => {
    const evidence = { kind: 'chipIdQr', text: chipIdQrText(person(province, next++ % 5_000)) }
    const body = JSON.stringify({ evidence, serviceDate: province.baseDate, purpose: 'arrival' })
    const request: Dispatcher.RequestOptions = { origin: url, path: '/v1/verifications', method: 'POST', headers, body }
    const { statusCode, body: answer } = await agent.request(request)
    const text = await answer.text()
    if (statusCode !== 200 || text.includes('source_failed')) throw new Error(`a check gave ${statusCode}`)
    latencies.push(performance.now() - dueMs)
  }
  return {
    /** Latencies in ms of the checks that were due while the work ran. */
    during: async (rate: number, work: Promise<unknown>): Promise<number[]> => {
      const latencies: number[] = []
      const sent: Promise<void>[] = []
      let over = false
      void work.finally(() => {
        over = true
      })
      const began = performance.now()
      for (let n = 0; !over; n++) {
        const due = began + (n * 1_000) / rate
        const early = due - performance.now()
        if (early > 0) await sleep(early)
        sent.push(check(due, latencies))
      }
      await Promise.all(sent)
      return latencies
    },
    close: () => agent.close(),
  }
}

/** Whoever brings a batch in, a revocation too, takes the watermark's row first: how long somebody else had it, in ms. */
async function longestWaitOfABatch(sql: SyncWorld['sql'], work: Promise<unknown>): Promise<number> {
  let longest = 0
  let over = false
  void work.finally(() => {
    over = true
  })
  while (!over) {
    const began = performance.now()
    await sql`select from feed_watermark where feed = 'vss' for update`
    longest = Math.max(longest, performance.now() - began)
    await sleep(10)
  }
  return longest
}

async function write(world: SyncWorld, sequence: number, lines: Iterable<unknown>): Promise<string> {
  const created = new Date(Date.now() - 1_000)
  const file = { feed: 'vss', sequence, kind: 'full', encoding: 'zstd', asOf: created, created } as const
  return (await writeFeedFile(world.feeds, world.key, file, lines)).path
}

async function take(world: SyncWorld, path: string): Promise<void> {
  const { code, said } = await world.startImport(path).ended
  if (code !== 0) throw new Error(said)
}

/** Each edition has another hundredth of the records registered elsewhere. */
function* rowsFrom(province: Parameters<typeof rowsOf>[0], records: number, edition: number) {
  for (let from = 0; from < records; from += 5_000) {
    let i = from
    for (const row of rowsOf(province, from, Math.min(from + 5_000, records))) {
      yield i++ % (100 / CHANGED_PER_CENT) === edition ? { ...row, registeredFacility: '38009' } : row
    }
  }
}

function shown(latencies: readonly number[]): string {
  return `p50 ${quantile(latencies, 0.5).toFixed(0)} ms, p99 ${quantile(latencies, 0.99).toFixed(0)} ms, longest ${Math.max(0, ...latencies).toFixed(0)} ms (${latencies.length})`
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

function spread(values: readonly number[]): string {
  return `${quantile(values, 0.5).toFixed(1)} (${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)})`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
