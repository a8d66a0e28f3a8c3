import { parseArgs } from 'node:util'
import { dailyOperations } from '../mocks/insurer/daily.ts'
import { type FeedFile, writeFeedFile } from '../mocks/insurer/feed-file.ts'
import { rowsOf } from '../mocks/province/person.ts'
import { todayInVietnam } from '../src/calendar.ts'
import type { FeedRow } from '../src/sync/feed.ts'
import { plainCopy } from './first-start.ts'
import { openSyncWorld } from './sync-world.ts'

/** One per cent of the province in a delta (issue of freshness: visible within 5 s). */
const DELTA_CHANGES_PER_CENT = 1

/** Full imports and a delta against a plain COPY of the same rows, with their memory and the disk they take. */
export async function importFigures(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { records: { type: 'string', default: '1000000' }, changes: { type: 'string' } },
  })
  const records = Number(values.records)
  const changes = Number(values.changes ?? Math.floor((records * DELTA_CHANGES_PER_CENT) / 100))
  const province = { seed: 'figures', baseDate: todayInVietnam(new Date()) }
  const world = await openSyncWorld('import')
  const take = async (what: string, rows: number, path: string) => {
    const before = await world.postgresCpu()
    const run = await world.startImport(path).ended
    const inPostgres = (await world.postgresCpu()) - before
    if (run.code !== 0) throw new Error(run.said)
    say(
      `${what}: ${rows} rows in ${run.seconds.toFixed(1)} s, ${(rows / run.seconds).toFixed(0)}/s, peak ${run.peakMegabytes} MB; processor ${run.cpuSeconds.toFixed(1)} s, PostgreSQL's ${inPostgres.toFixed(1)} s`,
    )
    const streamed = /(\d[\d,]*) records in ([\d:]+) \((\d[\d,]*)\/s\)/.exec(run.said)
    if (streamed !== null) say(`  of that reading, sealing and copying: ${streamed[3]}/s`)
    return run
  }
  const write = async (sequence: number, kind: FeedFile['kind'], lines: Iterable<unknown>) => {
    const created = new Date(Date.now() - 1_000)
    return writeFeedFile(
      world.feeds,
      world.key,
      { feed: 'vss', sequence, kind, encoding: 'zstd', asOf: created, created },
      lines,
    )
  }
  try {
    const first = await write(
      1,
      'full',
      rowsFrom(province, records, () => null),
    )
    const run = await take('first full feed', records, first.path)
    const copies: number[] = []
    const control = { own: process.cpuUsage(), postgres: await world.postgresCpu() }
    for (let round = 0; round < 3; round++) copies.push(await plainCopy(world.sql))
    const copyCpu = process.cpuUsage(control.own)
    say(
      `  COPY processor ${((copyCpu.user + copyCpu.system) / 3e6).toFixed(1)} s, PostgreSQL's ${(((await world.postgresCpu()) - control.postgres) / 3).toFixed(1)} s`,
    )
    const copy = copies.toSorted((a, b) => a - b)[1] ?? Number.NaN
    say(`plain COPY of the same rows: ${copy.toFixed(1)} s; ratio ${(copy / run.seconds).toFixed(2)}`)
    const second = await write(
      2,
      'full',
      rowsFrom(province, records, (row, i) => (i % 100 === 7 ? { ...row, registeredFacility: '38009' } : null)),
    )
    const merged = await take('full feed of which 1 % changed', records, second.path)
    say(`ratio to the same COPY ${(copy / merged.seconds).toFixed(2)}`)
    const before = await size()
    const plan = { province, records, changes, people: 'all' } as const
    const delta = await write(3, 'delta', dailyOperations(plan, 1))
    await take('delta, the start of the process in it', delta.rows, delta.path)
    const grown = (await size()) - before
    say(
      `disk: ${(grown / 1e6).toFixed(1)} MB a delta of ${delta.rows} rows, ${((grown * 365) / 1e9).toFixed(1)} GB a year of them`,
    )
  } finally {
    await world.close()
  }

  async function size(): Promise<number> {
    const [row] = await world.sql<{ bytes: number }[]>`
      select sum(pg_total_relation_size(name))::float as bytes
        from unnest(array['coverage', 'alias', 'alias_change', 'feed_batch', 'quarantine']::regclass[]) as name`
    return row?.bytes ?? 0
  }
}

function* rowsFrom(
  province: Parameters<typeof rowsOf>[0],
  records: number,
  change: (row: FeedRow, i: number) => FeedRow | null,
): Generator<FeedRow> {
  for (let from = 0; from < records; from += 5_000) {
    let i = from
    for (const row of rowsOf(province, from, Math.min(from + 5_000, records))) yield change(row, i++) ?? row
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
