import type { FacilityCode } from '../access/principal.ts'
import { addDays, type IsoDate } from '../calendar.ts'

/** The catalogue's line of numbers; its client is `feed:vss-facilities`. */
export const CATALOGUE_FEED = 'vss-facilities'

/** Level of care since 1/1/2025 (Luật KCB 2023): ban đầu, cơ bản, chuyên sâu. */
export const CARE_LEVELS = ['primary', 'basic', 'specialised'] as const
export type CareLevel = (typeof CARE_LEVELS)[number]

/** Tuyến before 1/1/2025: trung ương, tỉnh, huyện, xã. It still decides rates (NĐ 188/2025 Đ19). */
export const FORMER_TIERS = ['central', 'provincial', 'district', 'commune'] as const
export type FormerTier = (typeof FORMER_TIERS)[number]

/** How a facility was ranked from a day on, until the next period begins or the code ends. */
export interface Period {
  readonly from: IsoDate
  readonly level: CareLevel
  /** Score of the ranking; null where none is given, or it is provisional. */
  readonly points: number | null
}

/** A facility as the catalogue knows it now. Its level and points are a matter of the day: `standingOn`. */
export interface Facility {
  readonly code: FacilityCode
  readonly name: string
  /** Null: it was founded later. */
  readonly formerTier: FormerTier | null
  readonly commune: string
  /** Two digits of the province it lies in now. The code keeps those of the province that gave it. */
  readonly province: string
  /** First and last day of the code. */
  readonly validFrom: IsoDate
  readonly validTo: IsoDate | null
  /** Whose code is used after `validTo`. */
  readonly mergedInto: FacilityCode | null
  /** In order; the first begins with the code. */
  readonly periods: readonly Period[]
}

/** How it stood on that day; null when the code was not in force. */
export function standingOn(facility: Facility, day: IsoDate): Period | null {
  if (day < facility.validFrom || (facility.validTo !== null && day > facility.validTo)) return null
  return facility.periods.findLast((each) => each.from <= day) ?? null
}

/** The periods with their last days. */
export function periodsWithEnds({ periods, validTo }: Facility): (Period & { readonly to: IsoDate | null })[] {
  return periods.map(({ from, level, points }, i) => {
    const next = periods[i + 1]
    return { from, to: next === undefined ? validTo : addDays(next.from, -1), level, points }
  })
}
