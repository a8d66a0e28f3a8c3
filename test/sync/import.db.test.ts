import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { constants, getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type FeedFile, signManifest, writeFeedFile } from '../../mocks/insurer/feed-file.ts'
import { rowsOf } from '../../mocks/province/person.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { rollBack, takeFeed } from '../../src/cli/import.ts'
import { type FullImport, mergeStaged } from '../../src/cli/import-full.ts'
import { isBackend } from '../../src/cli/stand-back.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { findSealed, openRead } from '../../src/coverage/store.ts'
import { type DataKeys, deriveDataKeys, namesOf } from '../../src/data-keys.ts'
import { connect } from '../../src/db/connect.ts'
import { open } from '../../src/seal.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { type LoadPlan, prepareChunk } from '../../src/sync/load.ts'
import { parsePayload } from '../../src/sync/manifest.ts'
import { resolve } from '../../src/sync/quarantine/store.ts'
import { beginLoad, copyChunk } from '../../src/sync/store.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe, ROOT, startKiemthe } from '../support/kiemthe.ts'
import { createWorld, loadRows, type World } from '../support/service.ts'

const today = todayInVietnam(new Date())
const province = { seed: 'import', baseDate: today }
const rows = rowsOf(province, 0, 2_000)

let world: World
let keys: DataKeys
let folder: string
let env: Record<string, string>
let removeKeys: () => Promise<void>

beforeEach(async () => {
  world = await createWorld([]) // a test that needs no import of a first feed loads it by `loadRows`
  keys = deriveDataKeys(world.dataKeys)
  folder = await mkdtemp(join(tmpdir(), 'kiemthe-feed-'))
  const files = await keysFolder(world)
  removeKeys = files.remove
  env = { DATA_KEYS_FILE: join(files.path, 'data-keys.json'), DATABASE_URL: world.ownerUrl }
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
  await removeKeys?.()
  await world?.close()
})

function feedKey() {
  const pair = world.clients.get('feed:vss')
  if (pair === undefined) throw new Error('the world has a feed')
  return pair
}

async function write(sequence: number, lines: readonly unknown[], of: Partial<FeedFile> = {}): Promise<string> {
  const created = new Date(Date.now() - 60_000 + sequence)
  const file = { feed: 'vss', sequence, kind: 'full', encoding: 'gzip', asOf: created, created, ...of } as const
  return (await writeFeedFile(folder, feedKey(), file, lines)).path
}

async function takes(path: string, acceptShrink: string | null = null): Promise<string> {
  const said: string[] = []
  const { ownerUrl, dataKeys } = world
  await takeFeed(path, { ownerUrl, dataKeys, shrinkMaxPercent: 5, acceptShrink, say: (line) => said.push(line) })
  return said.join('\n')
}

async function rollsBack(): Promise<string> {
  const said: string[] = []
  await rollBack(world.owner, 'vss', world.dataKeys, 'the insurer sent last year’s file', (line) => said.push(line))
  return said.join('\n')
}

const isRefused = (why: string | RegExp) =>
  expect.objectContaining({ constructor: UsageError, message: expect.stringMatching(why) })

/** What the copy answers, whatever it is sealed with. */
async function answers(numbers: readonly string[]) {
  const reads = await findSealed(
    world.owner,
    numbers.map((each) => namesOf(keys, each)),
  )
  return reads.map((read) =>
    openRead(keys, read)
      .coverages.map(({ holder, facts: { knownFrom: _, ...facts } }) => ({ holder, facts }))
      .toSorted((a, b) => a.facts.coverageNo - b.facts.coverageNo),
  )
}

/** All that is current and all that was, without what is new in every run. */
async function whole() {
  return {
    versions: await world.owner`
      select subject, coverage_no, tag, feed_sequence, known_to = 'infinity' as current from coverage order by 1, 2, known_from`,
    aliases: await world.owner`select alias, subject from alias order by 1`,
    watermark: await world.owner`select sequence, rows from feed_watermark where feed = 'vss'`,
  }
}

const numberOf = (row: FeedRow | undefined) => row?.insuranceNumber ?? ''
const changed = (row: FeedRow | undefined, change: Partial<FeedRow>): FeedRow => ({ ...(row as FeedRow), ...change })

describe('a full feed', () => {
  test('replaces the former one: what changed is another version, what is gone is closed, the rest is not touched', async () => {
    await takes(await write(1, rows, { encoding: 'zstd' }))
    const second = rows.slice(3)
    second[0] = changed(second[0], { status: 'revoked', statusFrom: '2026-11-01' })
    const said = await takes(await write(5, second, { encoding: 'plain' }))
    expect(said).toContain('1 versions opened, 4 closed, 0 rows quarantined; 1997 records in force')

    const [versions] = await world.owner`
      select count(*)::int as all, count(*) filter (where known_to = 'infinity')::int as current from coverage`
    expect(versions).toEqual({ all: 2_001, current: 1_997 })
    const [gone, revoked, kept] = await answers([numberOf(rows[0]), numberOf(second[0]), numberOf(second[9])])
    expect(gone).toEqual([])
    expect(revoked).toMatchObject([{ facts: { status: 'revoked', statusFrom: '2026-11-01' } }])
    expect(kept).toMatchObject([{ facts: { status: second[9]?.status } }])
    const stage = await world.owner`select from coverage_stage union all select from stage_chunk`
    expect(stage.count).toBe(0)
    const entries = await world.owner`select body from log_entry order by leaf_index`
    expect(entries.map((each) => JSON.parse(each['body'])).map(({ kind, outcome }) => ({ kind, outcome }))).toEqual([
      { kind: 'feedApplied', outcome: { feed: 'vss', sequence: 1, kind: 'full', rows: 2_000 } },
      { kind: 'feedApplied', outcome: { feed: 'vss', sequence: 5, kind: 'full', rows: 1_997 } },
    ])
  })

  test('is in once, however often it is given; another one under its number is refused', async () => {
    const path = await write(1, rows)
    await takes(path)
    const before = await whole()
    expect(await takes(path)).toContain('in already')
    expect(await whole()).toEqual(before)
    await expect(takes(await write(1, rows.slice(1)))).rejects.toEqual(isRefused('another SHA-256'))
    expect(await whole()).toEqual(before)
  })

  test.each<[string, (path: string) => Promise<void>, RegExp]>([
    [
      'another key',
      async (path) => {
        const payload = JSON.parse(
          Buffer.from((await readFile(path, 'utf8')).split('.')[1] ?? '', 'base64url').toString(),
        )
        const stranger = world.clients.get('ops:test')
        if (stranger === undefined) throw new Error('the world has ops')
        await writeFile(path, await signManifest(stranger, payload))
      },
      /feed_signature/,
    ],
    [
      'a data file that was cut',
      async (path) => {
        const data = path.replace('.jws', '.ndjson.gz')
        await writeFile(data, (await readFile(data)).subarray(0, -9))
      },
      /bytes, its manifest says/,
    ],
    [
      'a data file with a bit turned',
      async (path) => {
        const data = path.replace('.jws', '.ndjson.gz')
        const bytes = await readFile(data)
        bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1
        await writeFile(data, bytes)
      },
      /feed_file_differs/,
    ],
  ])('with %s is refused, and nothing is changed', async (_what, spoil, why) => {
    await loadRows(world.owner, world.dataKeys, rows, new Date())
    const before = await whole()
    const path = await write(2, rows.slice(1))
    await spoil(path)
    await expect(takes(path)).rejects.toEqual(isRefused(why))
    expect(await whole()).toEqual(before)
    await takes(await write(3, rows.slice(1))) // what was left of it harms nobody
    expect((await whole()).watermark).toEqual([{ sequence: 3, rows: 1_999 }])
  })

  test('under other data keys is refused: it would be taken for other people', async () => {
    await loadRows(world.owner, world.dataKeys, rows.slice(0, 50), new Date())
    const before = await whole()
    const path = await write(2, rows.slice(0, 50))
    const dataKeys = { ...world.dataKeys, lookup: Buffer.alloc(32, 7).toString('base64') }
    const take = { ownerUrl: world.ownerUrl, dataKeys, shrinkMaxPercent: 5, acceptShrink: null, say: () => {} }
    await expect(takeFeed(path, take)).rejects.toEqual(isRefused('the data keys are not those'))
    expect(await whole()).toEqual(before)
  })

  test('that lost more than its share waits for a reason, which is kept in the log', async () => {
    await loadRows(world.owner, world.dataKeys, rows, new Date())
    const path = await write(2, rows.slice(101))
    await expect(takes(path)).rejects.toEqual(isRefused('--accept-shrink'))
    expect((await whole()).watermark).toEqual([{ sequence: 1, rows: 2_000 }])
    await takes(path, 'two communes joined another province')
    expect((await whole()).watermark).toEqual([{ sequence: 2, rows: 1_899 }])
    const entries =
      await world.owner`select body, sealed from log_entry join entry_detail using (log_id, leaf_index) order by leaf_index`
    const last = entries.at(-1)
    expect(JSON.parse(last?.['body']).outcome).toMatchObject({ shrink: 'accepted' })
    expect(open(keys, 'entry_detail', '', last?.['sealed'])).toContain('two communes joined another province')
  })

  test('that lost more than its share by rows that cannot be taken waits for a reason too', async () => {
    await loadRows(world.owner, world.dataKeys, rows, new Date())
    const before = await whole()
    const path = await write(2, [...rows.slice(101), ...Array.from({ length: 101 }, () => '{')])
    await expect(takes(path)).rejects.toEqual(isRefused('1899 usable rows, our copy 2000'))
    expect(await whole()).toEqual(before)
  })

  test('would open a card that a later batch ended before its turn, or forget that it ended', async () => {
    await loadRows(world.owner, world.dataKeys, rows, new Date())
    const [named, unnamed] = rows.filter((each) => each.coverageNo === 1 && each.status === 'active')
    const end = (row: FeedRow | undefined) => ({ op: 'put', ...changed(row, { status: 'revoked', statusFrom: today }) })
    const delta = await write(5, [end(named), end(unnamed)], { kind: 'delta' })
    await expect(takes(delta)).rejects.toEqual(isRefused('2 of its records that end a card were applied'))
    await takes(
      await write(
        3,
        rows.filter((each) => each !== unnamed),
      ),
    )
    const told = await answers([numberOf(named), numberOf(unnamed)])
    expect(
      told.map((each) => each.filter(({ facts }) => facts.coverageNo === 1).map(({ facts }) => facts.status)),
    ).toEqual([['revoked'], ['revoked']])
  })

  describe('that was overtaken while it was staged', () => {
    const staged = async (path: string): Promise<FullImport> => {
      const [, payload = ''] = (await readFile(path, 'utf8')).split('.')
      const manifest = parsePayload(Buffer.from(payload, 'base64url').toString())
      const { owner: sql, ownerUrl, dataKeys } = world
      const dataFile = join(folder, manifest.file)
      return { sql, ownerUrl, dataKeys, manifest, dataFile, shrinkMaxPercent: 5, acceptShrink: 'a test', say: () => {} }
    }

    test('would take the copy back to its number', async () => {
      await loadRows(world.owner, world.dataKeys, rows.slice(0, 100), new Date())
      const job = await staged(await write(2, rows.slice(0, 90)))
      await takes(await write(2, [], { kind: 'delta' }))
      const before = await whole()
      await expect(mergeStaged(job)).rejects.toEqual(isRefused('the copy is at 2 meanwhile'))
      expect(await whole()).toEqual(before)
    })
  })

  test('would be written as it differed from a state that another batch changed since', async () => {
    const few = rows.slice(0, 100)
    await loadRows(world.owner, world.dataKeys, few, new Date())
    const path = await write(9, few)
    const waits = async () =>
      (
        await world.owner`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      ).count
    let taking = Promise.resolve('')
    const other = connect(world.ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'a delta' })
    await other.begin(async (tx) => {
      await tx`select from feed_watermark for update`
      taking = takes(path)
      taking.catch(() => {}) // told below
      await expect.poll(waits, { timeout: 20_000 }).toBe(1) // it has compared, and found nothing to write
      await tx`update coverage set tag = gen_random_uuid(), registered_facility = '99Z99'`
      await tx`update feed_watermark set sequence = 2, loaded_at = loaded_at + interval '1 microsecond'`
    })
    await other.end()
    expect(await taking).toContain('comparing once more')
    expect((await whole()).watermark).toEqual([{ sequence: 9, rows: 100 }])
    const told = await answers(few.map(numberOf))
    expect(told.flat().filter(({ facts }) => facts.registeredFacility === '99Z99')).toEqual([])
    expect(told.flat().length).toBeGreaterThanOrEqual(100)
  })

  test('with bad rows is in without them; each is kept as it came, with its reason', async () => {
    await loadRows(world.owner, world.dataKeys, rows.slice(0, 1_000), new Date())
    const lines: unknown[] = rows.slice(0, 1_000)
    const bad: [number, unknown, string][] = [
      [10, '{"broken', 'row_not_json'],
      [20, changed(rows[20], { status: 'asleep' as FeedRow['status'] }), 'status_unknown'],
      [30, changed(rows[29], { validTo: '2031-01-01' }), 'row_repeated'], // in the place of another person's row
      [40, changed(rows[40], { formerNumbers: [rows[500]?.citizenId ?? ''] }), 'number_taken'],
      [
        50,
        { op: 'remove', citizenId: rows[50]?.citizenId, insuranceNumber: rows[50]?.insuranceNumber, coverageNo: 1 },
        'row_shape',
      ],
    ]
    for (const [position, line] of bad) lines[position] = line
    expect(await takes(await write(2, lines))).toContain(`5 rows quarantined; 995 records in force`)
    const kept = await world.owner`select position, reason, sealed from quarantine order by position`
    expect(kept.map((each) => [each['position'], each['reason']])).toEqual(
      bad.map(([position, , reason]) => [position, reason]),
    )
    for (const [i, [position, line]] of bad.entries()) {
      expect(open(keys, 'quarantine', `vss/2/${position}`, kept[i]?.['sealed'])).toBe(
        typeof line === 'string' ? line : JSON.stringify(line),
      )
    }
    const [own] = await answers([rows[500]?.citizenId ?? ''])
    expect(own).toMatchObject([{ holder: { citizenId: rows[500]?.citizenId } }])
    const [first] = await answers([numberOf(rows[29])])
    expect(first?.[0]?.facts.validTo).toBe(rows[29]?.validTo)
    // the next feed has them right: nothing waits any more
    await takes(await write(3, rows.slice(0, 1_000)))
    expect(await world.owner`select from quarantine where not resolved`).toHaveLength(0)
    expect((await whole()).watermark).toEqual([{ sequence: 3, rows: 1_000 }])
  })

  test('into a copy where another first feed was broken off has nothing of that one', async () => {
    const plan: LoadPlan = {
      feed: 'vss',
      sequence: 1,
      source: 'another file',
      rows: 900,
      chunkRows: 500,
      keyCheck: 'a'.repeat(32),
      asOf: new Date(Date.now() - 86_400_000),
    }
    await beginLoad(world.owner, plan)
    await copyChunk(world.owner, plan, prepareChunk(keys, plan, 0, 0, rows.slice(500, 1_000)))
    await takes(await write(2, rows.slice(0, 700)))
    expect((await whole()).versions).toHaveLength(700)
    expect((await whole()).watermark).toEqual([{ sequence: 2, rows: 700 }])
  })

  test('into an empty copy sets contradictions aside too', async () => {
    const lines = [...rows.slice(0, 500), changed(rows[3], { validTo: '2031-01-01' })]
    expect(await takes(await write(1, lines))).toContain('1 rows quarantined; 500 records in force')
    await takes(await write(2, rows.slice(0, 500)))
    expect((await whole()).watermark).toEqual([{ sequence: 2, rows: 500 }])
  })
})

describe('a rollback', () => {
  test('makes the copy answer what it answered, keeps what was known in between, and says what to pull again', async () => {
    await loadRows(world.owner, world.dataKeys, rows, new Date())
    const ids = rows
      .slice(0, 40)
      .flatMap((row) => [row.insuranceNumber, ...(row.citizenId === null ? [] : [row.citizenId]), ...row.formerNumbers])
    const before = await answers(ids)
    const second = rows
      .slice(2)
      .map((row, i) => (i % 10 === 0 ? changed(row, { status: 'held', statusFrom: today }) : row))
    await takes(await write(2, second))
    await takes(
      await write(3, [{ op: 'put', ...changed(second[3], { status: 'stopped', statusFrom: today }) }], {
        kind: 'delta',
      }),
    )
    expect(await answers(ids)).not.toEqual(before)
    const versions = (await whole()).versions.length
    expect(await rollsBack()).toContain(
      'the copy is at 1 again; deltas to be pulled again, or a full feed above 1: 2–3',
    )
    expect(await answers(ids)).toEqual(before)
    expect((await whole()).watermark).toEqual([{ sequence: 1, rows: 2_000 }])
    expect((await whole()).versions.length).toBeGreaterThan(versions)
    await expect(rollsBack()).rejects.toEqual(isRefused('no state'))
    // and the corrected file under the same number
    await takes(await write(2, second.slice(1)))
    expect((await whole()).watermark).toEqual([{ sequence: 2, rows: 1_997 }])
  })

  test('opens the rows that the feed it takes back had settled: nobody else would look at them', async () => {
    const few = rows.slice(0, 100)
    await takes(await write(1, ['{', '{', '{', ...few]))
    const replayed = (position: number) => resolve(world.owner, { feed: 'vss', sequence: 1, position })
    await replayed(0)
    await takes(await write(2, [{ op: 'put', ...few[0] }], { kind: 'delta' }))
    await replayed(1) // after the state that the rollback goes to: what it brought is taken back with the rest
    await takes(await write(3, [...few, '{']))
    const open = async () =>
      (await world.owner`select sequence, position from quarantine where not resolved order by sequence, position`).map(
        (each) => `${each['sequence']}/${each['position']}`,
      )
    expect(await open()).toEqual(['3/100'])
    await rollsBack()
    expect(await open()).toEqual(['1/1', '1/2'])
    // and settled again by the next full feed
    await takes(await write(4, few))
    expect(await open()).toEqual([])
  })
})

test('killed at any moment it leaves the old state or the new one, and the same command completes', async () => {
  await loadRows(world.owner, world.dataKeys, rows, new Date())
  const second = rows
    .slice(1)
    .map((row, i) => (i % 7 === 0 ? changed(row, { status: 'held', statusFrom: today }) : row))
  const path = await write(2, second)
  const ids = rows.slice(0, 60).map(numberOf)
  const old = await answers(ids)
  const states: string[] = []
  // while it starts, reads, stages, merges
  for (const waitMs of [250, 450, 650, 850]) {
    const command = startKiemthe(['import', path], env)
    await Promise.race([command.ended, new Promise((resolve) => setTimeout(resolve, waitMs))])
    await command.end('SIGKILL')
    states.push(JSON.stringify(await answers(ids)))
  }
  const last = await kiemthe(['import', path], env)
  expect(last.code, last.stderr).toBe(0)
  const now = JSON.stringify(await answers(ids))
  expect(now).not.toBe(JSON.stringify(old))
  for (const state of states) expect([JSON.stringify(old), now]).toContain(state)
  expect((await whole()).watermark).toEqual([{ sequence: 2, rows: 1_999 }])
})

test('a manifest or a data file that is not there is said so', async () => {
  await expect(takes(join(folder, 'nowhere.jws'))).rejects.toEqual(
    isRefused(/there is no file .*nowhere\.jws\. Nothing/),
  )
  const path = await write(1, rows.slice(0, 10))
  const data = (await readdir(folder)).find((each) => !each.endsWith('.jws')) ?? ''
  await rm(join(folder, data))
  await expect(takes(path)).rejects.toEqual(isRefused(`there is no file ${join(folder, data)}`))
})

describe('desks have the processor first', () => {
  const sessionOf = (pid: number | undefined) =>
    readFile(`/proc/${pid}/autogroup`, 'utf8').then(
      (text) => text.trim(),
      () => 'none', // a kernel without
    )
  const waits = `create function waits() returns trigger language plpgsql
                 as 'begin perform pg_advisory_xact_lock(77); return new; end'`

  test('all threads of an import stand back, and so do its statements; nobody else’s', async () => {
    await loadRows(world.owner, world.dataKeys, rows, new Date())
    const path = await write(2, rows)
    await world.owner.unsafe(
      `${waits}; create trigger waits before insert on alias_stage for each row execute function waits()`,
    )
    const holder = await world.owner.reserve()
    await holder`select pg_advisory_lock(77)`
    const ours = await sessionOf(process.pid)
    const child = spawn(process.execPath, [join(ROOT, 'src/cli.ts'), 'import', path], {
      env,
      stdio: 'ignore',
      detached: true, // it leads a session, as a service does
    })
    const ended = once(child, 'exit')
    try {
      const backends = await vi.waitFor(
        async () => {
          const found = await world.owner<{ pid: number; waits: boolean }[]>`
            select pid, wait_event = 'advisory' as waits from pg_stat_activity
             where application_name = 'kiemthe import' and datname = current_database()`
          expect(found.some((each) => each.waits)).toBe(true)
          return found
        },
        { timeout: 20_000, interval: 50 },
      )
      const threads = (await readdir(`/proc/${child.pid}/task`)).map(Number)
      const [own] = await holder<{ pid: number }[]>`select pg_backend_pid() as pid`
      const low = constants.priority.PRIORITY_LOW
      expect(backends.length).toBeGreaterThan(1) // that of the turn, and a thread's
      expect(threads.length).toBeGreaterThan(3)
      expect(backends.map(({ pid }) => getPriority(pid))).toEqual(backends.map(() => low))
      expect(threads.map((thread) => getPriority(thread))).toEqual(threads.map(() => low))
      expect(getPriority(own?.pid)).toBe(0)
      expect(await sessionOf(child.pid)).toMatch(/nice 19$|^none$/)
      expect(await sessionOf(process.pid)).toBe(ours)
    } finally {
      await holder`select pg_advisory_unlock(77)`
      holder.release()
    }
    expect(await ended).toEqual([0, null])
  })

  test.each([
    ['postgres: kiemthe_owner kiemthe 127.0.0.1(43092) idle', true],
    ['postgres: cluster: postgres kiemthe ::1(43092) COPY', true],
    ['postgres: kiemthe_owner kiemthe 127.0.0.1(43093) idle', false], // another connection
    ['postgres: kiemthe_owner kiemthe 127.0.0.1(143092) idle', false],
    ['postgres: checkpointer ', false],
    ['node server.js --peer 127.0.0.1(43092) idle', false], // the number is somebody else's here
    ['', false],
  ])('%s: the process of the connection from port 43092: %s', (title, expected) => {
    expect(isBackend(title, 43_092)).toBe(expected)
  })
})
