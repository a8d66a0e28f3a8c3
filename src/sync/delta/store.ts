import type { Fragment } from '../../audit/store.ts'
import { hex } from '../../audit/store.ts'
import type { LookupKey } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import { leadAliases } from '../aliases/store.ts'
import type { Change, Quarantined } from './prepare.ts'

/** To whom these numbers lead, where that person has a current coverage. */
export async function findHolders(
  sql: Sql,
  wanted: readonly LookupKey[],
): Promise<{ readonly number: LookupKey; readonly subject: LookupKey }[]> {
  const rows = await sql<{ number: string; subject: string }[]>`
    select k.key as number, coalesce(a.subject, k.key) as subject
      from (select distinct unnest(string_to_array(${wanted.join(',')}, ',')::uuid[]) as key) as k
      left join alias a on a.alias = k.key
     where exists (select from coverage c where c.subject = coalesce(a.subject, k.key) and c.known_to = 'infinity')`
  return rows.map((row) => ({ number: hex(row.number) as LookupKey, subject: hex(row.subject) as LookupKey }))
}

export interface DeltaMerge {
  readonly feed: string
  /** What the rows are of: no current version of a later batch is touched. */
  readonly sequence: number
  readonly digest: string | null
  readonly asOf: Date
  /**
   * `batch`: the watermark moves from `sequence − 1` with the rows. `beside`: rows of a batch that waits, or that were
   * quarantined: the watermark stays, whatever it is.
   */
  readonly how: 'batch' | 'beside'
  /** Of the lookup key, that the rows are named under. Once people are renamed they do not come in. */
  readonly generation: number
}

/**
 * For `appendDeed`: a delta in one statement, so in one transaction, with the watermark. Whoever finds the watermark elsewhere
 * changes nothing: applied twice is applied once. The watermark's row lock makes batches take turns, and a batch and the
 * beginning of a rotation of the lookup key: what began under the former names is in before people are renamed, or not at all.
 * A column travels as one text, split by the server; see `appendRows`.
 */
export function applying(
  sql: Sql,
  merge: DeltaMerge,
  changes: readonly Change[],
  quarantine: readonly Quarantined[],
): Fragment {
  const { feed, sequence, digest, how, generation } = merge
  const asOf = merge.asOf.toISOString()
  const puts = changes.filter((each) => each.op === 'put').map((each) => each.version)
  const removes = changes.filter((each) => each.op === 'remove')
  const links = changes.flatMap((each) =>
    each.op === 'put' ? each.aliases.map((alias) => ({ alias, subject: each.version.subject })) : [],
  )
  const column = <T>(rows: readonly T[], of: (row: T) => string | number | null) =>
    rows.map((row) => of(row) ?? '').join(',')
  return sql`
    put as materialized (
      select subject::uuid, coverage_no::smallint, "group", level::smallint, province, facility, valid_from::date,
             nullif(valid_to, '')::date as valid_to, nullif(five_years, '')::date as five_years_from,
             nullif(area, '') as area, status, nullif(status_from, '')::date as status_from, tag::uuid,
             decode(sealed, 'base64') as sealed
        from unnest(
          string_to_array(${column(puts, (p) => p.subject)}, ','), string_to_array(${column(puts, (p) => p.coverageNo)}, ','),
          string_to_array(${column(puts, (p) => p.group)}, ','), string_to_array(${column(puts, (p) => p.level)}, ','),
          string_to_array(${column(puts, (p) => p.province)}, ','),
          string_to_array(${column(puts, (p) => p.registeredFacility)}, ','),
          string_to_array(${column(puts, (p) => p.days.validFrom)}, ','),
          string_to_array(${column(puts, (p) => p.days.validTo)}, ','),
          string_to_array(${column(puts, (p) => p.days.fiveYearsFrom)}, ','),
          string_to_array(${column(puts, (p) => p.area)}, ','), string_to_array(${column(puts, (p) => p.status)}, ','),
          string_to_array(${column(puts, (p) => p.days.statusFrom)}, ','), string_to_array(${column(puts, (p) => p.tag)}, ','),
          string_to_array(${column(puts, (p) => p.sealed.toString('base64'))}, ',')
        ) as r(subject, coverage_no, "group", level, province, facility, valid_from, valid_to, five_years, area, status,
               status_from, tag, sealed)
       where subject <> ''
    ), removed as materialized (
      select subject::uuid, coverage_no::smallint
        from unnest(string_to_array(${column(removes, (r) => r.subject)}, ','),
                    string_to_array(${column(removes, (r) => r.coverageNo)}, ',')) as r(subject, coverage_no)
       where subject <> ''
    ), link as materialized (
      select distinct alias::uuid, subject::uuid
        from unnest(string_to_array(${column(links, (l) => l.alias)}, ','),
                    string_to_array(${column(links, (l) => l.subject)}, ',')) as r(alias, subject)
       where alias <> ''
    ), bad as materialized (
      select position::bigint, reason, decode(sealed, 'base64') as sealed
        from unnest(string_to_array(${column(quarantine, (q) => q.position)}, ','),
                    string_to_array(${column(quarantine, (q) => q.reason)}, ','),
                    string_to_array(${column(quarantine, (q) => q.sealed.toString('base64'))}, ',')) as r(position, reason, sealed)
       where reason <> ''
    ), to_close as materialized (
      select c.subject, c.coverage_no, c.known_from
        from put p join coverage c on c.subject = p.subject and c.coverage_no = p.coverage_no and c.known_to = 'infinity'
       where c.tag <> p.tag and c.feed_sequence <= ${sequence}::bigint
      union
      select c.subject, c.coverage_no, c.known_from
        from removed r join coverage c on c.subject = r.subject and c.coverage_no = r.coverage_no and c.known_to = 'infinity'
       where c.feed_sequence <= ${sequence}::bigint
      union -- a number that was given up for another one keeps no records
      select c.subject, c.coverage_no, c.known_from
        from link l join coverage c on c.subject = l.alias and c.known_to = 'infinity'
       where c.feed_sequence <= ${sequence}::bigint
    ), to_open as materialized (
      select p.* from put p
       where not exists (select from coverage c
                          where c.subject = p.subject and c.coverage_no = p.coverage_no and c.known_to = 'infinity'
                            and (c.tag = p.tag or c.feed_sequence > ${sequence}::bigint))
    ), moved as (
      update feed_watermark w
         set sequence = case when ${how} = 'batch' then ${sequence}::bigint else w.sequence end,
             as_of = case when ${how} = 'batch' then greatest(w.as_of, ${asOf}::timestamptz) else w.as_of end,
             loaded_at = greatest(now(), w.loaded_at + interval '1 microsecond'),
             rows = w.rows + (select count(*) from to_open) - (select count(*) from to_close)
       where w.feed = ${feed} and coalesce(w.lookup_generation, 1) <= ${generation}::smallint
         and case when ${how} = 'batch' then w.sequence = ${sequence}::bigint - 1
                  else exists (select from to_open) or exists (select from to_close) end
      returning loaded_at, rows, as_of
    ), closed as (
      update coverage c set known_to = m.loaded_at
        from to_close t, moved m
       where c.subject = t.subject and c.coverage_no = t.coverage_no and c.known_from = t.known_from
    ), opened as (
      insert into coverage (subject, coverage_no, "group", level, province, registered_facility, valid_from, valid_to,
                            five_years_from, area, status, status_from, tag, sealed, feed_sequence, known_from)
      select subject, coverage_no, "group", level, province, facility, valid_from, valid_to, five_years_from, area, status,
             status_from, tag, sealed, ${sequence}::bigint, m.loaded_at
        from to_open, moved m
    ), alias_diff as materialized (
      select l.alias, a.subject as former, l.subject as wanted
        from link l left join alias a on a.alias = l.alias
       where a.subject is distinct from l.subject
      union
      select a.alias, a.subject, null -- a former number that is somebody's own again
        from put p join alias a on a.alias = p.subject
    ), ${leadAliases(sql, true)}, quarantined as (
      insert into quarantine (feed, sequence, position, reason, sealed)
      select ${feed}, ${sequence}::bigint, position, reason, sealed from bad, moved
      on conflict (feed, sequence, position) do update
        set reason = excluded.reason, sealed = excluded.sealed, seen_at = now(), resolved = false
    ), state as (
      insert into feed_batch (feed, applied_at, sequence, kind, digest, as_of, rows, opened, closed, quarantined)
      select ${feed}, m.loaded_at, ${sequence}::bigint, 'delta', ${digest}, m.as_of, m.rows,
             (select count(*) from to_open), (select count(*) from to_close), (select count(*) from bad)
        from moved m where ${how} = 'batch'
    ), act as materialized (
      select case when exists (select from moved) then 'done' else 'nothing' end as result
    )`
}
