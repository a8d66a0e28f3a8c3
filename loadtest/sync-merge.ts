import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { writeFeedFile } from '../mocks/insurer/feed-file.ts'
import { facilities } from '../mocks/province/facilities.ts'
import { rowsOf } from '../mocks/province/person.ts'
import { todayInVietnam } from '../src/calendar.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import { type Figures, medianFigure } from './frame/report.ts'
import type { Frame, Scenario } from './frame/scenario.ts'
import { LEAD_IN_SECONDS, nowMs, openLoop } from './open-loop/open-loop.ts'
import { startServe } from './serve-process.ts'
import { type ImportProcess, openSyncWorld, type SyncWorld } from './sync-world.ts'
import type { ChecksSettings } from './traffic/checks.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
/** Of the records other ones in each full feed. */
const CHANGED_PER_CENT = 1
const CHECKS = new URL('./traffic/checks.ts', import.meta.url).href
/** At 100/s a process needs that many checks until its own compiling is over: before, p99 alone was thrice the later one. */
const WARM_SECONDS = 20
/** Of an import beside desks; the load goes on that long, and what is left of it is told as alone. */
const ROWS_PER_SECOND_LEAST = 15_000
/** What an import leaves is not told as alone: a truncated stage, a process that ends. */
const SETTLED_MS = 1_000

type Phase = 'alone' | 'staging' | 'merging'

/**
 * What desks notice of a full import: checks at a steady rate (latency from the instant they were due), alone before and
 * after, and while `kiemthe import` takes a full feed. Its two halves apart: reading, sealing and staging on all cores, then
 * the comparison and the one statement that makes the new state. Who asks is the open loop, in a thread of its own: a
 * process that also makes feeds stops for its garbage, up to 100 ms, and would charge the server with it.
 */
export const syncMerge: Scenario = {
  what: 'p50 and p99 of checks at a steady rate, alone and while a full feed comes in',
  options: {
    records: { default: '1000000', what: 'of the copy, and of each feed' },
    rate: { default: '100', what: 'checks a second' },
    seconds: { default: '10', what: 'alone, before each import' },
    rounds: { default: '3', what: 'imports' },
  },
  plan: (frame) => [
    `open loop, poisson: ${frame.text('rate')} checks/s before, during and after ${frame.text('rounds')} imports of ${Number(frame.text('records')).toLocaleString('en')} rows, ${CHANGED_PER_CENT} % of them changed`,
    'a province, a database and an insurer of its own, all on this machine; an import more, without desks, for the watermark',
  ],
  budgets: [{ figure: 'p99, import ÷ alone', atMost: 2 }],
  run: (_args, frame) => measure(frame),
}

async function measure(frame: Frame): Promise<Figures> {
  const { say } = frame
  const [records, rate] = [frame.number('records'), frame.number('rate')]
  const [seconds, rounds] = [frame.number('seconds'), frame.number('rounds')]
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
      const settings: ChecksSettings = { province, records, tokens: tokensOf(world) }
      const desks = (forSeconds: number, seed: number) =>
        openLoop({
          name: `desks ${seed}`,
          url: serve.url,
          shape: [{ perSecond: rate, seconds: forSeconds }],
          leadInSeconds: LEAD_IN_SECONDS,
          traffic: { module: CHECKS, settings },
          seed,
        })
      await desks(WARM_SECONDS, 0)
      const told: Record<Phase, number[][]> = { alone: [], staging: [], merging: [] }
      for (let turn = 0; turn < rounds; turn++) {
        const file = await write(world, 2 + turn, rowsFrom(province, records, 1 + turn))
        const loaded = desks(2 * seconds + records / ROWS_PER_SECOND_LEAST, 1 + turn)
        await sleep((LEAD_IN_SECONDS + seconds) * 1_000)
        const began = nowMs()
        const run = world.startImport(file)
        await heardToSay(run, 'comparing …')
        const compares = nowMs()
        const { code, said } = await run.ended
        const ended = nowMs()
        if (code !== 0) throw new Error(said)
        const loop = await loaded
        const { samples, startedAtMs } = loop
        const phase = frame.opened(loop)
        if (phase.kinds.right < phase.requests) throw new Error(JSON.stringify(phase.outcomes))
        if (ended > startedAtMs + phase.seconds * 1_000) throw new Error('the import took longer than the load')
        const dueIn = (from: number, to: number) =>
          [...samples.latencyMs].filter((_, i) => {
            const due = startedAtMs + (samples.dueMs[i] ?? 0)
            return due >= from && due < to
          })
        told.alone.push([...dueIn(0, began), ...dueIn(ended + SETTLED_MS, Number.POSITIVE_INFINITY)])
        told.staging.push(dueIn(began, compares))
        told.merging.push(dueIn(compares, ended + SETTLED_MS))
        const shownOf = (phase: Phase) => `${phase} ${shown(told[phase].at(-1) ?? [])}`
        say(`${shownOf('alone')}  ${shownOf('staging')}  ${shownOf('merging')}`)
      }
      const during = told.staging.map((staging, turn) => [...staging, ...(told.merging[turn] ?? [])])
      const waited = await longestWait(world, await write(world, 2 + rounds, rowsFrom(province, records, 1 + rounds)))
      say(
        `no check failed; p99 of all rounds: alone ${p99(told.alone.flat()).toFixed(0)} ms, ` +
          `during an import ${p99(during.flat()).toFixed(0)} ms; a batch waited ${waited.toFixed(0)} ms at the most`,
      )
      const ratiosOf = (phase: readonly number[][]) =>
        phase.map((each, turn) => p99(each) / p99(told.alone[turn] ?? []))
      return {
        'p99 of all rounds, import ÷ alone': {
          value: Number((p99(during.flat()) / p99(told.alone.flat())).toFixed(2)),
          unit: '',
          better: 'lower',
        },
        'p99, import ÷ alone': medianFigure(ratiosOf(during), '', 'lower'),
        'p99, staging ÷ alone': medianFigure(ratiosOf(told.staging), '', 'lower'),
        'p99, merging ÷ alone': medianFigure(ratiosOf(told.merging), '', 'lower'),
        'a batch waits at the watermark, at the most': { value: Math.round(waited), unit: 'ms', better: 'lower' },
      }
    } finally {
      await serve.terminate()
    }
  } finally {
    await world.close()
  }
}

/** One desk's token for all: the rate limit is off. */
function tokensOf(world: SyncWorld): string[] {
  const token = execFileSync(process.execPath, [CLI, 'token', '--data', world.folder.path, '--facility', '38001'], {
    encoding: 'utf8',
  }).trim()
  return facilities().map(() => token)
}

/**
 * Whoever brings a batch in, a revocation too, takes the watermark's row first: how long an import had it, in ms. By an
 * import of its own: whoever asks so often writes as much as desks do.
 */
async function longestWait({ sql, startImport }: SyncWorld, file: string): Promise<number> {
  const run = startImport(file)
  await heardToSay(run, 'comparing …')
  let longest = 0
  let over = false
  void run.ended.finally(() => {
    over = true
  })
  while (!over) {
    const began = performance.now()
    await sql`select from feed_watermark where feed = 'vss' for update`
    longest = Math.max(longest, performance.now() - began)
    await sleep(10)
  }
  const { code, said } = await run.ended
  if (code !== 0) throw new Error(said)
  return longest
}

/** Or when it has ended without. */
function heardToSay({ child, ended }: ImportProcess, line: string): Promise<void> {
  return new Promise((resolve) => {
    child.stderr?.on('data', (text: string) => text.includes(line) && resolve())
    void ended.then(() => resolve())
  })
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

function p99(latencies: readonly number[]): number {
  return quantile(latencies, 0.99)
}
