import type { IsoDate } from '../calendar.ts'
import { instantText } from '../db/connect.ts'
import { type CareLevel, type FormerTier, type Period, periodsWithEnds, standingOn } from './facility.ts'
import type { FacilityVersion } from './store.ts'

/** A facility as callers are told. */
export interface FacilityAnswer {
  readonly code: string
  readonly name: string
  readonly formerTier: FormerTier | null
  readonly commune: string
  readonly province: string
  readonly validFrom: IsoDate
  readonly validTo: IsoDate | null
  /** Whose code is used after `validTo`. */
  readonly mergedInto: string | null
  readonly periods: readonly (Period & { readonly to: IsoDate | null })[]
  /** On the day that was asked for. */
  readonly standing: {
    readonly on: IsoDate
    readonly inForce: boolean
    readonly level: CareLevel | null
    readonly points: number | null
  }
  readonly knownSince: string
}

export function facilityAnswer(version: FacilityVersion, on: IsoDate): FacilityAnswer {
  const { code, name, formerTier, commune, province, validFrom, validTo, mergedInto } = version
  const period = standingOn(version, on)
  return {
    code,
    name,
    formerTier,
    commune,
    province,
    validFrom,
    validTo,
    mergedInto,
    periods: periodsWithEnds(version),
    standing: { on, inForce: period !== null, level: period?.level ?? null, points: period?.points ?? null },
    knownSince: instantText(version.knownFrom),
  }
}
