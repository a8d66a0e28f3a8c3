import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OpenJob, openJob } from '../../src/cli/job.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import type { Job } from '../../src/scope.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { VISITS_MAX, type VisitChange, type VisitChanges } from '../../src/visit/changes.ts'
import { BEGINNING, readCursor, writeCursor } from '../../src/visit/cursor.ts'
import { followVisits, forgetVisits } from '../../src/visit/follow.ts'
import { applyNext } from '../support/delta.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import { testConfig } from '../support/service.ts'
import {
  alsoOf,
  asking,
  day,
  expectNoTrace,
  expectProblem,
  logState,
  record,
  scan,
  secretsOf,
  send,
  typed,
} from './http-support.ts'

const PATH = '/v1/visit-changes'
const people = Array.from({ length: 40 }, () => record())
const revoked = (row: FeedRow): FeedRow => ({ ...row, status: 'revoked', statusFrom: day(-1) })

openDesk(people)

let open: OpenJob
let other: string
let next = 0

beforeAll(async () => {
  open = await openJob(testConfig(world.appUrl, {}), world.dataKeys, { error: () => {} }, 'recheck')
  other = await world.token('facility:38002')
})

afterAll(() => open?.close())

/** Nobody has met them in this suite. */
function somebody(): FeedRow {
  const row = people[next++]
  if (row === undefined) throw new Error('more people are needed')
  return row
}

interface Visit {
  readonly visitId: string
  readonly inpatient?: boolean
}

let visits = 0
const inBed = (): Visit => ({ visitId: `38001-${++visits}`, inpatient: true })

async function check(row: FeedRow, visit: Visit, members: Record<string, unknown> = {}, as = token) {
  const reply = await send(running.url, { token: as, body: asking(scan(row), { visit, ...members }) })
  expect(reply.status).toBe(200)
  await followVisits(open.job)
  return reply.json
}

async function ask(query: Record<string, string> = {}, as = token): Promise<VisitChanges> {
  const reply = await send(running.url, { method: 'GET', path: `${PATH}?${new URLSearchParams(query)}`, token: as })
  expect(reply.status).toBe(200)
  return reply.json as unknown as VisitChanges
}

/** All that is told from a cursor on, page by page. */
async function poll(from: string | null, limit = '100'): Promise<{ items: VisitChange[]; cursor: string }> {
  const items: VisitChange[] = []
  let cursor = from
  for (;;) {
    const page = await ask({ limit, ...(cursor === null ? {} : { cursor }) })
    items.push(...page.items)
    cursor = page.nextCursor
    if (!page.more) return { items, cursor }
  }
}

/** Where a test begins: what came before it was told. */
const now = async () => (await poll(null)).cursor
const idsOf = (items: readonly VisitChange[]) => items.map((each) => each.visitId)

function later(ms: number): Job {
  return { ...open.job, now: () => new Date(Date.now() + ms) }
}

describe('a visit under way', () => {
  test('whose coverage was revoked would not be told, or twice', async () => {
    const [row, visit, from] = [somebody(), inBed(), await now()]
    const { id, checkedAt } = await check(row, visit)
    expect((await poll(from)).items).toEqual([])
    await applyNext(world, [revoked(row)])
    const told = await poll(from)
    expect(told.items).toMatchObject([
      {
        ...{ visitId: visit.visitId, verificationId: id, checkedAt },
        atCheck: { decision: 'entitled', code: 'valid', serviceDate: day(0), coverages: [{ applies: true }] },
        today: { decision: 'notEntitled', code: 'revoked', serviceDate: day(0), coverages: [{ status: 'revoked' }] },
      },
    ])
    expect(told.items[0]?.desk).toContain('thu hồi')
    expect((await poll(told.cursor)).items).toEqual([])
    expect(await poll(from)).toEqual(told) // the same cursor, the same page
    expect(idsOf((await poll(null)).items)).toContain(visit.visitId)
    expectNoTrace([...running.log, told.cursor], [visit.visitId, ...secretsOf(row)])
  })

  test('would be told of after its end', async () => {
    const [row, visit, from] = [somebody(), inBed(), await now()]
    await check(row, visit)
    await applyNext(world, [revoked(row)])
    await check(row, visit, { purpose: 'end' })
    expect((await poll(from)).items).toEqual([])
    // nor of a later change
    await applyNext(world, [{ ...row, level: undefined, cardNumber: `GD238${row.insuranceNumber}` } as FeedRow])
    expect((await poll(from)).items).toEqual([])
  })

  test('that was checked again after the change would be told all the same', async () => {
    const [row, visit, from] = [somebody(), inBed(), await now()]
    await check(row, visit)
    await applyNext(world, [revoked(row)])
    const { id } = await check(row, visit, { purpose: 'during' })
    expect((await poll(from)).items).toEqual([])
    await applyNext(world, [row])
    expect((await poll(from)).items).toMatchObject([
      { verificationId: id, atCheck: { code: 'revoked' }, today: { code: 'valid' } },
    ])
  })

  test.each<[string, (row: FeedRow) => FeedRow[], object]>([
    [
      'replaced by a card of another level',
      (row) => [{ ...row, cardNumber: `HN238${row.insuranceNumber}` }],
      { code: 'valid' },
    ],
    [
      'superseded by a new card',
      (row) => [
        { ...row, status: 'superseded', statusFrom: day(-1) },
        alsoOf(row, { cardNumber: `HN238${row.insuranceNumber}` }),
      ],
      { code: 'valid' },
    ],
    [
      'renewed for longer',
      (row) => [{ ...row, validTo: day(500) }],
      { code: 'valid', coverages: [{ validTo: day(500) }] },
    ],
    ['held', (row) => [{ ...row, status: 'held', statusFrom: day(0) }], { code: 'held', decision: 'undetermined' }],
    [
      'of another facility',
      (row) => [{ ...row, registeredFacility: '38009' }],
      { coverages: [{ registeredFacility: '38009' }] },
    ],
  ])('whose coverage was %s would not be told', async (_, change, wanted) => {
    const [row, visit, from] = [somebody(), inBed(), await now()]
    await check(row, visit)
    await applyNext(world, change(row))
    expect((await poll(from)).items).toMatchObject([{ visitId: visit.visitId, today: wanted }])
  })

  test('whose record was taken away, or put under a new number, would be told wrong', async () => {
    const [gone, moved, from] = [somebody(), somebody(), await now()]
    const [one, two] = [inBed(), inBed()]
    await check(gone, one)
    await check(moved, two)
    const citizenId = `038190${moved.citizenId?.slice(6)}`
    await applyNext(world, [{ removed: gone }, { ...moved, citizenId, formerNumbers: [moved.citizenId ?? ''] }])
    const told = await poll(from)
    expect(told.items).toMatchObject([{ visitId: one.visitId, today: { code: 'not_found', coverages: [] } }])
    await applyNext(world, [revoked({ ...moved, citizenId, formerNumbers: [moved.citizenId ?? ''] })])
    expect((await poll(told.cursor)).items).toMatchObject([{ visitId: two.visitId, today: { code: 'revoked' } }])
  })

  test('whose person was not here yet would not be told once they are', async () => {
    const [row, visit, from] = [record(), inBed(), await now()]
    expect((await check(row, visit)).code).toBe('not_found')
    await applyNext(world, [row])
    expect((await poll(from)).items).toMatchObject([{ visitId: visit.visitId, today: { code: 'valid' } }])
  })

  test('of somebody who was not found for sure would tell of their record', async () => {
    const [row, from] = [somebody(), await now()]
    const mistyped = { ...typed(row), fullName: 'Trịnh Hoài Đức' }
    const asked = [mistyped, { ...mistyped, number: '038090999999' }, scan({ ...row, fullName: 'Trịnh Hoài Đức' })]
    for (const evidence of asked) {
      await send(running.url, { token, body: asking(evidence, { visit: inBed() }) })
    }
    await followVisits(open.job)
    await applyNext(world, [revoked(row)])
    expect((await poll(from)).items).toEqual([])
  })

  test('without a change that matters would be told', async () => {
    const [row, visit, from] = [somebody(), inBed(), await now()]
    await check(row, visit)
    await applyNext(world, [row]) // the same again
    await applyNext(world, [{ ...row, formerNumbers: [] }, somebody()])
    await applyNext(world, [alsoOf(row, { validFrom: day(-600), validTo: day(-300) })]) // a term long over
    const told = await poll(from)
    expect(told.items).toEqual([])
    await applyNext(world, [alsoOf(row, { validFrom: day(-700), validTo: day(-300) })])
    expect((await poll(told.cursor)).items).toEqual([])
    expect((await ask()).through.syncedAt).not.toBeNull()
  })

  test("would be told to another facility, or under another's cursor", async () => {
    const [row, visit, from] = [somebody(), inBed(), await now()]
    await check(row, visit)
    await check(row, { ...visit }, {}, other) // the same text is another visit there
    await applyNext(world, [revoked(row)])
    expect((await poll(from)).items).toHaveLength(1)
    expect((await ask({ limit: '100' }, other)).items).toHaveLength(1)
    await check(row, visit, { purpose: 'end' }, other)
    expect((await ask({ limit: '100' }, other)).items).toEqual([])
    expect((await poll(from)).items).toHaveLength(1)
    const reply = await send(running.url, { method: 'GET', path: `${PATH}?cursor=${from}`, token: other })
    expectProblem(reply, { status: 400, code: 'page_invalid' })
  })

  test('would be watched past its time, or let go before', async () => {
    const [row, from] = [somebody(), await now()]
    const { size } = await logState(world)
    const [stay, outpatient, kept] = [inBed(), { visitId: 'out-1' }, inBed()]
    for (const visit of [stay, outpatient, kept]) await check(row, visit)
    await check(row, { visitId: kept.visitId }, { purpose: 'during' }) // says nothing of the stay
    await check(row, { visitId: 'day-1' }, { serviceDate: day(-1) }) // over since yesterday
    await check(row, { visitId: 'later-1' }, { serviceDate: day(3), purpose: 'appointment' })
    const left = async () => {
      const rows = await world.owner<{ days: number }[]>`
        select floor(extract(epoch from closes_at - now()) / 86400)::int as days from open_visit
         where leaf_index >= ${size} order by 1`
      return rows.map((each) => each.days)
    }
    expect(await left()).toEqual([0, 29, 29])
    await applyNext(world, [revoked(row)])
    expect(idsOf((await poll(from)).items).sort()).toEqual([kept.visitId, outpatient.visitId, stay.visitId].sort())
    await followVisits(later(26 * 3_600_000)) // a day later the log is followed
    expect(await left()).toEqual([29, 29])
    await followVisits(later(31 * 86_400_000))
    expect(await left()).toEqual([])
  })
})

describe('what is told in pages', () => {
  test('would be told twice, or passed over, while checks and syncs go on', async () => {
    const from = await now()
    const rows = Array.from({ length: 7 }, somebody)
    for (const row of rows) await check(row, inBed())
    await applyNext(world, rows.map(revoked))
    const first = await ask({ limit: '3', cursor: from })
    expect(first).toMatchObject({ more: true, items: [{}, {}, {}] })
    // between two pages: a new visit with a change, and another change of one told already
    const [late, again] = [somebody(), rows[0] as FeedRow]
    await check(late, inBed())
    await applyNext(world, [revoked(late), again, { ...(rows[6] as FeedRow), status: 'held', statusFrom: day(0) }])
    const rest = await poll(first.nextCursor, '3')
    const codes = rest.items.map((each) => each.today.code)
    expect(codes).toEqual(['revoked', 'revoked', 'revoked', 'revoked']) // as at the first page
    const news = await poll(rest.cursor, '3')
    // the first is again as it was checked, and was told to be otherwise
    expect(news.items.map((each) => each.today.code)).toEqual(['valid', 'held', 'revoked'])
    expect(idsOf(news.items)[0]).toBe(idsOf(first.items)[0])
    expect((await poll(news.cursor)).items).toEqual([])
    expect(await poll(first.nextCursor, '3')).toEqual({ ...rest, items: [...rest.items] })
  })

  test('would miss a check that the log is followed to only after the sync', async () => {
    const [row, visit, from] = [somebody(), inBed(), await now()]
    await send(running.url, { token, body: asking(scan(row), { visit }) })
    await applyNext(world, [revoked(row)])
    const told = await poll(from)
    expect(told.items).toEqual([]) // nobody has read on in the log
    await followVisits(open.job)
    expect(idsOf((await poll(told.cursor)).items)).toEqual([visit.visitId])
  })

  test('would be told otherwise after it was made anew from the log, or followed by two', async () => {
    const [row, visit, from] = [somebody(), inBed(), await now()]
    await check(row, visit)
    await applyNext(world, [revoked(row)])
    const table = () => world.owner`select visit, facility, leaf_index, seen, closes_at from open_visit order by visit`
    await followVisits(open.job)
    const [before, kept] = [await poll(from), await table()]
    await forgetVisits(open.job)
    expect((await ask({ cursor: from })).items).toEqual([])
    await Promise.all([followVisits(open.job), followVisits(open.job)])
    await followVisits(open.job)
    expect([...(await table())].filter((each) => kept.some((other) => other['visit'] === each['visit']))).toEqual([
      ...kept,
    ])
    expect(await poll(from)).toEqual(before)
  })

  test.each([
    'limit=0',
    'limit=101',
    'limit=1.5',
    'limit=',
    'limit=-1',
    'cursor=',
    'cursor=x',
    'cursor=AAAA%00',
    `cursor=${'A'.repeat(401)}`,
  ])('would be asked for by %s', async (query) => {
    const reply = await send(running.url, { method: 'GET', path: `${PATH}?${query}`, token })
    expectProblem(reply, { status: 400, code: 'page_invalid' })
  })

  test('a cursor that somebody changed would be read', () => {
    const keys = deriveDataKeys(world.dataKeys)
    const cursor = writeCursor(keys, '38001', BEGINNING)
    expect(readCursor(keys, '38001', cursor)).toEqual(BEGINNING)
    const changed = Buffer.from(Buffer.from(cursor, 'base64url').toString().replace('"index":0', '"index":9'))
    for (const sent of [changed.toString('base64url'), cursor.slice(0, -1), '']) {
      expect(() => readCursor(keys, '38001', sent)).toThrow('page_invalid')
    }
    expect(() => readCursor(keys, '38002', cursor)).toThrow('page_invalid')
  })
})

test('the table of visits under way would join two visits of one person', async () => {
  const row = somebody()
  for (const visit of [inBed(), inBed()]) await check(row, visit)
  const rows = await world.owner`
    select visit::text, encode(sealed, 'hex') as sealed from open_visit order by leaf_index desc limit 2`
  expect(new Set(rows.flatMap((each) => [each['visit'], each['sealed']])).size).toBe(4)
  expect(VISITS_MAX).toBeGreaterThanOrEqual(100)
})
