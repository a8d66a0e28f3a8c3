import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CatalogueRow, catalogueRows } from '../../mocks/insurer/catalogue.ts'
import type { FieldIssue } from '../../src/errors.ts'
import { writeCursor } from '../../src/facility/cursor.ts'
import { isRefusal } from '../../src/http/refusal.ts'
import { changed, FIRST, openCatalogue } from '../support/catalogue.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import { asking, expectProblem, record, scan, send, today } from './http-support.ts'

const someone = record()
openDesk([someone])

/** The first catalogue with one facility merged, one ranked anew, and one in another province. */
const rows = changed(FIRST, {
  '38003': { validTo: '2026-06-30', mergedInto: '38001' },
  '38002': { validTo: '2026-10-31', mergedInto: '38001' },
  '38016': { province: '37' },
})
let insurer: Awaited<ReturnType<typeof openCatalogue>>

beforeAll(async () => {
  insurer = await openCatalogue(world)
  await insurer.give(2, rows)
})

afterAll(() => insurer?.close())

interface Page {
  readonly items: readonly { readonly code: string; readonly name: string; readonly standing: unknown }[]
  readonly nextCursor: string | null
}

async function get(path: string, by = token) {
  return send(running.url, { method: 'GET', path, token: by })
}

async function page(query: string): Promise<Page> {
  const { status, json } = await get(`/v1/facilities?${query}`)
  expect(status).toBe(200)
  return json as unknown as Page
}

const codes = (found: Page) => found.items.map((each) => each.code)
const all = rows.map((each) => each.code).toSorted()

describe('a facility by its code', () => {
  test('would not be told with its periods, and its level on the day that was asked for', async () => {
    const { status, json } = await get('/v1/facilities/38004?on=2026-06-30')
    expect(status).toBe(200)
    expect(json).toMatchObject({
      code: '38004',
      name: 'Bệnh viện Ung bướu Thanh Hóa',
      formerTier: 'provincial',
      province: '38',
      validFrom: '2025-07-01',
      validTo: null,
      mergedInto: null,
      periods: [
        { from: '2025-07-01', to: '2026-06-30', level: 'basic', points: 66 },
        { from: '2026-07-01', to: null, level: 'specialised', points: 71 },
      ],
      standing: { on: '2026-06-30', inForce: true, level: 'basic', points: 66 },
    })
    expect((await get('/v1/facilities/38004')).json['standing']).toEqual({
      on: today,
      inForce: true,
      level: 'specialised',
      points: 71,
    })
  })

  test('that ended would be unknown, or its successor would not be named', async () => {
    const { status, json } = await get('/v1/facilities/38003?on=2026-07-01')
    expect(status).toBe(200)
    expect(json).toMatchObject({
      validTo: '2026-06-30',
      mergedInto: '38001',
      standing: { on: '2026-07-01', inForce: false, level: null, points: null },
    })
    expect((await get('/v1/facilities/38003?on=2026-06-30')).json['standing']).toMatchObject({ inForce: true })
  })

  test.each(['38999', '3800', '38c04', '380011', "38001'", '38001%00', 'Thanh%20H%C3%B3a'])(
    'that is not in the catalogue would not be a 404, or count as a refused call: %s',
    async (code) => {
      const reply = await get(`/v1/facilities/${code}`)
      expectProblem(reply, { status: 404, code: 'facility_not_found' })
      expect(isRefusal({ status: reply.status, code: 'facility_not_found' })).toBe(false)
    },
  )

  test('that ended would be turned away from its desk before its keys are revoked', async () => {
    const reply = await send(running.url, { token: await world.token('facility:38002'), body: asking(scan(someone)) })
    expect([reply.status, reply.json.code]).toEqual([200, 'valid'])
  })
})

describe('the list', () => {
  test('would not be by code, or a page would be longer than was asked for', async () => {
    const first = await page('limit=7')
    expect(codes(first)).toEqual(all.slice(0, 7))
    const second = await page(`limit=7&cursor=${first.nextCursor}`)
    expect(codes(second)).toEqual(all.slice(7, 14))
    const last = await page(`limit=7&cursor=${second.nextCursor}`)
    expect(codes(last)).toEqual(all.slice(14))
    expect(last.nextCursor).toBeNull()
    // a page that is full and the last one knows it
    expect((await page('limit=20')).nextCursor).toBeNull()
    expect(codes(await page(''))).toEqual(all)
  })

  test('of a day would hold codes that were not in force on it', async () => {
    const before = await page('on=2026-06-30')
    expect(codes(before)).toEqual(all)
    expect(before.items.find((each) => each.code === '38004')?.standing).toMatchObject({ level: 'basic' })
    const gone = (...ended: string[]) => all.filter((each) => !ended.includes(each))
    expect(codes(await page('on=2026-07-01'))).toEqual(gone('38003'))
    expect(codes(await page('on=2026-11-01'))).toEqual(gone('38002', '38003'))
    expect(codes(await page('on=2025-06-30'))).toEqual([])
    expect(codes(await page('province=37'))).toEqual(['38016'])
    expect(codes(await page('province=37&on=2025-06-30'))).toEqual([])
  })

  test.each<[string, string, FieldIssue]>([
    ['limit=0', '/limit', 'member_value'],
    ['limit=501', '/limit', 'member_value'],
    ['limit=ten', '/limit', 'member_value'],
    ['limit=1e2', '/limit', 'member_value'],
    ['limit=5&limit=6', '/limit', 'member_type'],
    ['limit=', '/limit', 'member_value'],
    ['cursor=38001', '/cursor', 'member_value'],
    ['cursor=', '/cursor', 'member_value'],
    [`cursor=${writeCursor({ after: '38001', knownAt: '2026-02-31 00:00:00+00' })}`, '/cursor', 'member_value'],
    [`cursor=${'A'.repeat(65)}`, '/cursor', 'member_too_long'],
    ['on=2026-02-30', '/on', 'member_value'],
    ['on=today', '/on', 'member_value'],
    ['on=2026-07-01T00:00:00Z', '/on', 'member_too_long'],
    ['province=Thanh', '/province', 'member_too_long'],
    ['level=basic', '', 'member_unknown'],
  ])('would take a query that it does not know: %s', async (query, pointer, issue) => {
    const reply = await get(`/v1/facilities?${query}`)
    expectProblem(reply, { status: 400, code: 'invalid_request', at: pointer, issue })
  })

  test('would repeat, leave out or mix facilities while another catalogue comes in between two pages', async () => {
    const first = await page('limit=5')
    const next: CatalogueRow[] = [
      ...changed(rows.slice(1), { '38009': { name: 'Bệnh viện Nội tiết tỉnh' }, '38012': { validTo: '2026-01-31' } }),
      ...catalogueRows().slice(20, 22),
    ]
    await insurer.give(3, next)
    const seen = [...first.items]
    let cursor = first.nextCursor
    while (cursor !== null) {
      const more = await page(`limit=5&cursor=${cursor}`)
      seen.push(...more.items)
      cursor = more.nextCursor
    }
    expect(seen.map((each) => each.code)).toEqual(all)
    expect(seen.find((each) => each.code === '38009')?.name).toBe('Bệnh viện Nội tiết Thanh Hóa')
    // who begins anew sees the new one
    const now = await page('')
    expect(codes(now)).toEqual(next.map((each) => each.code).toSorted())
    expect(now.items.find((each) => each.code === '38009')?.name).toBe('Bệnh viện Nội tiết tỉnh')
  })
})

test('the catalogue’s state would not be told beside that of the copy', async () => {
  const { json } = await get('/v1/sync/status', await world.token('ops:test'))
  expect(json['feeds']).toMatchObject([
    { feed: 'vss', sequence: 1, records: 1 },
    { feed: 'vss-facilities', sequence: 3, records: 21, quarantined: 0, waiting: [], missing: [] },
  ])
  const ready = () => get('/health/ready').then(({ json }) => json as unknown)
  expect(await ready()).toEqual({ status: 'ready', reasons: [] })
  await world.owner`update feed_watermark set as_of = now() - interval '865 hours' where feed = 'vss-facilities'`
  expect(await ready()).toEqual({ status: 'degraded', reasons: ['catalogueLate'] })
  await world.owner`delete from feed_watermark where feed = 'vss-facilities'`
  expect(await ready()).toEqual({ status: 'degraded', reasons: ['catalogueMissing'] })
})
