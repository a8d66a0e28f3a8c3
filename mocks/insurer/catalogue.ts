import { addDays, type IsoDate, isoDate } from '../../src/calendar.ts'
import { type DemoFacility, facilities } from '../province/facilities.ts'

/** A line of a catalogue's data file, as `src/sync/README.md` tells the insurer to write it. */
export interface CatalogueRow {
  readonly code: string
  readonly name: string
  readonly formerTier: string | null
  readonly commune: string
  readonly province: string
  readonly validFrom: string
  readonly validTo: string | null
  readonly mergedInto: string | null
  readonly periods: readonly { readonly from: string; readonly level: string; readonly points: number | null }[]
}

export const CATALOGUE_FEED = 'vss-facilities'
/** Codes of the province begin with the merger of July 2025; those that ended in it had begun with the ranking by level. */
const CODES_FROM = isoDate('2025-07-01')
const LEVELS_FROM = isoDate('2025-01-01')
/** After mergers an old code was usable to the end of 2025 (NĐ 188/2025 Đ69 k8). */
const FORMER_CODES_TO = isoDate('2025-12-31')
const RANKED_ANEW = isoDate('2026-07-01')
/** The day of the second edition's changes; each later one has its own, 30 days after. */
const SECOND_EDITION = isoDate('2026-12-01')
const FORMER_CLINICS = 3

/**
 * Edition 1 is the demo province: 669 facilities in force, one ranked anew, some first ranked provisionally, and three
 * former codes that were merged. Each later edition merges one more clinic into its neighbour and gives one more
 * hospital that was ranked provisionally its points.
 */
export function catalogueRows(edition = 1): CatalogueRow[] {
  const all = facilities()
  const rows = new Map(all.map((each) => [each.code, rowOf(each)]))
  const clinics = all.filter((each) => each.kind === 'clinic')
  const provisional = all.filter((each) => each.level === 'basic' && each.points === null)
  for (let i = 0; i < edition - 1; i++) {
    const day = addDays(SECOND_EDITION, 30 * i)
    const [gone, stays] = clinics.slice(2 * i)
    if (gone !== undefined && stays !== undefined) replace(rows, gone.code, endedBy(addDays(day, -1), stays.code))
    const ranked = provisional[i]
    if (ranked !== undefined) replace(rows, ranked.code, rankedOn(day, 40 + i))
  }
  return [...rows.values(), ...formerClinics(clinics)]
}

function rowOf({ code, name, formerTier, commune, level, points }: DemoFacility): CatalogueRow {
  return {
    code,
    name,
    formerTier,
    commune,
    province: '38',
    validFrom: CODES_FROM,
    validTo: null,
    mergedInto: null,
    periods:
      code === '38004' // its ranking went up
        ? [
            { from: CODES_FROM, level: 'basic', points: 66 },
            { from: RANKED_ANEW, level, points },
          ]
        : [{ from: CODES_FROM, level, points }],
  }
}

function formerClinics(clinics: readonly DemoFacility[]): CatalogueRow[] {
  return clinics.slice(-FORMER_CLINICS).map((each, i) => ({
    ...rowOf(each),
    code: `3880${i + 1}`,
    name: `${each.name} (cũ)`,
    validFrom: LEVELS_FROM,
    validTo: FORMER_CODES_TO,
    mergedInto: each.code,
    periods: [{ from: LEVELS_FROM, level: each.level, points: null }],
  }))
}

function replace(rows: Map<string, CatalogueRow>, code: string, change: (row: CatalogueRow) => CatalogueRow): void {
  const row = rows.get(code)
  if (row !== undefined) rows.set(code, change(row))
}

function endedBy(validTo: IsoDate, mergedInto: string) {
  return (row: CatalogueRow): CatalogueRow => ({ ...row, validTo, mergedInto })
}

function rankedOn(from: IsoDate, points: number) {
  return (row: CatalogueRow): CatalogueRow => ({ ...row, periods: [...row.periods, { from, level: 'basic', points }] })
}
