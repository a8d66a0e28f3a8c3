import type { Fragment, Sql } from '../../db/connect.ts'
import type { Facility, Period } from '../../facility/facility.ts'
import type { QuarantinedLine } from './prepare.ts'

export interface CatalogueMerge {
  readonly feed: string
  readonly sequence: number
  /** Null: the demo's own. */
  readonly digest: string | null
  readonly asOf: Date
  /** The watermark it was judged by; null: none yet. */
  readonly expected: number | null
}

export interface CatalogueRows {
  readonly rows: readonly (Facility & { readonly now: Period | undefined })[]
  readonly named: readonly string[]
  readonly quarantine: readonly QuarantinedLine[]
}

/**
 * For `appendDeed`: a catalogue becomes the state, in one statement. Versions that it does not say are closed, what it says
 * anew is opened, at one instant later than any before. A facility whose line was quarantined stays as it was.
 * `facility` is what clients refer to: codes are never taken out of it.
 */
export function applying(sql: Sql, merge: CatalogueMerge, { rows, named, quarantine }: CatalogueRows): Fragment {
  const { feed, sequence, digest, expected } = merge
  const asOf = merge.asOf.toISOString()
  const column = (of: (line: QuarantinedLine) => string | number) => quarantine.map(of).join(',')
  return sql`
    said as materialized (
      select code, name, "formerTier" as former_tier, commune, province, "validFrom" as valid_from, "validTo" as valid_to,
             "mergedInto" as merged_into, periods, now->>'level' as level, (now->>'points')::int as points
        from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as r(
          code text, name text, "formerTier" text, commune text, province text, "validFrom" date, "validTo" date,
          "mergedInto" text, periods jsonb, now jsonb)
    ), named as materialized (
      select unnest(string_to_array(${named.join(',')}, ',')) as code
    ), bad as materialized (
      select position::bigint, reason, decode(sealed, 'base64') as sealed
        from unnest(string_to_array(${column((q) => q.position)}, ','), string_to_array(${column((q) => q.reason)}, ','),
                    string_to_array(${column((q) => q.sealed.toString('base64'))}, ',')) as r(position, reason, sealed)
       where reason <> ''
    ), held as materialized (
      select v.code, s.code is not null as said, n.code is not null as named,
             (v.name, v.former_tier, v.commune, v.province, v.valid_from, v.valid_to, v.merged_into, v.periods)
               is not distinct from
             (s.name, s.former_tier, s.commune, s.province, s.valid_from, s.valid_to, s.merged_into, s.periods) as same
        from facility_version v left join said s using (code) left join named n using (code)
       where v.known_to = 'infinity'
    ), counted as (
      select (select count(*) from said) + (select count(*) from held where named and not said) as rows
    ), moved as (
      ${expected === null ? makingWatermark(sql, merge) : movingWatermark(sql, merge)}
    ), closed as (
      update facility_version v set known_to = m.loaded_at
        from held h, moved m
       where v.code = h.code and v.known_to = 'infinity' and (not h.named or h.said and not h.same)
      returning 1
    ), opened as (
      insert into facility_version (code, name, former_tier, commune, province, valid_from, valid_to, merged_into, periods,
                                    feed_sequence, known_from)
      select s.code, s.name, s.former_tier, s.commune, s.province, s.valid_from, s.valid_to, s.merged_into, s.periods,
             ${sequence}::bigint, m.loaded_at
        from said s cross join moved m
       where not exists (select from held h where h.code = s.code and h.same)
      returning 1
    ), referred as (
      insert into facility (code, name, level, points, former_tier, commune, valid_from, valid_to)
      select code, name, level, points, former_tier, commune, valid_from, valid_to from said, moved
      on conflict (code) do update
        set name = excluded.name, level = excluded.level, points = excluded.points, former_tier = excluded.former_tier,
            commune = excluded.commune, valid_from = excluded.valid_from, valid_to = excluded.valid_to
    ), quarantined as (
      insert into quarantine (feed, sequence, position, reason, sealed)
      select ${feed}, ${sequence}::bigint, position, reason, sealed from bad, moved
      returning 1
    ), overtaken as (
      update quarantine q set resolved = true
        from moved where q.feed = ${feed} and q.sequence < ${sequence}::bigint and not q.resolved
    ), state as (
      insert into feed_batch (feed, applied_at, sequence, kind, digest, as_of, rows, opened, closed, quarantined)
      select ${feed}, m.loaded_at, ${sequence}::bigint, 'full', ${digest}, ${asOf}::timestamptz, m.rows,
             (select count(*) from opened), (select count(*) from closed), (select count(*) from quarantined)
        from moved m
    ), act as materialized (
      select case when exists (select from moved) then 'done' else 'movedMeanwhile' end as result
    )`
}

/** By the owner alone: the role that pulls may move a watermark, not make one. */
function makingWatermark(sql: Sql, { feed, sequence, asOf }: CatalogueMerge): Fragment {
  return sql`
      insert into feed_watermark (feed, sequence, as_of, loaded_at, rows)
      select ${feed}, ${sequence}::bigint, ${asOf.toISOString()}::timestamptz, now(), rows from counted
      on conflict (feed) do nothing
      returning loaded_at, rows`
}

function movingWatermark(sql: Sql, { feed, sequence, asOf, expected }: CatalogueMerge): Fragment {
  return sql`
      update feed_watermark w
         set sequence = ${sequence}::bigint, as_of = ${asOf.toISOString()}::timestamptz, rows = counted.rows,
             loaded_at = greatest(now(), w.loaded_at + interval '1 microsecond')
        from counted
       where w.feed = ${feed} and w.sequence = ${expected}::bigint
      returning w.loaded_at, w.rows`
}

/** Without an entry: nobody's deed. */
export async function loadFirst(sql: Sql, merge: CatalogueMerge, rows: CatalogueRows): Promise<void> {
  await sql`with ${applying(sql, merge, rows)} select result from act`
}
