import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isCalendarDay, isoDate } from '../../src/calendar.ts'
import {
  type BirthDate,
  birthYear,
  compareBirthDates,
  isUnderSix,
  parseBirthDate,
  parseQrBirthDate,
} from '../../src/identity/birth-date.ts'

const DETERMINISTIC = { seed: 38, numRuns: 1000 }
const today = isoDate('2026-11-24')
const later = isoDate('2030-12-31')

function birthDate(text: string): BirthDate {
  const parsed = parseBirthDate(text, later)
  if (!parsed.ok) throw new Error(parsed.issue)
  return parsed.value
}

test.each([
  ['a real day', '1990-01-15', '1990-01-15'],
  ['a month', '1950-05', '1950-05'],
  ['a year', '1950', '1950'],
  ['born today', '2026-11-24', '2026-11-24'],
  ['this month', '2026-11', '2026-11'],
  ['this year', '2026', '2026'],
  ['the first day of the bound', '1900-01-01', '1900-01-01'],
  ['29 February of a leap year', '2024-02-29', '2024-02-29'],
])('parseBirthDate keeps the precision of %s', (_, text, value) => {
  expect(parseBirthDate(text, today)).toEqual({ ok: true, value })
})

test.each([
  ['29 February of no leap year', '2023-02-29', 'date_impossible'],
  ['29 February 1900, which was no leap year', '1900-02-29', 'date_impossible'],
  ['month 13', '1990-13', 'date_impossible'],
  ['month 0', '1990-00', 'date_impossible'],
  ['day 0: the API has shorter forms for it', '1990-05-00', 'date_impossible'],
  ['tomorrow', '2026-11-25', 'date_in_future'],
  ['next month', '2026-12', 'date_in_future'],
  ['next year', '2027', 'date_in_future'],
  ['1899', '1899', 'date_too_old'],
  ['the year 0', '0000', 'date_too_old'],
  ['the QR form', '15011990', 'date_shape'],
  ['a time behind', '1990-01-15T00:00:00Z', 'date_shape'],
  ['a space behind', '1990-01-15 ', 'date_shape'],
  ['a line break behind', '1990-01-15\n', 'date_shape'],
  ['one-digit month', '1990-1-15', 'date_shape'],
  ['two-digit year', '90-01-15', 'date_shape'],
  ['full-width digits', '１９９０', 'date_shape'],
  ['nothing', '', 'date_shape'],
])('parseBirthDate refuses %s', (_, text, issue) => {
  expect(parseBirthDate(text, today)).toEqual({ ok: false, issue })
})

test.each([
  ['15011990', '1990-01-15'],
  ['15/01/1990', '1990-01-15'],
  [' 15/01/1990 ', '1990-01-15'],
  ['051950', '1950-05'],
  ['05/1950', '1950-05'],
  ['1950', '1950'],
  ['00001950', '1950'],
  ['00/00/1950', '1950'],
  ['00051950', '1950-05'],
  ['00/05/1950', '1950-05'],
  ['001950', '1950'],
  ['00/1950', '1950'],
])('parseQrBirthDate reads %s without making up a day', (text, value) => {
  expect(parseQrBirthDate(text, today)).toEqual({ ok: true, value })
})

test.each([
  ['a day of an unknown month', '15001990', 'date_impossible'],
  ['31 April', '31041990', 'date_impossible'],
  ['month first', '01/15/1990', 'date_impossible'],
  ['tomorrow', '25112026', 'date_in_future'],
  ['before 1900', '31/12/1899', 'date_too_old'],
  ['year first, which would be another day', '1990-01-15', 'date_shape'],
  ['half a slash', '15/011990', 'date_shape'],
  ['seven digits: which zero was lost?', '5011990', 'date_shape'],
  ['no date', '-', 'date_shape'],
  ['nothing', '', 'date_shape'],
])('parseQrBirthDate refuses %s', (_, text, issue) => {
  expect(parseQrBirthDate(text, today)).toEqual({ ok: false, issue })
})

describe('every day of 1900–2030', () => {
  const days: [year: number, month: number, day: number][] = []
  for (let year = 1900; year <= 2030; year++)
    for (let month = 0; month <= 14; month++) for (let day = 0; day <= 33; day++) days.push([year, month, day])
  const two = (n: number) => String(n).padStart(2, '0')

  test('that is real comes back the same from each form, and none that is not does', () => {
    const wrong: string[] = []
    for (const [y, m, d] of days) {
      const iso = `${y}-${two(m)}-${two(d)}`
      const fromApi = parseBirthDate(iso, later)
      const fromBare = parseQrBirthDate(`${two(d)}${two(m)}${y}`, later)
      const fromSlashed = parseQrBirthDate(`${two(d)}/${two(m)}/${y}`, later)
      const answers = [fromApi, fromBare, fromSlashed].map((p) => (p.ok ? p.value : p.issue))
      // 00 is the cards' way to say unknown; the API has none.
      const asQr = d === 0 && m === 0 ? `${y}` : d === 0 && m <= 12 ? `${y}-${two(m)}` : 'date_impossible'
      const expected = isCalendarDay(y, m, d) ? [iso, iso, iso] : ['date_impossible', asQr, asQr]
      if (answers.join() !== expected.join()) wrong.push(`${iso}: ${answers.join()}`)
    }
    expect(wrong).toEqual([])
  })
})

test.each([
  ['1990-01-15', '1990-01-15', 'exact'],
  ['1950', '1950', 'exact'],
  ['1950', '1950-05-01', 'coarser'],
  ['1950-05', '1950', 'coarser'],
  ['1950-05-31', '1950-05', 'coarser'],
  ['1950-05-31', '1950-06', 'differs'],
  ['1950', '1951-01-01', 'differs'],
  ['1990-01-15', '1990-01-16', 'differs'],
  ['1990-01-12', '1990-12-01', 'differs'],
] as const)('compareBirthDates of %s and %s is %s, either way round', (a, b, expected) => {
  expect(compareBirthDates(birthDate(a), birthDate(b))).toBe(expected)
  expect(compareBirthDates(birthDate(b), birthDate(a))).toBe(expected)
})

test.each([
  ['the day before the sixth birthday', '2020-11-25', '2026-11-24', true],
  ['the sixth birthday', '2020-11-24', '2026-11-24', false],
  ['born on the day', '2026-11-24', '2026-11-24', true],
  ['a leap day, on 28 February of the sixth year', '2020-02-29', '2026-02-28', true],
  ['a leap day, on 1 March of the sixth year', '2020-02-29', '2026-03-01', false],
  ['a month: a doubt is a child’s', '2020-11', '2026-11-24', true],
  ['a month, on its last day', '2020-11', '2026-11-30', false],
  ['a year: a doubt is a child’s', '2020', '2026-11-24', true],
  ['a year, on its last day', '2020', '2026-12-31', false],
  ['a year long past', '2019', '2026-01-01', false],
] as const)('isUnderSix: %s', (_, date, on, expected) => {
  expect(isUnderSix(birthDate(date), isoDate(on))).toBe(expected)
})

test('birthYear is the year at each precision', () => {
  expect(['1950', '1950-05', '1950-05-31'].map((d) => birthYear(birthDate(d)))).toEqual([1950, 1950, 1950])
})

test('no text makes a parser throw, and what it accepts is in the API’s own form', () => {
  const digitsAndSigns = fc.string({ unit: fc.constantFrom(...'0123456789-/ .'), maxLength: 12 })
  fc.assert(
    fc.property(fc.oneof(digitsAndSigns, fc.string({ unit: 'binary', maxLength: 2048 })), (text) => {
      for (const parsed of [parseBirthDate(text, today), parseQrBirthDate(text, today)]) {
        if (parsed.ok) expect(parseBirthDate(parsed.value, today)).toEqual(parsed)
      }
    }),
    DETERMINISTIC,
  )
})
