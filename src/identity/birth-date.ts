import type { Brand, Parsed } from '../brand.ts'
import { daysInMonth, type IsoDate, isCalendarDay } from '../calendar.ts'
import type { EvidenceIssue } from './evidence-issue.ts'

/**
 * `YYYY`, `YYYY-MM` or `YYYY-MM-DD`: the length says how much is known. Many elderly have only a year on their papers,
 * and a made-up 1 January would then disagree with the insurer's record (domain §10.6: keep the precision).
 */
export type BirthDate = Brand<string, 'BirthDate'>

/** Nobody living was born before: the oldest reach about 125 years, and the personal number has no earlier century. */
export const EARLIEST_BIRTH_YEAR = 1900

/** Care is by birth certificate and group TE until the sixth birthday (NĐ 188/2025 Đ37, domain §5.2). */
const CHILD_YEARS = 6

const UNKNOWN = '00'

/** The API's forms. */
export function parseBirthDate(text: string, today: IsoDate): Parsed<BirthDate, EvidenceIssue> {
  const [, year, month, day] = /^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?$/.exec(text) ?? []
  return year === undefined ? { ok: false, issue: 'date_shape' } : check(year, month, day, today)
}

/** The cards' forms: `ddMMyyyy`, `dd/MM/yyyy`, `MMyyyy`, `MM/yyyy`, `yyyy`; `00` for an unknown day or month. */
export function parseQrBirthDate(text: string, today: IsoDate): Parsed<BirthDate, EvidenceIssue> {
  const form = /^(?:(?:([0-9]{2})(?:([0-9]{2})|\/([0-9]{2})\/)|([0-9]{2})\/?))?([0-9]{4})$/.exec(text.trim())
  if (form === null) return { ok: false, issue: 'date_shape' }
  const [, day, monthBare, monthSlashed, monthAlone, year] = form
  return check(year as string, known(monthBare ?? monthSlashed ?? monthAlone), known(day), today)
}

export function birthYear(date: BirthDate): number {
  return Number(date.slice(0, 4))
}

/** `coarser`: they agree as far as the less precise one goes. */
export function compareBirthDates(a: BirthDate, b: BirthDate): 'exact' | 'coarser' | 'differs' {
  if (a === b) return 'exact'
  return a.length !== b.length && (a.startsWith(b) || b.startsWith(a)) ? 'coarser' : 'differs'
}

/** Before the sixth birthday. Of a coarse date the latest possible day counts, so that a doubt is a child's. */
export function isUnderSix(date: BirthDate, on: IsoDate): boolean {
  const year = birthYear(date)
  const month = date.slice(5, 7) || '12'
  const day = date.slice(8, 10) || daysInMonth(year, Number(month))
  // 29 February has no sixth birthday in the calendar; as text it falls between 28 February and 1 March.
  return on < `${year + CHILD_YEARS}-${month}-${day}`
}

function known(part: string | undefined): string | undefined {
  return part === UNKNOWN ? undefined : part
}

function check(
  year: string,
  month: string | undefined,
  day: string | undefined,
  today: IsoDate,
): Parsed<BirthDate, EvidenceIssue> {
  // A day of an unknown month is no date that anyone could have written on purpose.
  if (month === undefined && day !== undefined) return { ok: false, issue: 'date_impossible' }
  if (!isCalendarDay(Number(year), Number(month ?? 1), Number(day ?? 1))) return { ok: false, issue: 'date_impossible' }
  if (Number(year) < EARLIEST_BIRTH_YEAR) return { ok: false, issue: 'date_too_old' }
  const date = day !== undefined ? `${year}-${month}-${day}` : month !== undefined ? `${year}-${month}` : year
  if (date > today.slice(0, date.length)) return { ok: false, issue: 'date_in_future' }
  return { ok: true, value: date as BirthDate }
}
