import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { person, personsForRecords, rowsOf } from '../../mocks/province/person.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { loadProvince } from '../../src/cli/load-province.ts'
import type { LoadWorkerData, ToWorker } from '../../src/cli/load-worker.ts'
import { findSealed, openRead } from '../../src/coverage/store.ts'
import { type DataKeys, deriveDataKeys, lookupKey, namesOf } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { open } from '../../src/seal.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { keyCheckOf, type LoadPlan, prepareChunk } from '../../src/sync/load.ts'
import { beginLoad, copyChunk, discardLoad, finishLoad, LoadRefused } from '../../src/sync/store.ts'
import { createWorld, type World } from '../support/service.ts'

const today = todayInVietnam(new Date())
const province = { seed: 'load', baseDate: today }
/** Of the day that the province is of: nobody in it is born later. */
const asOf = new Date(`${today}T01:02:03.456Z`)
/** Of loads whose keys are not the question. */
const KEY_CHECK = 'a'.repeat(32)
/** The province's first records; whole blocks of 100 have whole people. */
const feed = rowsOf(province, 0, 3_000)

let world: World
let keys: DataKeys
const opened: Sql[] = []

beforeEach(async () => {
  world = await createWorld([])
  keys = deriveDataKeys(world.dataKeys)
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.end({ timeout: 1 })))
  await world?.close()
})

function planOf(rows: number, source = 'test'): LoadPlan {
  return { feed: 'vss', sequence: 1, source, rows, chunkRows: 200, keyCheck: KEY_CHECK, asOf }
}

/** A loader of its own, to be cut off. */
function loader(): Sql {
  const sql = connect(world.ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'the load' })
  opened.push(sql)
  return sql
}

async function load(rows: readonly FeedRow[], plan = planOf(rows.length)): Promise<void> {
  await beginLoad(world.owner, plan)
  await copyChunk(world.owner, plan, prepareChunk(keys, plan, 0, 0, rows))
  await finishLoad(world.owner, plan)
}

async function readAll(numbers: readonly string[]) {
  const sealed = await findSealed(
    world.owner,
    numbers.map((each) => namesOf(keys, each)),
  )
  return sealed.map((each) => {
    const read = openRead(keys, each)
    return { ...read, coverages: read.coverages.toSorted(byNumber) }
  })
}

async function read(number: string) {
  const [only] = await readAll([number])
  if (only === undefined) throw new Error('one key was asked for')
  return only
}

function byNumber(a: { facts: { coverageNo: number } }, b: { facts: { coverageNo: number } }): number {
  return a.facts.coverageNo - b.facts.coverageNo
}

/** What `read` must say of a row of the feed. */
function coverageOf(row: FeedRow) {
  return {
    holder: {
      citizenId: row.citizenId,
      fullName: row.fullName,
      dateOfBirth: row.dateOfBirth,
      sex: row.sex,
      cardNumber: row.cardNumber,
    },
    facts: {
      coverageNo: row.coverageNo,
      group: row.cardNumber.slice(0, 2),
      level: Number(row.cardNumber[2]),
      registeredFacility: row.registeredFacility,
      validFrom: row.validFrom,
      validTo: row.validTo,
      fiveYearsFrom: row.fiveYearsFrom,
      area: row.area,
      status: row.status,
      statusFrom: row.statusFrom,
      knownFrom: asOf.toISOString(),
      cardNumber: row.cardNumber,
    },
  }
}

async function counts(): Promise<Record<string, number>> {
  const [row] = await world.owner<Record<string, number>[]>`
    select (select count(*) from coverage) as coverage,
           (select count(distinct (subject, coverage_no)) from coverage) as distinct,
           (select count(*) from quarantine) as quarantine,
           (select rows from feed_watermark where feed = 'vss') as watermark`
  return row ?? {}
}

/** What the database promises of its tables, as PostgreSQL writes it. */
async function promises(): Promise<string[]> {
  const rows = await world.owner<{ text: string }[]>`
    select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) as text
      from pg_constraint where connamespace = 'public'::regnamespace
    union all
    select tablename || ' ' || indexdef from pg_indexes where schemaname = 'public'
    order by text`
  return rows.map((row) => row.text)
}

describe('what was loaded', () => {
  test('is what a look-up gives back, field by field, under every number of the person', async () => {
    const records = 3_000
    const plan = planOf(records)
    await beginLoad(world.owner, plan)
    for (let chunk = 0; chunk < 3; chunk++) {
      const from = chunk * 1_000
      await copyChunk(world.owner, plan, prepareChunk(keys, plan, chunk, from, feed.slice(from, from + 1_000)))
    }
    await finishLoad(world.owner, plan)
    expect(await counts()).toEqual({ coverage: records, distinct: records, quarantine: 0, watermark: records })

    const wanted = Array.from({ length: personsForRecords(records) }, (_, i) => person(province, i)).flatMap((each) =>
      [each.citizenId, each.insuranceNumber, ...each.formerNumbers].map((number) => ({ number, someone: each })),
    )
    const found = await readAll(wanted.map((each) => each.number))
    wanted.forEach(({ someone }, n) => {
      expect(found[n]).toEqual({
        subject: lookupKey(keys, someone.citizenId),
        watermark: { feedSequence: 1, asOf, loadedAt: expect.any(String), incomplete: false },
        checkpoint: null,
        coverages: someone.coverages.map(coverageOf).toSorted(byNumber),
      })
    })
  })

  test('is what came, for any row that the check lets pass', async () => {
    const sampled = fc.sample(anyRow, { numRuns: 400, seed: 38 })
    const seen = new Set<string>()
    const rows = sampled.filter((row) => {
      // one person each: a number that two share is another test's
      const fresh = !seen.has(row.insuranceNumber) && !(row.citizenId !== null && seen.has(row.citizenId))
      seen.add(row.insuranceNumber)
      if (row.citizenId !== null) seen.add(row.citizenId)
      return fresh
    })
    await load(rows)
    expect(await counts()).toMatchObject({ coverage: rows.length, quarantine: 0 })
    for (const row of rows) {
      expect((await read(row.insuranceNumber)).coverages).toEqual([coverageOf(row)])
      if (row.citizenId !== null) expect((await read(row.citizenId)).coverages).toEqual([coverageOf(row)])
    }
  })

  test('has the constraints and indexes of the migration, and nothing else', async () => {
    const before = await promises()
    expect(before.length).toBeGreaterThan(20)
    await load(feed.slice(0, 500))
    expect(await promises()).toEqual(before)
  })

  test('does not answer before the load is finished', async () => {
    const rows = feed.slice(0, 100)
    const plan = planOf(rows.length)
    await beginLoad(world.owner, plan)
    await copyChunk(world.owner, plan, prepareChunk(keys, plan, 0, 0, rows))
    expect((await read(rows[0]?.insuranceNumber ?? '')).watermark).toBeNull()
    await finishLoad(world.owner, plan)
    expect((await read(rows[0]?.insuranceNumber ?? '')).watermark).not.toBeNull()
  })
})

test('a row that cannot be taken is kept sealed, with its place and reason; the rest is in', async () => {
  const rows = feed.slice(0, 300)
  const bad: [number, Partial<FeedRow>, string][] = [
    [0, { status: 'asleep' as FeedRow['status'] }, 'status_unknown'],
    [17, { validTo: '2020-01-01', validFrom: '2024-01-01' }, 'term_reversed'],
    [120, { validFrom: '2024-02-30' }, 'term_shape'],
    [121, { coverageNo: 0 }, 'coverage_no_range'],
    [122, { coverageNo: 1.5 }, 'coverage_no_range'],
    [200, { area: 'K9' as FeedRow['area'] }, 'area_unknown'],
    [201, { sex: 'robot' as FeedRow['sex'] }, 'sex_unknown'],
    [202, { registeredFacility: '38' }, 'facility_shape'],
    [203, { formerNumbers: ['12'] }, 'former_number_shape'],
    [299, { insuranceNumber: '0000000000' }, 'insurance_number_differs'],
  ]
  for (const [position, change] of bad) rows[position] = { ...(rows[position] as FeedRow), ...change }
  const first = 10_000 // of a later chunk: a position counts in the whole feed
  const plan = planOf(rows.length)
  await beginLoad(world.owner, plan)
  await copyChunk(world.owner, plan, prepareChunk(keys, plan, 1, first, rows))
  await finishLoad(world.owner, plan)

  expect(await counts()).toMatchObject({ coverage: 290, quarantine: 10, watermark: 290 })
  const kept = await world.owner<{ position: number; reason: string; sealed: Buffer; resolved: boolean }[]>`
    select position, reason, sealed, resolved from quarantine order by position`
  expect(kept.map(({ position, reason, resolved }) => [position - first, reason, resolved])).toEqual(
    bad.map(([position, , reason]) => [position, reason, false]),
  )
  for (const { position, sealed } of kept) {
    expect(JSON.parse(open(keys, 'quarantine', `vss/1/${position}`, sealed))).toEqual(rows[position - first])
  }
})

describe('a load that was interrupted', () => {
  const CHUNKS = 4
  const records = CHUNKS * 200
  const plan = planOf(records)
  const prepared = (chunk: number) =>
    prepareChunk(keys, plan, chunk, chunk * 200, feed.slice(chunk * 200, (chunk + 1) * 200))

  async function goOn(sql = world.owner): Promise<number[]> {
    const begun = await beginLoad(sql, { ...plan, asOf: new Date() })
    if (begun.state !== 'open') throw new Error(begun.state)
    expect(begun.asOf).toEqual(asOf)
    expect(begun.rowsDone).toBe(begun.chunksDone.size * 200)
    const missing = Array.from({ length: CHUNKS }, (_, chunk) => chunk).filter((chunk) => !begun.chunksDone.has(chunk))
    for (const chunk of missing) await copyChunk(sql, plan, prepared(chunk))
    await finishLoad(sql, plan)
    return missing
  }

  async function expectWhole(): Promise<void> {
    expect(await counts()).toEqual({ coverage: records, distinct: records, quarantine: 0, watermark: records })
    expect((await beginLoad(world.owner, plan)).state).toBe('done')
  }

  test('goes on with the chunks that are missing, and ends with each record once', async () => {
    const before = await promises()
    await beginLoad(world.owner, plan)
    for (const chunk of [0, 3]) await copyChunk(world.owner, plan, prepared(chunk))
    expect(await goOn()).toEqual([1, 2])
    await expectWhole()
    expect(await promises()).toEqual(before)
  })

  test.each(['coverage', 'alias', 'feed_chunk'])(
    'at its work on %s has nothing of the chunk, and the loader hears of it',
    async (table) => {
      await beginLoad(world.owner, plan)
      await copyChunk(world.owner, plan, prepared(0))
      // nobody but the owner of this lock gets further: the loader is held there and cut off
      const holder = await world.owner.reserve()
      await holder`begin`
      await holder.unsafe(`lock table ${table} in access exclusive mode`)
      const loader = new Worker(new URL('../../src/cli/load-worker.ts', import.meta.url), {
        workerData: {
          databaseUrl: world.ownerUrl,
          dataKeys: world.dataKeys,
          plan,
          province,
        } satisfies LoadWorkerData,
      })
      const ending = once(loader, 'message').then(
        () => 'copied',
        () => 'failed',
      )
      loader.postMessage({ chunk: 1 } satisfies ToWorker)
      await expect
        .poll(
          async () => {
            const [row] = await world.owner<{ n: number }[]>`
            select count(*) as n from pg_stat_activity
             where datname = current_database() and application_name = 'kiemthe load' and wait_event_type = 'Lock'`
            return row?.n
          },
          { timeout: 10_000, interval: 10 },
        )
        .toBe(1)
      await world.owner`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'kiemthe load'`
      expect(await ending).toBe('failed')
      await holder`rollback`
      holder.release()
      expect(await goOn()).toEqual([1, 2, 3])
      await expectWhole()
    },
  )

  test('does not take a chunk twice, even when two loaders bring it at the same moment', async () => {
    await beginLoad(world.owner, plan)
    const results = await Promise.allSettled([
      copyChunk(loader(), plan, prepared(2)),
      copyChunk(loader(), plan, prepared(2)),
    ])
    expect(results.map((each) => each.status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await expect(copyChunk(loader(), plan, prepared(2))).rejects.toMatchObject({ code: '23505' })
    expect(await goOn()).toEqual([0, 1, 3])
    await expectWhole()
  })

  test.each([0, 1, 2])('in its last steps (%i keys were built) can be finished', async (built) => {
    await beginLoad(world.owner, plan)
    for (let chunk = 0; chunk < CHUNKS; chunk++) await copyChunk(world.owner, plan, prepared(chunk))
    if (built > 0) {
      await world.owner`alter table coverage add constraint coverage_pkey primary key (subject, coverage_no, known_from)`
    }
    if (built > 1) await world.owner`alter table alias add constraint alias_pkey primary key (alias)`
    expect(await goOn()).toEqual([])
    await expectWhole()
  })

  test('of another source is told, and taken away without a trace', async () => {
    await beginLoad(world.owner, plan)
    const spoiled = feed.slice(0, 200).map((row, i) => (i < 5 ? { ...row, coverageNo: 0 } : row))
    await copyChunk(world.owner, plan, prepareChunk(keys, plan, 0, 0, spoiled))
    const other = { ...planOf(100, 'another'), asOf: new Date('2026-11-21T00:00:00Z') }
    expect(await beginLoad(world.owner, other)).toEqual({ state: 'otherSource', source: 'test', finished: false })
    await discardLoad(world.owner, other)
    const begun = await beginLoad(world.owner, other)
    expect(begun).toEqual({ state: 'open', chunksDone: new Set(), rowsDone: 0, asOf: other.asOf })
    const rows = rowsOf({ ...province, seed: 'another' }, 0, 100)
    await copyChunk(world.owner, other, prepareChunk(keys, other, 0, 0, rows))
    await finishLoad(world.owner, other)
    expect(await counts()).toEqual({ coverage: 100, distinct: 100, quarantine: 0, watermark: 100 })
    expect((await read(person(province, 0).citizenId)).coverages).toEqual([])
    expect(await beginLoad(world.owner, plan)).toEqual({ state: 'otherSource', source: 'another', finished: true })
  })
})

describe('a load of other parts', () => {
  const plan = planOf(400)
  const others: [string, LoadPlan][] = [
    ['chunks of another size', { ...plan, chunkRows: 100 }],
    ['other data keys', { ...plan, keyCheck: 'b'.repeat(32) }],
  ]

  test.each(others)('is not gone on with: %s', async (_, other) => {
    await beginLoad(world.owner, plan)
    await copyChunk(world.owner, plan, prepareChunk(keys, plan, 0, 0, feed.slice(0, 200)))
    expect(await beginLoad(world.owner, other)).toEqual({ state: 'otherSource', source: 'test', finished: false })
    await discardLoad(world.owner, other)
    expect(await beginLoad(world.owner, other)).toMatchObject({ state: 'open', chunksDone: new Set(), rowsDone: 0 })
  })

  test.each(others)('that is finished is done all the same: %s', async (_, other) => {
    await load(feed.slice(0, 200), plan)
    expect(await beginLoad(world.owner, other)).toEqual({ state: 'done' })
  })

  test.each([
    ['chunks of another size', () => ({ chunkRows: 200, keyCheck: keyCheckOf(keys) })],
    ['other data keys', () => ({ chunkRows: 5_000, keyCheck: KEY_CHECK })],
  ])('is begun anew by the demo: %s', async (_, parts) => {
    const source = `province seed=${province.seed} base=${province.baseDate} cards=400`
    const begun = { ...planOf(400, source), ...parts() }
    await beginLoad(world.owner, begun)
    await copyChunk(world.owner, begun, prepareChunk(keys, begun, 0, 0, feed.slice(0, 200)))
    const said: string[] = []
    await loadProvince({
      ownerUrl: world.ownerUrl,
      dataKeys: world.dataKeys,
      province,
      records: 400,
      say: (line) => said.push(line),
      signal: new AbortController().signal,
    })
    expect(said).toContain(`an unfinished load of ${source} is taken away`)
    expect(await counts()).toEqual({ coverage: 400, distinct: 400, quarantine: 0, watermark: 400 })
  })
})

test('the check of the keys tells keys apart and nothing of them', () => {
  const other = { ...world.dataKeys, lookup: world.dataKeys.log }
  expect(keyCheckOf(keys)).toBe(keyCheckOf(deriveDataKeys(world.dataKeys)))
  expect(keyCheckOf(keys)).not.toBe(keyCheckOf(deriveDataKeys(other)))
  expect(keyCheckOf(keys)).toMatch(/^[0-9a-f]{32}$/)
})

describe('a feed that contradicts itself', () => {
  /** In words, and nothing of anybody: no number, no key, no name, not in its causes either. */
  async function expectRefused(finishing: Promise<void>, what: string): Promise<void> {
    const error = await finishing.then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(LoadRefused)
    const { message, cause } = error as LoadRefused
    expect(message).toBe(`${what}; the load is not finished and the copy does not answer from it`)
    expect(message).not.toMatch(/\d/)
    expect(cause).toBeUndefined()
    expect(Object.keys(error as LoadRefused)).toEqual([])
    expect((await counts())['watermark']).toBeNull()
    const [row] = await world.owner<{ finished: boolean }[]>`
      select finished_at is not null as finished from feed_load`
    expect(row?.finished).toBe(false)
  }

  test('by naming one coverage twice is refused, and again by the next start', async () => {
    const rows = feed.slice(0, 100)
    const what = 'the feed names one coverage of one person twice'
    await expectRefused(load([...rows, rows[3] as FeedRow]), what)
    await expectRefused(finishLoad(world.owner, planOf(101)), what)
  })

  test('by giving two people one insurance number is refused', async () => {
    const [one, two] = [person(province, 0), person(province, 1)].map((each) => each.coverages[0] as FeedRow)
    if (one === undefined || two === undefined) throw new Error('two people have coverages')
    const shared = { ...two, insuranceNumber: one.insuranceNumber, cardNumber: one.cardNumber }
    const plan = planOf(2)
    await beginLoad(world.owner, plan)
    await copyChunk(world.owner, plan, prepareChunk(keys, plan, 0, 0, [one]))
    await copyChunk(world.owner, plan, prepareChunk(keys, plan, 1, 1, [shared]))
    await expectRefused(
      finishLoad(world.owner, plan),
      'the feed gives one insurance number or former number to two people, or has one person in two places',
    )
  })
})

/** Rows at the edges of what `checkRow` takes: the ends of the calendar, every letter of a name, nothing and null. */
const digits = (count: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: count, maxLength: count }).map((each) => each.join(''))
const day = fc.date({ min: new Date('1900-01-01'), max: new Date('2199-12-31'), noInvalidDate: true })
const dayText = day.map((date) => date.toISOString().slice(0, 10))
const word = fc.string({
  unit: fc.constantFrom(...'aăâbcdđeêghiklmnoôơpqrstuưvxyAÁẢÃẠĐỲỶỸỴ'),
  minLength: 1,
  maxLength: 12,
})

const anyRow: fc.Arbitrary<FeedRow> = fc
  .record({
    citizen: fc.option(fc.tuple(fc.constantFrom('038', '001', '079'), fc.integer({ min: 0, max: 3 }), digits(8))),
    formerNumbers: fc.constant([] as string[]),
    insuranceNumber: digits(10),
    card: fc.tuple(fc.constantFrom('TE1', 'HT3', 'DN4', 'GD4', 'HN2', 'BT2'), fc.constantFrom('38', '01', '79')),
    coverageNo: fc.integer({ min: 1, max: 999 }),
    fullName: fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(' ')),
    dateOfBirth: fc.constantFrom('1930', '1955-04', '1980-02-29', '2000-12-31', '2019-01-01', todayInVietnam(asOf)),
    sex: fc.constantFrom('male' as const, 'female' as const, 'unknown' as const),
    registeredFacility: fc.constantFrom('38001', '01A23', '79999'),
    term: fc.tuple(dayText, fc.option(dayText)),
    /** A card from the day of birth, as children have it, to a birthday: their days are stored otherwise. */
    forBirthday: fc.boolean(),
    fiveYearsFrom: fc.option(dayText),
    area: fc.option(fc.constantFrom('K1' as const, 'K2' as const, 'K3' as const)),
    status: fc.constantFrom('active' as const, 'replaced' as const, 'revoked' as const),
    statusFrom: fc.option(dayText),
  })
  .map(({ citizen, card, term, forBirthday, ...row }) => {
    const born = row.dateOfBirth
    const [from, to] = forBirthday && born.length === 10 ? [born, `2180${born.slice(4)}`] : term
    return {
      ...row,
      citizenId: citizen === null ? null : `${citizen[0]}${citizen[1]}${citizen[2]}`,
      cardNumber: `${card[0]}${card[1]}${row.insuranceNumber}`,
      validFrom: to !== null && to < from ? to : from,
      validTo: to !== null && to < from ? from : to,
    }
  })
