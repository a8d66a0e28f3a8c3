import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { type FacilityCode, parseFacilityCode } from '../../access/principal.ts'
import type { Parsed } from '../../brand.ts'
import { type IsoDate, parseIsoDate } from '../../calendar.ts'
import { CARE_LEVELS, type Facility, FORMER_TIERS, type Period } from '../../facility/facility.ts'
import type { RowFault } from '../check-row.ts'

/** Why a line of the catalogue cannot be taken. It goes to quarantine with this; the rest goes in. */
export type CatalogueFault =
  | Extract<
      RowFault,
      'facility_shape' | 'term_shape' | 'term_reversed' | 'row_not_utf8' | 'row_not_json' | 'row_shape' | 'row_repeated'
    >
  | 'facility_name'
  | 'level_unknown'
  | 'points_range'
  | 'periods_shape'
  | 'merge_shape'

/** Ranked every second year, it would take 80 years. */
const PERIODS_MAX = 40
/** The ranking's score goes to 100 (NĐ 96/2023). */
const POINTS_MAX = 100
/** TEN of a facility, as HO_TEN, is S255. */
const NAME_MAX = 255

const text = z.string().max(1_000)
const rowSchema = z.strictObject({
  code: text,
  name: text,
  formerTier: z.enum(FORMER_TIERS).nullable(),
  commune: text,
  province: z.string().regex(/^\d{2}$/),
  validFrom: text,
  validTo: text.nullable(),
  mergedInto: text.nullable(),
  periods: z.array(z.strictObject({ from: text, level: text, points: z.number().nullable() })).max(PERIODS_MAX),
})

type RawRow = z.infer<typeof rowSchema>

/** What a line says; `code` even where the rest cannot be taken: what we know of that facility then stays. */
export interface CatalogueLine {
  readonly code: FacilityCode | null
  readonly read: Parsed<Facility, CatalogueFault>
}

export function readCatalogueLine(line: Uint8Array): CatalogueLine {
  if (!isUtf8(line)) return { code: null, read: fault('row_not_utf8') }
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString('utf8'))
  } catch {
    return { code: null, read: fault('row_not_json') }
  }
  const named = z.object({ code: z.string() }).safeParse(json)
  const code = named.success ? parseFacilityCode(named.data.code) : null
  const row = rowSchema.safeParse(json)
  if (!row.success) return { code, read: fault('row_shape') }
  return { code, read: code === null ? fault('facility_shape') : readRow(code, row.data) }
}

function readRow(code: FacilityCode, row: RawRow): Parsed<Facility, CatalogueFault> {
  const name = nameOf(row.name)
  const commune = nameOf(row.commune)
  if (name === null || commune === null) return fault('facility_name')
  const validFrom = parseIsoDate(row.validFrom)
  const validTo = row.validTo === null ? null : parseIsoDate(row.validTo)
  if (validFrom === null || (validTo === null && row.validTo !== null)) return fault('term_shape')
  if (validTo !== null && validTo < validFrom) return fault('term_reversed')
  const mergedInto = row.mergedInto === null ? null : parseFacilityCode(row.mergedInto)
  // a code goes on in another one only when it ends itself
  if (row.mergedInto !== null && (mergedInto === null || mergedInto === code || validTo === null)) {
    return fault('merge_shape')
  }
  const periods = readPeriods(row.periods, validFrom, validTo)
  if (!periods.ok) return periods
  const { formerTier, province } = row
  const value = { code, name, formerTier, commune, province, validFrom, validTo, mergedInto, periods: periods.value }
  return { ok: true, value }
}

/** From the first day of the code, each later than the one before and none past its last day: no gap, no overlap. */
function readPeriods(
  rows: RawRow['periods'],
  validFrom: IsoDate,
  validTo: IsoDate | null,
): Parsed<Period[], CatalogueFault> {
  const periods: Period[] = []
  for (const { from: text, level: word, points } of rows) {
    const level = CARE_LEVELS.find((each) => each === word)
    if (level === undefined) return fault('level_unknown')
    if (points !== null && !(Number.isInteger(points) && points >= 0 && points <= POINTS_MAX)) {
      return fault('points_range')
    }
    const from = parseIsoDate(text)
    const last = periods.at(-1)
    const follows = from !== null && (last === undefined ? from === validFrom : from > last.from)
    if (!follows || (validTo !== null && from > validTo)) return fault('periods_shape')
    periods.push({ from, level, points })
  }
  return periods.length === 0 ? fault('periods_shape') : { ok: true, value: periods }
}

/** In one spelling (NFC), without control characters: it is shown to people. */
function nameOf(text: string): string | null {
  const name = text.normalize('NFC').trim()
  return name === '' || name.length > NAME_MAX || /\p{C}|\ufffd/u.test(name) ? null : name
}

function fault(issue: CatalogueFault): { readonly ok: false; readonly issue: CatalogueFault } {
  return { ok: false, issue }
}
