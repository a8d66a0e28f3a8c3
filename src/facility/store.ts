import type { FacilityCode } from '../access/principal.ts'
import type { IsoDate } from '../calendar.ts'
import type { Sql } from '../db/connect.ts'
import { CATALOGUE_FEED, type Facility, type FormerTier, type Period } from './facility.ts'

/** A version of the catalogue's row, with when we learned it. */
export interface FacilityVersion extends Facility {
  /** PostgreSQL's own text. */
  readonly knownFrom: string
}

interface Row {
  code: FacilityCode
  name: string
  former_tier: FormerTier | null
  commune: string
  province: string
  valid_from: IsoDate
  valid_to: IsoDate | null
  merged_into: FacilityCode | null
  periods: string
  known_from: string
}

export async function findFacility(sql: Sql, code: FacilityCode): Promise<FacilityVersion | null> {
  const [row] = await sql<Row[]>`
    select code, name, former_tier, commune, province, valid_from, valid_to, merged_into, periods::text, known_from
      from facility_version where code = ${code} and known_to = 'infinity'`
  return row === undefined ? null : versionOf(row)
}

export interface FacilityQuery {
  /** Codes behind this one. */
  readonly after: string
  /** As known then; null: now. */
  readonly knownAt: string | null
  /** In force on that day. */
  readonly on: IsoDate | null
  readonly province: string | null
  readonly limit: number
}

/**
 * A page of the catalogue, by code. With the instant of what is seen now as `knownAt`, the next pages are of the same
 * catalogue, whatever is imported meanwhile: every later version begins after it.
 */
export async function listFacilities(
  sql: Sql,
  { after, knownAt, on, province, limit }: FacilityQuery,
): Promise<{ readonly knownAt: string | null; readonly facilities: readonly FacilityVersion[] }> {
  const rows = await sql<(Row & { at: string })[]>`
    with seen as (
      select coalesce(${knownAt}::timestamptz, (select loaded_at from feed_watermark where feed = ${CATALOGUE_FEED}),
                      now()) as at
    )
    select code, name, former_tier, commune, province, valid_from, valid_to, merged_into, periods::text, known_from, at
      from facility_version, seen
     where code > ${after} and known_from <= at and known_to > at
       and (${on}::date is null or valid_from <= ${on}::date and (valid_to is null or valid_to >= ${on}::date))
       and (${province}::text is null or province = ${province})
     order by code limit ${limit}`
  return { knownAt: rows[0]?.at ?? null, facilities: rows.map(versionOf) }
}

/** Codes in force on that day, in order, and the province each lies in. */
export async function listCodes(
  sql: Sql,
  day: IsoDate,
): Promise<readonly { readonly code: FacilityCode; readonly province: string }[]> {
  return sql<{ code: FacilityCode; province: string }[]>`
    select code, province from facility_version
     where known_to = 'infinity' and valid_from <= ${day}::date and (valid_to is null or valid_to >= ${day}::date)
     order by code`
}

export async function countFacilities(sql: Sql): Promise<number> {
  const [count] = await sql<{ rows: number }[]>`
    select count(*) as rows from facility_version where known_to = 'infinity'`
  return count?.rows ?? 0
}

export interface EndedFacility {
  readonly code: FacilityCode
  readonly validTo: IsoDate
  readonly mergedInto: FacilityCode | null
}

/** Codes that ended before that day and whose clients can still take tokens, the latest first. */
export async function findEndedWithKeys(sql: Sql, day: IsoDate, limit: number): Promise<EndedFacility[]> {
  return sql<EndedFacility[]>`
    select v.code, v.valid_to as "validTo", v.merged_into as "mergedInto"
      from facility_version v
     where v.known_to = 'infinity' and v.valid_to < ${day}::date
       and exists (select from client c join client_key k using (client_id)
                    where c.facility = v.code and c.disabled_at is null and k.revoked_at is null and k.expires_at > now())
     order by v.valid_to desc, v.code limit ${limit}`
}

function versionOf(row: Row): FacilityVersion {
  return {
    code: row.code,
    name: row.name,
    formerTier: row.former_tier,
    commune: row.commune,
    province: row.province,
    validFrom: row.valid_from,
    validTo: row.valid_to,
    mergedInto: row.merged_into,
    periods: JSON.parse(row.periods) as Period[], // written by the import, from checked rows
    knownFrom: row.known_from,
  }
}
