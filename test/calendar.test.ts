import { describe, expect, test } from 'vitest'
import {
  addDays,
  daysInMonth,
  endOfDayInVietnam,
  isCalendarDay,
  isoDate,
  parseIsoDate,
  todayInVietnam,
} from '../src/calendar.ts'

import { msUntilCalm } from './support/calm.ts'

const DAY_MS = 86_400_000

test('every day from 1900 to 2100 is the one that Date has, and the next one follows', () => {
  let day = isoDate('1900-01-01')
  for (let ms = Date.UTC(1900, 0, 1); ms <= Date.UTC(2100, 11, 31); ms += DAY_MS) {
    const date = new Date(ms)
    const text = date.toISOString().slice(0, 10)
    if (day !== text) throw new Error(`${day} is not ${text}`)
    if (parseIsoDate(text) !== text) throw new Error(`${text} is a day`)
    if (addDays(day, -1) !== new Date(ms - DAY_MS).toISOString().slice(0, 10)) throw new Error(`before ${day}`)
    day = addDays(day, 1)
  }
  expect(day).toBe('2101-01-01')
})

test('no other day of those years is taken', () => {
  for (let year = 1900; year <= 2100; year++) {
    for (let month = 0; month <= 13; month++) {
      for (let number = 0; number <= 32; number++) {
        const date = new Date(Date.UTC(year, month - 1, number))
        const real = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === number
        const two = (n: number) => String(n).padStart(2, '0')
        const parsed = parseIsoDate(`${year}-${two(month)}-${two(number)}`)
        if ((parsed !== null) !== real) throw new Error(`${year}-${month}-${number}`)
        if (isCalendarDay(year, month, number) !== real) throw new Error(`${year}-${month}-${number}`)
      }
    }
  }
})

test('the months are as long as the day before the next one says', () => {
  for (let year = 1900; year <= 2100; year++) {
    for (let month = 1; month <= 12; month++) {
      if (daysInMonth(year, month) !== new Date(Date.UTC(year, month, 0)).getUTCDate())
        throw new Error(`${year}-${month}`)
    }
  }
})

test('a longer way by days ends on the same day', () => {
  expect(addDays(isoDate('2024-02-28'), 2)).toBe('2024-03-01')
  expect(addDays(isoDate('2026-02-28'), 1)).toBe('2026-03-01')
  expect(addDays(isoDate('1900-01-01'), 73_413)).toBe('2100-12-31')
  expect(addDays(isoDate('2100-12-31'), -73_413)).toBe('1900-01-01')
  expect(addDays(isoDate('2026-11-24'), 0)).toBe('2026-11-24')
})

describe('what is no day', () => {
  test.each([
    '',
    '2026-11-24 ',
    '2026-11-24\n',
    '2026-11-24T00:00:00Z',
    '2026-1-24',
    '26-11-24',
    '24/11/2026',
    '20261124',
    '+002026-11-24',
    '0999-01-01',
    '12026-11-24',
    '２０２６-11-24',
    '2026–11–24',
    '2100-02-29',
    '1900-02-29',
    '2026-00-10',
  ])('%j', (text) => {
    expect(parseIsoDate(text)).toBeNull()
    expect(() => isoDate(text)).toThrow(TypeError)
  })
})

describe('the day at the front desk', () => {
  test.each([
    ['2026-11-23T16:59:59.999Z', '2026-11-23'],
    ['2026-11-23T17:00:00.000Z', '2026-11-24'],
    ['2026-11-24T00:00:00.000Z', '2026-11-24'],
    ['2025-12-31T17:00:00.000Z', '2026-01-01'],
    ['2024-02-28T17:00:00.000Z', '2024-02-29'],
  ])('%s is %s in Viet Nam', (instant, day) => {
    expect(todayInVietnam(new Date(instant))).toBe(day)
  })

  test('a day ends where the next one begins, whatever the time zone of the machine', () => {
    for (let day = isoDate('2023-12-25'); day < '2027-01-05'; day = addDays(day, 1)) {
      const end = new Date(endOfDayInVietnam(day))
      expect(todayInVietnam(end)).toBe(day)
      expect(todayInVietnam(new Date(end.getTime() + 1))).toBe(addDays(day, 1))
    }
    expect(endOfDayInVietnam(isoDate('2026-11-24'))).toBe('2026-11-24T16:59:59.999Z')
  })
})

test.each([
  ['2026-11-24T16:58:00.000Z', 0],
  ['2026-11-24T16:59:00.000Z', 60_001],
  ['2026-11-24T16:59:59.999Z', 2],
  ['2026-11-24T17:00:00.000Z', 0],
  ['2026-11-24T23:59:30.000Z', 30_001],
  ['2026-11-25T00:00:00.000Z', 0],
])('a suite that holds on to its day would begin just before another one (%s)', (now, ms) => {
  expect(msUntilCalm(Date.parse(now))).toBe(ms)
})
