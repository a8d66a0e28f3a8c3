import { daysInMonth, type IsoDate } from '../calendar.ts'
import type { DataKeys } from '../data-keys.ts'
import { open, SealError, seal } from '../seal.ts'
import type { CoverageFacts, Holder } from './coverage.ts'

/** The days of a coverage. They stand in clear columns, unless one of them would tell the holder's birthday. */
export type CoverageDays = Pick<CoverageFacts, 'validFrom' | 'validTo' | 'fiveYearsFrom' | 'statusFrom'>

export interface SealedHolder {
  readonly sealed: Buffer
  /** What the clear columns may say. */
  readonly days: CoverageDays
}

/** In the order of their elements in the sealed array. */
const DAYS = ['validFrom', 'validTo', 'fiveYearsFrom', 'statusFrom'] as const
const HOLDER_PARTS = 5
const ISO_DATE_LENGTH = 10

/**
 * The sealed part of a coverage: an array, since its member names would be 60 of 130 bytes in 100 million rows.
 * A child's card holds from the day of birth, five continuous years end on a birthday, and a birth date is sealed: of a
 * day that falls on the holder's birthday the clear column has the month only, and the array has the day after its
 * five parts. What the clear column has right is null there, or left out at the end.
 */
export function sealHolder(keys: DataKeys, subject: string, holder: Holder, days: CoverageDays): SealedHolder {
  const { citizenId, fullName, dateOfBirth, sex, cardNumber } = holder
  const parts: (string | null)[] = [citizenId, fullName, dateOfBirth, sex, cardNumber]
  const birthday = birthdayOf(dateOfBirth)
  const clear = {
    validFrom: firstOfMonthOn(birthday, days.validFrom),
    validTo: days.validTo && lastOfMonthOn(birthday, days.validTo),
    fiveYearsFrom: days.fiveYearsFrom && firstOfMonthOn(birthday, days.fiveYearsFrom),
    statusFrom: days.statusFrom && firstOfMonthOn(birthday, days.statusFrom),
  }
  let place = HOLDER_PARTS
  for (const name of DAYS) {
    if (clear[name] !== days[name]) {
      while (parts.length < place) parts.push(null)
      parts.push(days[name])
    }
    place++
  }
  return { sealed: seal(keys, 'coverage', subject, JSON.stringify(parts)), days: clear }
}

/** The holder, and the days as the insurer wrote them. */
export function openHolder(
  keys: DataKeys,
  subject: string,
  sealed: Uint8Array,
  clear: CoverageDays,
): { readonly holder: Holder; readonly days: CoverageDays } {
  const parts: unknown = JSON.parse(open(keys, 'coverage', subject, sealed))
  if (!Array.isArray(parts) || parts.length < HOLDER_PARTS || parts.length > HOLDER_PARTS + DAYS.length) {
    throw new SealError('a sealed holder has another shape')
  }
  const [citizenId, fullName, dateOfBirth, sex, cardNumber, validFrom, validTo, fiveYearsFrom, statusFrom] = parts as [
    string | null,
    string,
    string,
    Holder['sex'],
    string,
    ...(IsoDate | null | undefined)[],
  ]
  return {
    holder: { citizenId, fullName, dateOfBirth, sex, cardNumber },
    days: {
      validFrom: validFrom ?? clear.validFrom,
      validTo: validTo ?? clear.validTo,
      fiveYearsFrom: fiveYearsFrom ?? clear.fiveYearsFrom,
      statusFrom: statusFrom ?? clear.statusFrom,
    },
  }
}

function firstOfMonthOn(birthday: string, day: IsoDate): IsoDate {
  return day.endsWith(birthday) ? (`${day.slice(0, 8)}01` as IsoDate) : day
}

function lastOfMonthOn(birthday: string, day: IsoDate): IsoDate {
  if (!day.endsWith(birthday)) return day
  return `${day.slice(0, 8)}${daysInMonth(+day.slice(0, 4), +day.slice(5, 7))}` as IsoDate
}

/** `-MM-DD`. Of a birth date known to the year or month alone no day tells more than chance: a text that no day ends with. */
function birthdayOf(dateOfBirth: string): string {
  return dateOfBirth.length === ISO_DATE_LENGTH ? dateOfBirth.slice(4) : 'none'
}
