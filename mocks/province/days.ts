import { daysInMonth, type IsoDate } from '../../src/calendar.ts'

/**
 * Days as whole numbers since 1 January 1970, and their texts made once: formatting a `Date` for each of the six days of
 * a record would cost more than the rest of the person.
 */
const DAY_MS = 86_400_000
const FIRST_DAY = Date.UTC(1900, 0, 1) / DAY_MS

const dayTexts: IsoDate[] = []
const monthTexts: IsoDate[] = []

export function dayNumber(date: IsoDate): number {
  return Date.parse(date) / DAY_MS
}

export function dayText(day: number): IsoDate {
  const known = dayTexts[day - FIRST_DAY]
  if (known !== undefined) return known
  const text = new Date(day * DAY_MS).toISOString().slice(0, 10) as IsoDate
  dayTexts[day - FIRST_DAY] = text
  return text
}

/** The first day of a month counted as year · 12 + month − 1. */
export function firstOfMonth(month: number): IsoDate {
  const known = monthTexts[month - 1900 * 12]
  if (known !== undefined) return known
  const text = `${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}-01` as IsoDate
  monthTexts[month - 1900 * 12] = text
  return text
}

export function firstDayOfYear(year: number): number {
  return Date.UTC(year, 0, 1) / DAY_MS
}

export function daysInYear(year: number): number {
  return 337 + daysInMonth(year, 2)
}
