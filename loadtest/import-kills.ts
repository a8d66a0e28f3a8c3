import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { dailyOperations, type Operation } from '../mocks/insurer/daily.ts'
import { writeFeedFile } from '../mocks/insurer/feed-file.ts'
import { rowsOf } from '../mocks/province/person.ts'
import { todayInVietnam } from '../src/calendar.ts'
import { rollBack } from '../src/cli/import.ts'
import { rollingBack } from '../src/sync/rollback/store.ts'
import { readBatches } from '../src/sync/watermark/store.ts'
import { seeded } from './seeded.ts'
import { openSyncWorld, type SyncWorld } from './sync-world.ts'

/**
 * Kill -9 of a full import, and of a delta, at random points: afterwards the copy is wholly the old or wholly the new one, and
 * the same command completes. Ends with 1 otherwise.
 */
export async function importKills(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      kills: { type: 'string', default: '50' },
      records: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
    },
  })
  const [kills, records] = [Number(values.kills), Number(values.records)]
  const random = seeded(Number(values.seed))
  const world = await openSyncWorld('import-kills')
  try {
    const province = { seed: 'kills', baseDate: todayInVietnam(new Date()) }
    const rows = rowsOf(province, 0, records)
    const write = async (sequence: number, kind: 'full' | 'delta', lines: readonly unknown[]) => {
      const created = new Date(Date.now() - 1_000)
      const file = { feed: 'vss', sequence, kind, encoding: 'zstd', asOf: created, created } as const
      return (await writeFeedFile(world.feeds, world.key, file, lines)).path
    }
    const first = await world.startImport(await write(1, 'full', rows)).ended
    if (first.code !== 0) throw new Error(first.said)
    const full = await write(
      2,
      'full',
      rows.slice(10).map((row, i) => (i % 3 === 0 ? { ...row, status: 'held', statusFrom: province.baseDate } : row)),
    )
    const delta = await write(3, 'delta', [
      ...dailyOperations({ province, records, changes: Math.floor(records / 20), people: 'all' }, 1),
    ] satisfies Operation[])
    const states = new Map<string, string>()
    const seen = { old: 0, new: 0 }
    for (const [path, wanted] of [
      [full, Math.ceil(kills / 2)],
      [delta, Math.floor(kills / 2)],
    ] as const) {
      const old = await stateOf(world)
      // how long it takes, and what comes of it
      const whole = await world.startImport(path).ended
      if (whole.code !== 0) throw new Error(whole.said)
      const done = await stateOf(world)
      if (old === done) throw new Error('a batch that changes nothing tries nothing')
      states.set(path, done)
      await back(world, path === full ? 1 : 2)
      if ((await stateOf(world)) !== old) throw new Error('a rollback that leads elsewhere')
      for (let kill = 0; kill < wanted; kill++) {
        const run = world.startImport(path)
        await Promise.race([run.ended, sleep(random() * whole.seconds * 1_050)])
        run.child.kill('SIGKILL')
        await run.ended
        await idle(world)
        const now = await stateOf(world)
        if (now !== old && now !== done) throw new Error(`kill ${kill}: neither the old state nor the new one`)
        seen[now === old ? 'old' : 'new']++
        if (now === done) await back(world, path === full ? 1 : 2)
      }
      const last = await world.startImport(path).ended
      if (last.code !== 0 || (await stateOf(world)) !== done) throw new Error(`it does not complete: ${last.said}`)
    }
    process.stdout.write(
      `${kills} kills: ${seen.old} left the old state, ${seen.new} the new one, 0 a mix; both completed\n`,
    )
  } finally {
    await world.close()
  }
}

/** What the copy answers: a digest of every current version and alias, and the watermark. */
async function stateOf({ sql }: SyncWorld): Promise<string> {
  const [row] = await sql<{ state: string }[]>`
    select concat_ws(' ',
      (select md5(string_agg(subject::text || coverage_no || tag::text, ',' order by subject, coverage_no)) from coverage where known_to = 'infinity'),
      (select md5(string_agg(alias::text || subject::text, ',' order by alias)) from alias),
      (select sequence || '/' || rows from feed_watermark where feed = 'vss')) as state`
  return row?.state ?? ''
}

/** The statement of a killed command may still run. */
async function idle({ sql }: SyncWorld): Promise<void> {
  for (;;) {
    const busy = await sql`select from pg_stat_activity where application_name = 'kiemthe import'`
    if (busy.count === 0) return
    await sleep(20)
  }
}

/** To the state before: of a full feed by the command's own way, of a delta to the full feed it follows. */
async function back(world: SyncWorld, sequence: number): Promise<void> {
  if (sequence === 1) return rollBack(world.sql, 'vss', world.dataKeys, 'the next kill', () => {})
  const { sql } = world
  const [to] = await sql<{ applied_at: string }[]>`
    select applied_at from feed_batch where sequence = ${sequence} and kind = 'full' order by applied_at desc limit 1`
  const batches = await readBatches(sql, 'vss')
  const target = batches.find((each) => each.appliedAt === to?.applied_at)
  if (target === undefined) throw new Error('no such state')
  await sql`with ${rollingBack(sql, 'vss', sequence + 1, target)} select result from act`
}
