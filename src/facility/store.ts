import type { FacilityCode } from '../access/principal.ts'
import type { IsoDate } from '../calendar.ts'
import type { Sql } from '../db/connect.ts'

/** Level of care since 1/1/2025 (Luật KCB 2023): ban đầu, cơ bản, chuyên sâu. */
export type CareLevel = 'primary' | 'basic' | 'specialised'

export interface Facility {
  readonly code: string
  readonly name: string
  readonly level: CareLevel
  /** Score of the ranking; null where provisionally ranked. */
  readonly points: number | null
  readonly formerTier: 'central' | 'provincial' | 'district' | 'commune'
  readonly commune: string
  readonly kind: string
  readonly validFrom: IsoDate
  readonly validTo: IsoDate | null
}

/** Takes a whole catalogue: new codes come in, known ones are brought up to date. */
export async function saveFacilities(sql: Sql, facilities: readonly Facility[]): Promise<void> {
  await sql`
    insert into facility (code, name, level, points, former_tier, commune, kind, valid_from, valid_to)
    select code, name, level, points, "formerTier", commune, kind, "validFrom", "validTo"
      from json_to_recordset(${JSON.stringify(facilities)}::text::json) as f(
        code text, name text, level text, points int, "formerTier" text, commune text, kind text,
        "validFrom" date, "validTo" date)
    on conflict (code) do update
      set name = excluded.name, level = excluded.level, points = excluded.points, former_tier = excluded.former_tier,
          commune = excluded.commune, kind = excluded.kind, valid_from = excluded.valid_from, valid_to = excluded.valid_to`
}

/** Codes in force, in order. */
export async function facilityCodes(sql: Sql): Promise<FacilityCode[]> {
  const rows = await sql<{ code: FacilityCode }[]>`
    select code from facility where valid_to is null or valid_to >= current_date order by code`
  return rows.map((row) => row.code)
}

export async function isInCatalogue(sql: Sql, code: string): Promise<boolean> {
  const rows = await sql`select from facility where code = ${code}`
  return rows.count > 0
}
