import type { IsoDate } from '../../src/calendar.ts'
import { AGE_PYRAMID, BIRTH_PLACES, maleShare } from './birth-places.ts'
import { dayNumber, daysInYear, firstDayOfYear } from './days.ts'
import { seedKey } from './permutation.ts'

export interface Province {
  readonly seed: string | number
  /** The day the demo was made: terms and ages are relative to it. */
  readonly baseDate: IsoDate
}

/** Room for 100 million people. */
export const PEOPLE_MAX = 100_000_000

/** A bucket has a million numbers. Residents take the first part of its offsets; the rest is reserved (numbers.ts). */
export const RESIDENT_OFFSETS = 900_000

export const AGES = AGE_PYRAMID.length * 5

/** What person, outsider and sample need of a province, computed once. */
export interface Layout {
  readonly personKey: number
  readonly numberKey: number
  readonly insuranceKey: number
  readonly formerKey: number
  readonly traitKey: number
  readonly outsiderKey: number
  readonly sampleKey: number
  readonly baseDay: number
  readonly baseDate: IsoDate
  readonly baseYear: number
  /** Year · 12 + month − 1. */
  readonly baseMonth: number
  readonly firstYear: number
  /** First day of each birth year. */
  readonly yearStarts: Int32Array
  /** First digits PPPGYY of each bucket. */
  readonly prefixes: readonly string[]
  /** Where each bucket begins in [0, PEOPLE_MAX); one more at the end. Buckets: year, then birth place, then sex. */
  readonly starts: Int32Array
  readonly shareSixAndOver: number
  readonly shareOfWorkingAge: number
}

let latest: { readonly province: Province; readonly layout: Layout } | undefined

/** The last one is kept: a run works on one province, and making one takes a millisecond. */
export function layoutOf(province: Province): Layout {
  if (latest?.province.seed !== province.seed || latest.province.baseDate !== province.baseDate) {
    latest = { province: { ...province }, layout: lay(province) }
  }
  return latest.layout
}

export const WORKING_AGE = { from: 18, to: 59 } as const

function lay({ seed, baseDate }: Province): Layout {
  const baseYear = Number(baseDate.slice(0, 4))
  // Chip cards of the demo are issued from 2021, some to children after 1 July 2024; numbers know two centuries.
  if (!(baseYear >= 2025 && baseYear <= 2098)) throw new RangeError(`no demo province for ${baseDate}: 2025 to 2098`)
  const baseDay = dayNumber(baseDate)
  const firstYear = baseYear - AGES
  const yearStarts = Int32Array.from({ length: AGES + 1 }, (_, i) => firstDayOfYear(firstYear + i))
  const byYear = Array.from(yearStarts, (start, i) => {
    // Of the base year only the days that are over have births.
    const part = Math.min(1, (baseDay - start) / daysInYear(firstYear + i))
    return ((AGE_PYRAMID[Math.floor((AGES - i) / 5)] ?? 0) / 5) * part
  })
  const total = byYear.reduce((sum, share) => sum + share, 0)
  const shareOf = (from: number, to: number) =>
    byYear.reduce((sum, share, i) => (AGES - i >= from && AGES - i <= to ? sum + share : sum), 0) / total

  const { prefixes, ends } = cutBuckets(firstYear, byYear)
  return {
    personKey: seedKey(seed, 'person'),
    numberKey: seedKey(seed, 'number'),
    insuranceKey: seedKey(seed, 'insurance'),
    formerKey: seedKey(seed, 'former'),
    traitKey: seedKey(seed, 'trait'),
    outsiderKey: seedKey(seed, 'outsider'),
    sampleKey: seedKey(seed, 'sample'),
    baseDay,
    baseDate,
    baseYear,
    baseMonth: baseYear * 12 + Number(baseDate.slice(5, 7)) - 1,
    firstYear,
    yearStarts,
    prefixes,
    starts: Int32Array.of(0, ...ends),
    shareSixAndOver: shareOf(6, AGES),
    shareOfWorkingAge: shareOf(WORKING_AGE.from, WORKING_AGE.to),
  }
}

function cutBuckets(firstYear: number, byYear: readonly number[]): { prefixes: string[]; ends: number[] } {
  const places = BIRTH_PLACES.reduce((sum, [, weight]) => sum + weight, 0)
  const total = byYear.reduce((sum, share) => sum + share, 0) * places
  const prefixes: string[] = []
  const ends: number[] = []
  let reached = 0
  byYear.forEach((share, i) => {
    const year = firstYear + i
    const male = maleShare(AGES - i)
    for (const [code, weight] of BIRTH_PLACES) {
      for (const sex of [0, 1]) {
        reached += share * weight * (sex === 0 ? male : 1 - male)
        const start = ends.at(-1) ?? 0
        const end = Math.round((reached / total) * PEOPLE_MAX)
        if (end - start > RESIDENT_OFFSETS)
          throw new RangeError(`too many people of one sex born in ${code} in ${year}`)
        ends.push(end)
        // G: 0 and 1 for the 1900s, 2 and 3 for the 2000s (NĐ 137/2015 Đ13)
        prefixes.push(`${code}${sex + (year < 2000 ? 0 : 2)}${String(year % 100).padStart(2, '0')}`)
      }
    }
  })
  return { prefixes, ends }
}

/** The bucket a place in [0, PEOPLE_MAX) lies in. */
export function bucketAt(starts: Int32Array, place: number): number {
  let low = 0
  let high = starts.length - 1
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if ((starts[middle] as number) <= place) low = middle
    else high = middle
  }
  return low
}

/** Where people born in this year begin. */
export function yearStart(layout: Layout, year: number): number {
  return layout.starts[(year - layout.firstYear) * BIRTH_PLACES.length * 2] ?? PEOPLE_MAX
}
