import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import { parseBirthDate } from '../../src/identity/birth-date.ts'
import {
  type CitizenId,
  describeCitizenId,
  isNumberUnusual,
  maskCitizenId,
  parseCitizenId,
} from '../../src/identity/citizen-id.ts'
import { parseFormerNumber } from '../../src/identity/former-number.ts'

const DETERMINISTIC = { seed: 38, numRuns: 500 }
const today = isoDate('2026-11-24')

function citizenId(text: string): CitizenId {
  const parsed = parseCitizenId(text)
  if (!parsed.ok) throw new Error(parsed.issue)
  return parsed.value
}

function birthDate(text: string) {
  const parsed = parseBirthDate(text, today)
  if (!parsed.ok) throw new Error(parsed.issue)
  return parsed.value
}

describe('parseCitizenId', () => {
  test.each([
    ['as printed', '038090001234'],
    ['spaces around, from a form', '  038090001234\t'],
    ['a BOM before, from a file', '\uFEFF038090001234'],
    ['an unknown province is no issue', '999090001234'],
  ])('accepts a number %s', (_, text) => {
    expect(parseCitizenId(text)).toEqual({ ok: true, value: text.replace(/[^0-9]/g, '') })
  })

  test.each([
    ['the leading zero a spreadsheet lost is not restored', '38090001234', 'citizen_id_length'],
    ['13 digits are not cut', '0380900012345', 'citizen_id_length'],
    ['a 9-digit CMND is not a personal number', '172000001', 'citizen_id_length'],
    ['nothing', '', 'citizen_id_length'],
    ['the letter O is not a zero', '03809O001234', 'citizen_id_not_digits'],
    ['inner spaces are not closed up', '038 090 001 234', 'citizen_id_not_digits'],
    ['full-width digits are not converted', '０３８０９０００１２３４', 'citizen_id_not_digits'],
    ['Arabic-Indic digits are not converted', '٠٣٨٠٩٠٠٠١٢٣٤', 'citizen_id_not_digits'],
    ['a sign is not a digit', '-38090001234', 'citizen_id_not_digits'],
    ['a second line is not ignored', '038090001234\n1', 'citizen_id_not_digits'],
  ])('%s', (_, text, issue) => {
    expect(parseCitizenId(text)).toEqual({ ok: false, issue })
  })

  test('never throws, and what it accepts is 12 ASCII digits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2048 }), (text) => {
        const parsed = parseCitizenId(text)
        expect(parsed.ok ? /^[0-9]{12}$/.test(parsed.value) : true).toBe(true)
      }),
      DETERMINISTIC,
    )
  })
})

test.each([
  ['038090001234', '038', 'male', 1990],
  ['038190001234', '038', 'female', 1990],
  ['001207000001', '001', 'male', 2007],
  ['001326000001', '001', 'female', 2026],
  ['038400000001', '038', 'male', 2100],
  ['038599000001', '038', 'female', 2199],
  ['038600000001', '038', 'male', 2200],
  ['038700000001', '038', 'female', 2200],
  ['038899000001', '038', 'male', 2399],
  ['123999000001', '123', 'female', 2399],
])('the century digit of %s is read as domain §2 lists it', (id, provinceCode, sex, birthYear) => {
  expect(describeCitizenId(citizenId(id))).toEqual({ provinceCode, sex, birthYear })
})

test.each([
  ['agreeing digits warn of nothing', '038090001234', '1990-01-15', 'male', false],
  ['a year alone is enough to agree', '038090001234', '1990', 'male', false],
  ['another birth year', '038090001234', '1991-01-15', 'male', true],
  ['the same year of another century', '038290001234', '1990-01-15', 'male', true],
  ['another sex', '038090001234', '1990-01-15', 'female', true],
  ['an unknown sex disagrees with nothing', '038190001234', '1990-01-15', 'unknown', false],
] as const)('isNumberUnusual: %s', (_, id, birth, sex, expected) => {
  expect(isNumberUnusual(citizenId(id), birthDate(birth), sex)).toBe(expected)
})

test('isNumberUnusual without a sex, as typed evidence has none, looks at the year only', () => {
  expect(isNumberUnusual(citizenId('038190001234'), birthDate('1990'))).toBe(false)
})

test('the mask hides year, sex and two of the random digits', () => {
  expect(maskCitizenId(citizenId('038090001234'))).toBe('038*****1234')
})

test.each([
  ['a 9-digit CMND', '172000001', '172000001'],
  ['a cancelled personal number', ' 038090001234 ', '038090001234'],
  ['an empty field', '', null],
  ['a CMND that lost its zero', '17200000', null],
  ['letters', '17200000A', null],
])('parseFormerNumber: %s', (_, text, expected) => {
  expect(parseFormerNumber(text)).toBe(expected)
})
