import { hex } from '../../audit/store.ts'
import type { LookupKey } from '../../data-keys.ts'
import type { Fragment, Sql } from '../../db/connect.ts'
import { allWritten, leadAliases } from '../aliases/store.ts'
import type { Change, Claim, Quarantined } from './prepare.ts'

/** Of the claims those that somebody else's number is in: whose it is, where that person has a current coverage. */
export async function findHolders(sql: Sql, claims: readonly Claim[]): Promise<readonly Claim[]> {
  const rows = await sql<{ number: string; subject: string }[]>`
    select distinct k.number, coalesce(a.subject, k.number) as subject
      from unnest(string_to_array(${claims.map((each) => each.number).join(',')}, ',')::uuid[],
                  string_to_array(${claims.map((each) => each.subject).join(',')}, ',')::uuid[]) as k(number, claimant)
      left join lateral (select subject from alias where alias = k.number offset 0) as a on true
     where coalesce(a.subject, k.number) <> k.claimant
       and exists (select from coverage c
                    where c.subject = coalesce(a.subject, k.number) and c.known_to = 'infinity' offset 0)`
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
 * `lateral … offset 0`: a look-up by the key for each row. The planner would hash all coverages and aliases, millions of
 * them, at every such place (measured, 36,000 rows beside 300,000: 0.2 s each against 0.1 s).
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
    said as not materialized (
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
    ), put as materialized (
      select p.*, c.known_from as held_from, c.tag as held_tag, c.feed_sequence as held_sequence
        from said p
        left join lateral (
          select known_from, tag, feed_sequence from coverage
           where subject = p.subject and coverage_no = p.coverage_no and known_to = 'infinity' offset 0
        ) as c on true
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
      select subject, coverage_no, held_from as known_from from put
       where held_tag <> tag and held_sequence <= ${sequence}::bigint
      union
      select c.subject, c.coverage_no, c.known_from
        from removed r join coverage c on c.subject = r.subject and c.coverage_no = r.coverage_no and c.known_to = 'infinity'
       where c.feed_sequence <= ${sequence}::bigint
      union -- a number that was given up for another one keeps no records
      select c.subject, c.coverage_no, c.known_from
        from link l
       cross join lateral (select * from coverage where subject = l.alias and known_to = 'infinity' offset 0) as c
       where c.feed_sequence <= ${sequence}::bigint
    ), to_open as not materialized (
      select * from put where held_tag is null or (held_tag <> tag and held_sequence <= ${sequence}::bigint)
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
      returning 1
    ), opened as (
      insert into coverage (subject, coverage_no, "group", level, province, registered_facility, valid_from, valid_to,
                            five_years_from, area, status, status_from, tag, sealed, feed_sequence, known_from)
      select subject, coverage_no, "group", level, province, facility, valid_from, valid_to, five_years_from, area, status,
             status_from, tag, sealed, ${sequence}::bigint, m.loaded_at
        from to_open, moved m
      returning 1
    ), alias_diff as materialized (
      select l.alias, a.subject as former, l.subject as wanted
        from link l left join lateral (select subject from alias where alias = l.alias offset 0) as a on true
       where a.subject is distinct from l.subject
      union
      select a.alias, a.subject, null -- a former number that is somebody's own again
        from put p cross join lateral (select * from alias where alias = p.subject offset 0) as a
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
      select case when exists (select from moved) and ${allWritten(sql)} then 'done' else 'nothing' end as result
    )`
}
