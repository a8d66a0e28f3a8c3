import { describe, expect, test } from 'vitest'
import { person, rowsOf } from '../../mocks/province/person.ts'
import { isoDate } from '../../src/calendar.ts'
import { COVERAGE_STATUSES } from '../../src/coverage/status.ts'
import { checkRow } from '../../src/sync/check-row.ts'
import type { FeedRow } from '../../src/sync/feed.ts'

const AS_OF = isoDate('2026-11-24')

const row: FeedRow = {
  citizenId: '038090001234',
  formerNumbers: ['172000001', '038091001234'],
  insuranceNumber: '3800012345',
  cardNumber: 'GD4383800012345',
  coverageNo: 1,
  fullName: 'Nguyễn Văn An',
  dateOfBirth: '1990-01-15',
  sex: 'male',
  registeredFacility: '38001',
  validFrom: '2026-01-01',
  validTo: '2026-12-31',
  fiveYearsFrom: '2028-01-01',
  area: 'K1',
  status: 'active',
  statusFrom: null,
}

/** What a feed may hold once types are gone: any JSON. */
function broken(over: Record<string, unknown>): FeedRow {
  return { ...row, ...over } as FeedRow
}

test('a good row: what is sealed stands apart from what is not', () => {
  expect(checkRow(row, AS_OF)).toEqual({
    ok: true,
    value: {
      holder: {
        citizenId: '038090001234',
        fullName: 'Nguyễn Văn An',
        dateOfBirth: '1990-01-15',
        sex: 'male',
        cardNumber: 'GD4383800012345',
      },
      card: { group: 'GD', level: 4, province: '38', insuranceNumber: '3800012345' },
      formerNumbers: ['172000001', '038091001234'],
      coverageNo: 1,
      registeredFacility: '38001',
      validFrom: '2026-01-01',
      validTo: '2026-12-31',
      fiveYearsFrom: '2028-01-01',
      area: 'K1',
      status: 'active',
      statusFrom: null,
    },
  })
})

test('every row of the demo province is taken', () => {
  const province = { seed: 'rows', baseDate: AS_OF }
  for (const each of rowsOf(province, 0, 3_000)) {
    const checked = checkRow(each, AS_OF)
    if (!checked.ok) throw new Error(`${checked.issue} in the row of ${person(province, 0).index}`)
  }
})

describe('taken as well', () => {
  test.each([
    ['nobody’s citizen id, as of foreigners', { citizenId: null }],
    ['a year for a birth date', { dateOfBirth: '1938' }],
    ['a term without end', { validTo: null }],
    ['a term of one day', { validFrom: '2026-11-24', validTo: '2026-11-24' }],
    ['a term that lies ahead', { validFrom: '2027-01-01', validTo: null }],
    ['no former number', { formerNumbers: [] }],
    ['a sex nobody knows', { sex: 'unknown' }],
    ['no area', { area: null }],
    ['the last coverage number', { coverageNo: 999 }],
    ['a facility with a letter', { registeredFacility: '38A0B' }],
    ['a status from a day', { status: 'revoked', statusFrom: '2026-10-01' }],
    ['an unknown group of cards: the list grows by decree', { cardNumber: 'ZZ4383800012345' }],
  ])('%s', (_, over) => {
    expect(checkRow(broken(over), AS_OF)).toMatchObject({
      ok: true,
      value: { card: { insuranceNumber: '3800012345' } },
    })
  })

  test.each(COVERAGE_STATUSES)('the status %s', (status) => {
    expect(checkRow({ ...row, status }, AS_OF).ok).toBe(true)
  })
})

test('what was written with spaces is stored as it is looked up', () => {
  const spaced = broken({
    citizenId: ' 038090001234',
    formerNumbers: [' 172000001 '],
    cardNumber: 'gd 4 38 3800012345',
  })
  expect(checkRow(spaced, AS_OF)).toMatchObject({
    ok: true,
    value: {
      holder: { citizenId: '038090001234', cardNumber: 'GD4383800012345' },
      formerNumbers: ['172000001'],
    },
  })
})

test('a name comes out composed, with single spaces', () => {
  const decomposed = broken({ fullName: ` ${'Nguyễn'.normalize('NFD')}   Văn An ` })
  expect(checkRow(decomposed, AS_OF)).toMatchObject({ ok: true, value: { holder: { fullName: 'Nguyễn Văn An' } } })
})

describe('quarantined, with the reason', () => {
  test.each([
    [{ citizenId: '38090001234' }, 'citizen_id_length'],
    [{ citizenId: '' }, 'citizen_id_length'],
    [{ citizenId: '03809000123X' }, 'citizen_id_not_digits'],
    [{ fullName: '' }, 'name_empty'],
    [{ fullName: 'Nguy?n V?n An' }, 'name_garbled'],
    [{ fullName: 'An\u0000Bình' }, 'name_not_a_name'],
    [{ fullName: 'A'.repeat(256) }, 'name_too_long'],
    [{ dateOfBirth: '15/01/1990' }, 'date_shape'],
    [{ dateOfBirth: '1990-02-30' }, 'date_impossible'],
    [{ dateOfBirth: '2026-11-25' }, 'date_in_future'],
    [{ dateOfBirth: '1899' }, 'date_too_old'],
    [{ cardNumber: '3800012345' }, 'card_number_length'],
    [{ cardNumber: 'GD0383800012345' }, 'card_number_shape'],
    [{ insuranceNumber: '3800012346' }, 'insurance_number_differs'],
    [{ insuranceNumber: '' }, 'insurance_number_differs'],
    [{ formerNumbers: ['172000001', '17200000'] }, 'former_number_shape'],
    [{ formerNumbers: ['17200000A'] }, 'former_number_shape'],
    [{ coverageNo: 0 }, 'coverage_no_range'],
    [{ coverageNo: 1000 }, 'coverage_no_range'],
    [{ coverageNo: 1.5 }, 'coverage_no_range'],
    [{ coverageNo: '1' }, 'coverage_no_range'],
    [{ registeredFacility: '3800' }, 'facility_shape'],
    [{ registeredFacility: '38a01' }, 'facility_shape'],
    [{ validFrom: '01/01/2026' }, 'term_shape'],
    [{ validFrom: '' }, 'term_shape'],
    [{ validTo: '2026-02-29' }, 'term_shape'],
    [{ fiveYearsFrom: '' }, 'term_shape'],
    [{ statusFrom: 'soon' }, 'term_shape'],
    [{ validFrom: '2026-06-02', validTo: '2026-06-01' }, 'term_reversed'],
    [{ status: 'lost' }, 'status_unknown'],
    [{ status: 'unknown' }, 'status_unknown'],
    [{ status: '' }, 'status_unknown'],
    [{ area: 'K4' }, 'area_unknown'],
    [{ sex: 'Nam' }, 'sex_unknown'],
  ])('%j', (over, issue) => {
    expect(checkRow(broken(over), AS_OF)).toEqual({ ok: false, issue })
  })

  test('and the row itself is not in the answer', () => {
    const checked = checkRow(broken({ fullName: '038090001234' }), AS_OF)
    expect(JSON.stringify(checked)).toBe('{"ok":false,"issue":"name_not_a_name"}')
  })
})
