import type { Brand } from './brand.ts'

/** A day of the Gregorian calendar, `YYYY-MM-DD`. Compares as text. */
export type IsoDate = Brand<string, 'IsoDate'>

/** Viet Nam keeps UTC+7 all year. */
const VIETNAM_OFFSET_MS = 7 * 3_600_000
const DAY_MS = 86_400_000

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

export function isCalendarDay(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
}

/** Null for anything that is not a real day written `YYYY-MM-DD`, years 1000–9999. */
export function parseIsoDate(text: string): IsoDate | null {
  if (!/^[1-9]\d{3}-\d\d-\d\d$/.test(text)) return null
  return isCalendarDay(+text.slice(0, 4), +text.slice(5, 7), +text.slice(8, 10)) ? (text as IsoDate) : null
}

/** For constants of our own; throws on a mistake in the source. */
export function isoDate(text: string): IsoDate {
  const date = parseIsoDate(text)
  if (date === null) throw new TypeError(`not a day: ${text}`)
  return date
}

export function addDays(date: IsoDate, days: number): IsoDate {
  return new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10) as IsoDate
}

/** The day at the front desk, in Viet Nam. */
export function todayInVietnam(now: Date): IsoDate {
  const day = Math.floor((now.getTime() + VIETNAM_OFFSET_MS) / DAY_MS)
  // asked several times a request, answered anew once a day
  if (day !== latest.day) latest = { day, date: new Date(day * DAY_MS).toISOString().slice(0, 10) as IsoDate }
  return latest.date
}

let latest = { day: 0, date: '1970-01-01' as IsoDate }

/** The last millisecond of that day in Viet Nam, RFC 3339 in UTC: 24:00 there is 17:00 here. */
export function endOfDayInVietnam(date: IsoDate): string {
  return `${date}T16:59:59.999Z`
}
