import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { catalogueRows } from '../../mocks/insurer/catalogue.ts'
import { isoDate } from '../../src/calendar.ts'
import { standingOn } from '../../src/facility/facility.ts'
import { readCatalogueLine } from '../../src/sync/catalogue/read-row.ts'

const row = {
  code: '38C04',
  name: 'Bệnh viện đa khoa tư nhân Hàm Rồng',
  formerTier: 'district',
  commune: 'Hàm Rồng',
  province: '38',
  validFrom: '2025-07-01',
  validTo: '2026-06-30' as string | null,
  mergedInto: '38001' as string | null,
  periods: [
    { from: '2025-07-01', level: 'basic', points: null as number | null },
    { from: '2026-01-01', level: 'basic', points: 52 },
  ],
}

const read = (value: unknown) =>
  readCatalogueLine(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))
const from = (...days: string[]) => days.map((each) => ({ from: each, level: 'basic', points: null }))

test('a good row would not be taken as it is', () => {
  expect(read(row)).toEqual({ code: '38C04', read: { ok: true, value: row } })
  const founded = { ...row, formerTier: null, validTo: null, mergedInto: null }
  expect(read(founded).read).toEqual({ ok: true, value: founded })
  // one spelling, whatever the insurer's program writes
  expect(read({ ...row, name: ` ${row.name.normalize('NFD')} ` }).read).toEqual({ ok: true, value: row })
})

describe('a bad row would be taken', () => {
  test.each<[string, unknown, string]>([
    ['not JSON', '{"code":', 'row_not_json'],
    ['a member we do not know', { ...row, beds: 10 }, 'row_shape'],
    ['a member is missing', { ...row, periods: undefined }, 'row_shape'],
    ['a tier that is none', { ...row, formerTier: 'huyện' }, 'row_shape'],
    ['a province of three digits', { ...row, province: '038' }, 'row_shape'],
    ['41 periods', { ...row, periods: Array.from({ length: 41 }, () => row.periods[0]) }, 'row_shape'],
    ['a code of four characters', { ...row, code: '3801' }, 'facility_shape'],
    ['a code in small letters', { ...row, code: '38c04' }, 'facility_shape'],
    ['no name', { ...row, name: '  ' }, 'facility_name'],
    ['a name of 256 characters', { ...row, name: 'à'.repeat(256) }, 'facility_name'],
    ['a name with a control character', { ...row, name: 'Bệnh\u0000viện' }, 'facility_name'],
    ['a commune whose letters were lost', { ...row, commune: 'H\ufffdm Rồng' }, 'facility_name'],
    ['a day that is none', { ...row, validFrom: '2025-06-31' }, 'term_shape'],
    ['a last day that is none', { ...row, validTo: '30/06/2026' }, 'term_shape'],
    ['a term that ends before it begins', { ...row, validTo: '2025-06-30' }, 'term_reversed'],
    ['merged, but without an end', { ...row, validTo: null }, 'merge_shape'],
    ['merged into itself', { ...row, mergedInto: '38C04' }, 'merge_shape'],
    ['merged into no code', { ...row, mergedInto: 'Hàm Rồng' }, 'merge_shape'],
    ['a level that is none', { ...row, periods: [{ from: '2025-07-01', level: 'II', points: 52 }] }, 'level_unknown'],
    ['101 points', { ...row, periods: [{ from: '2025-07-01', level: 'basic', points: 101 }] }, 'points_range'],
    ['half a point', { ...row, periods: [{ from: '2025-07-01', level: 'basic', points: 51.5 }] }, 'points_range'],
    ['no period', { ...row, periods: [] }, 'periods_shape'],
    ['a first period after the code begins', { ...row, periods: from('2025-07-02') }, 'periods_shape'],
    ['periods out of order', { ...row, periods: from('2025-07-01', '2026-03-01', '2026-02-01') }, 'periods_shape'],
    ['two periods from one day', { ...row, periods: from('2025-07-01', '2025-07-01') }, 'periods_shape'],
    ['a period past the last day', { ...row, periods: from('2025-07-01', '2026-07-01') }, 'periods_shape'],
    ['a period of no day', { ...row, periods: from('2025-07-01', '2026-02-30') }, 'periods_shape'],
  ])('%s', (_what, value, issue) => {
    expect(read(value).read).toEqual({ ok: false, issue })
  })

  test('that is not UTF-8', () => {
    const bytes = Buffer.from(JSON.stringify(row), 'latin1')
    expect(readCatalogueLine(bytes)).toEqual({ code: null, read: { ok: false, issue: 'row_not_utf8' } })
  })
})

test('a row that cannot be taken would not name its facility, which is then lost', () => {
  expect(read({ ...row, beds: 10 }).code).toBe('38C04')
  expect(read({ ...row, code: 'no code' }).code).toBeNull()
  expect(read('[]').code).toBeNull()
})

test('any line would throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string({ unit: 'binary' })), (text) => {
      expect(read(text).read.ok).toBe(false)
    }),
  )
})

test('the demo’s catalogues would not be 669 facilities in force, or hold a row that cannot be taken', () => {
  for (const edition of [1, 2, 6]) {
    const facilities = catalogueRows(edition).map((each) => {
      const line = read(each)
      if (!line.read.ok) throw new Error(line.read.issue)
      return line.read.value
    })
    expect(new Set(facilities.map((each) => each.code)).size).toBe(672)
    expect(facilities.filter((each) => standingOn(each, isoDate('2026-11-24')) !== null)).toHaveLength(669)
    const merged = facilities.filter((each) => each.mergedInto !== null)
    expect(merged).toHaveLength(3 + edition - 1)
  }
})
