import type { IsoDate } from '../../src/calendar.ts'
import { dayNumber, dayText, firstOfMonth } from './days.ts'
import type { ResidentCode } from './expected.ts'
import { CHILD_GROUP, isOpenEnded } from './groups.ts'
import type { Layout } from './layout.ts'
import { draw } from './permutation.ts'
import { TRAIT } from './traits.ts'

/**
 * The days of a coverage. A demo made today is used for weeks: whoever is covered on the base date stays covered for
 * 120 days and more, and whoever is not stays so, unless the law of time says otherwise (expired stays expired).
 */
export const IN_FORCE_DAYS_MIN = 120

export interface Term {
  readonly validFrom: IsoDate
  readonly validTo: IsoDate | null
  readonly statusFrom: IsoDate | null
}

/** Of a yearly card: 364 days after its first, so 244 days of use leave 120. */
const YEAR_DAYS = 364

export function termOf(layout: Layout, key: number, code: ResidentCode, group: string, birth: IsoDate): Term {
  const random = draw(key, TRAIT.term)
  switch (code) {
    case 'valid':
      return { ...validTerm(layout, random, group, birth), statusFrom: null }
    case 'expired': {
      const last = layout.baseDay - 1 - (random % 400)
      return { validFrom: dayText(last - YEAR_DAYS), validTo: dayText(last), statusFrom: null }
    }
    case 'not_yet_valid': {
      // The fifth first-of-month ahead is never nearer than 120 days.
      const from = firstOfMonth(layout.baseMonth + 5 + (random % 2))
      return { validFrom: from, validTo: dayText(dayNumber(from) + YEAR_DAYS), statusFrom: null }
    }
    default:
      // 14 months back is before any of the 300 days in which something happened to the card.
      return {
        validFrom: firstOfMonth(layout.baseMonth - 14 - (random % 10)),
        validTo: endOfNextYear(layout),
        statusFrom: dayText(layout.baseDay - 1 - ((random >>> 8) % 300)),
      }
  }
}

/** The card before `successor`: void since the new one holds, whatever its own term says. */
export function replacedTerm(layout: Layout, successor: Term, birth: IsoDate): Term {
  const yearBefore = dayText(dayNumber(successor.validFrom) - YEAR_DAYS - 1)
  return {
    validFrom: yearBefore < birth ? birth : yearBefore,
    validTo: endOfNextYear(layout),
    statusFrom: successor.validFrom,
  }
}

/** Five years of continuous cover: for most reached, for others up to four years ahead. Children's cards carry none. */
export function fiveYearsFrom(layout: Layout, key: number, age: number, birthYear: number): IsoDate | null {
  if (age < 6) return null
  const reached = layout.baseMonth + 48 - (draw(key, TRAIT.fiveYears) % 156)
  return firstOfMonth(age < 16 ? Math.max(reached, (birthYear + 6) * 12) : reached)
}

function validTerm(layout: Layout, random: number, group: string, birth: IsoDate): Omit<Term, 'statusFrom'> {
  if (group === CHILD_GROUP) return { validFrom: birth, validTo: childEnd(layout, birth) }
  if (isOpenEnded(group)) return { validFrom: monthsBack(layout, 1 + (random % 60), birth), validTo: null }
  if (group === 'GD4' && random % 5 < 2) {
    // Households pay for twelve months from any day.
    const from = layout.baseDay - 1 - ((random >>> 8) % (YEAR_DAYS - IN_FORCE_DAYS_MIN))
    return { validFrom: notBefore(birth, dayText(from)), validTo: dayText(from + YEAR_DAYS) }
  }
  const thisYear = Math.max(1, layout.baseMonth % 12)
  const months = random % 2 === 0 ? thisYear : 1 + ((random >>> 8) % 23)
  return { validFrom: monthsBack(layout, months, birth), validTo: endOfNextYear(layout) }
}

/**
 * A child's card holds to 30 September of the year it turns six (Luật BHYT Đ16 k3). One that would end within the demo's
 * weeks is taken as renewed.
 */
function childEnd(layout: Layout, birth: IsoDate): IsoDate {
  const sixth = Number(birth.slice(0, 4)) + 6
  return sixth > layout.baseYear ? (`${sixth}-09-30` as IsoDate) : endOfNextYear(layout)
}

function monthsBack(layout: Layout, months: number, birth: IsoDate): IsoDate {
  return notBefore(birth, firstOfMonth(layout.baseMonth - months))
}

function notBefore(birth: IsoDate, date: IsoDate): IsoDate {
  return date < birth ? birth : date
}

function endOfNextYear(layout: Layout): IsoDate {
  return `${layout.baseYear + 1}-12-31` as IsoDate
}
