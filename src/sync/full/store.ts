import type { Fragment, Sql } from '../../db/connect.ts'
import { allWritten, leadAliases } from '../aliases/store.ts'
import type { RowFault } from '../check-row.ts'
import type { PreparedChunk } from '../load.ts'
import { copyInto } from '../store.ts'

/**
 * The SQL of a full load into a copy that answers already. Rows wait in the stage; one statement then brings coverages,
 * aliases, quarantine and watermark to the new state. What a kill leaves: whole chunks in the stage, named by
 * `stage_chunk`, and the old state; or, once the statement has committed, the new one.
 */

const VERSION_COLUMNS =
  'subject, coverage_no, "group", level, province, registered_facility, valid_from, valid_to, five_years_from, area, ' +
  'status, status_from, tag, sealed'

/**
 * For the sorts and hash joins over millions of rows that follow, on this connection: much memory, and one core. Parallel
 * workers took the desks' core too, for no less time (150,000 rows, two cores, in turn: p99 of checks 2.5 times that alone, 4.6 with them).
 */
export async function useMuchMemory(sql: Sql): Promise<void> {
  await sql`
    select set_config('work_mem', '256MB', false), set_config('hash_mem_multiplier', '2', false),
           set_config('max_parallel_workers_per_gather', '0', false)`
}

/** Empties the stage unless it holds this very load; says which of its chunks are in. */
export async function openStage(sql: Sql, load: string): Promise<ReadonlyMap<number, number>> {
  const others = await sql`select from stage_chunk where load <> ${load} limit 1`
  if (others.count > 0) await clearStage(sql)
  const chunks = await sql<{ chunk: number; rows: number }[]>`select chunk, rows from stage_chunk where load = ${load}`
  if (chunks.length === 0) await clearStage(sql)
  return new Map(chunks.map((each) => [each.chunk, each.rows]))
}

export async function clearStage(sql: Sql): Promise<void> {
  await sql`truncate coverage_stage, alias_stage, quarantine_stage, stage_chunk`
}

/** One transaction: the rows and the note that they are in. */
export async function copyStageChunk(sql: Sql, load: string, prepared: PreparedChunk): Promise<void> {
  await sql.begin(async (tx) => {
    await copyInto(
      tx,
      `copy coverage_stage (${VERSION_COLUMNS}, position) from stdin (format binary)`,
      prepared.coverage,
    )
    await copyInto(tx, 'copy alias_stage (alias, subject, position) from stdin (format binary)', prepared.alias)
    for (const { position, reason, sealed } of prepared.quarantine) {
      await tx`insert into quarantine_stage (position, reason, sealed) values (${position}, ${reason}, ${sealed})`
    }
    await tx`insert into stage_chunk (load, chunk, rows) values (${load}, ${prepared.chunk}, ${prepared.rows})`
  })
}

/**
 * Rows that contradict others of their feed. Of a coverage named twice the first row counts. A person who claims a number that
 * somebody before them claims, or that is somebody's own, is out with all rows: whom the number means, nobody can tell.
 */
export async function findContradictions(
  sql: Sql,
): Promise<{ readonly position: number; readonly reason: RowFault }[]> {
  await sql`analyze coverage_stage, alias_stage`
  return sql<{ position: number; reason: RowFault }[]>`
    with claimed as (
      select alias, min(position) as first from alias_stage group by alias having count(*) > 1
    ), offending as (
      select distinct a.subject
        from claimed join alias_stage a using (alias) join alias_stage f on f.alias = a.alias and f.position = claimed.first
       where a.subject <> f.subject
      union
      select a.subject from alias_stage a join coverage_stage s on s.subject = a.alias
    ), taken as (
      select position from coverage_stage join offending using (subject)
    ), repeated as (
      select s.position
        from (select subject, coverage_no, min(position) as first from coverage_stage group by 1, 2 having count(*) > 1) as d
        join coverage_stage s using (subject, coverage_no)
       where s.position > d.first
    )
    select position, 'number_taken' as reason from taken
    union all
    select position, 'row_repeated' from repeated where position not in (select position from taken)
    order by position`
}

/** Moves such rows from the stage to what is quarantined with it, 1,000 at the most. */
export async function setAside(
  sql: Sql,
  rows: readonly { readonly position: number; readonly reason: RowFault; readonly sealed: Buffer }[],
): Promise<void> {
  await sql`
    with bad as materialized (
      select p::bigint as position, reason, decode(sealed, 'base64') as sealed
        from unnest(string_to_array(${rows.map((each) => each.position).join(',')}, ','),
                    string_to_array(${rows.map((each) => each.reason).join(',')}, ','),
                    string_to_array(${rows.map((each) => each.sealed.toString('base64')).join(',')}, ',')) as r(p, reason, sealed)
    ), gone as (
      delete from coverage_stage s using bad where s.position = bad.position returning s.subject, bad.reason
    ), aliases as (
      delete from alias_stage a using gone where a.subject = gone.subject and gone.reason = 'number_taken'
    )
    insert into quarantine_stage (position, reason, sealed) select position, reason, sealed from bad`
}

export async function countStaged(sql: Sql): Promise<number> {
  const [staged] = await sql<{ rows: number }[]>`select count(*) as rows from coverage_stage`
  return staged?.rows ?? 0
}

export interface FullMerge {
  readonly feed: string
  readonly sequence: number
  readonly digest: string
  readonly asOf: Date
  readonly rows: number
  /** The watermark it was judged by; null: none yet. */
  readonly expected: number | null
  /** The instant of the state that the difference was found to. */
  readonly foundAt: string | null
  /** Of the lookup key, that the stage is named under. Once people are renamed it does not come in. */
  readonly generation: number
}

/**
 * What the stage says otherwise than the copy, into tables of this connection: all the comparing of millions of rows, while
 * nobody waits. Returns the instant of the state it was compared with: whatever changes the copy moves that. A coverage that
 * a later batch has already spoken of (a revocation that did not wait) stays as that one said, and is found as before.
 */
export async function findDifference(sql: Sql, feed: string, sequence: number): Promise<string | null> {
  const [state] = await sql<{ loaded_at: string }[]>`select loaded_at from feed_watermark where feed = ${feed}`
  await sql`drop table if exists pg_temp.merge_close, pg_temp.merge_open, pg_temp.merge_alias`
  const later = sql.unsafe(`${sequence}::bigint`) // a statement that makes a table takes no parameters
  await sql`
    create temp table merge_close as
    select c.subject, c.coverage_no, c.known_from
      from coverage c
     where c.known_to = 'infinity' and c.feed_sequence <= ${later}
       and not exists (select from coverage_stage s
                        where s.subject = c.subject and s.coverage_no = c.coverage_no and s.tag = c.tag)`
  await sql`
    create temp table merge_open as
    select s.*
      from coverage_stage s
     where not exists (select from coverage c
                        where c.subject = s.subject and c.coverage_no = s.coverage_no and c.known_to = 'infinity'
                          and (c.tag = s.tag or c.feed_sequence > ${later}))`
  await sql`
    create temp table merge_alias as
    select distinct coalesce(a.alias, s.alias) as alias, a.subject as former, s.subject as wanted
      from alias a full join alias_stage s on s.alias = a.alias
     where a.subject is distinct from s.subject
       and not exists (select from coverage c
                        where c.subject = a.subject and c.known_to = 'infinity' and c.feed_sequence > ${later}
                       offset 0) -- by its key, for what differs alone`
  await sql`analyze merge_close, merge_open, merge_alias`
  return state?.loaded_at ?? null
}

/**
 * For `appendDeed`: the stage becomes the state, by what `findDifference` found. Current versions that it does not say are
 * closed, what it says anew is opened, both at one instant later than any before; desks read the former state until the
 * commit. Other batches wait at the watermark while it writes: for the rows that differ, not for the province.
 * Aliases are not versioned: what each led to before is noted, for a rollback.
 */
export function merging(sql: Sql, merge: FullMerge): Fragment {
  const { feed, sequence, digest, rows, expected, foundAt, generation } = merge
  const asOf = merge.asOf.toISOString()
  return sql`
    moved as (
      insert into feed_watermark as w (feed, sequence, as_of, loaded_at, rows)
      select ${feed}, ${sequence}::bigint, ${asOf}::timestamptz, now(), ${rows}::bigint
       where ${expected}::bigint is null or exists (select from feed_watermark where feed = ${feed})
      on conflict (feed) do update
        set sequence = excluded.sequence, as_of = excluded.as_of, rows = excluded.rows,
            loaded_at = greatest(now(), w.loaded_at + interval '1 microsecond')
        where w.sequence = ${expected}::bigint and w.loaded_at = ${foundAt}::timestamptz
          and coalesce(w.lookup_generation, 1) <= ${generation}::smallint
      returning loaded_at
    ), closed as (
      update coverage c set known_to = m.loaded_at
        from merge_close d, moved m
       where c.subject = d.subject and c.coverage_no = d.coverage_no and c.known_from = d.known_from
      returning 1
    ), opened as (
      insert into coverage (subject, coverage_no, "group", level, province, registered_facility, valid_from, valid_to,
                            five_years_from, area, status, status_from, tag, sealed, feed_sequence, known_from)
      select s.subject, s.coverage_no, s."group", s.level, s.province, s.registered_facility, s.valid_from, s.valid_to,
             s.five_years_from, s.area, s.status, s.status_from, s.tag, s.sealed, ${sequence}::bigint, m.loaded_at
        from merge_open s cross join moved m
       order by s.subject, s.coverage_no
      returning 1
    ), alias_diff as materialized (
      select alias, former, wanted from merge_alias
    ), ${leadAliases(sql, expected !== null)}, quarantined as (
      insert into quarantine (feed, sequence, position, reason, sealed)
      select ${feed}, ${sequence}::bigint, position, reason, sealed from quarantine_stage, moved
      on conflict (feed, sequence, position) do update
        set reason = excluded.reason, sealed = excluded.sealed, seen_at = now(), resolved = false
      returning 1
    ), overtaken as (
      update quarantine q set resolved = true, resolved_at = moved.loaded_at
        from moved where q.feed = ${feed} and q.sequence < ${sequence}::bigint and not q.resolved
    ), state as (
      insert into feed_batch (feed, applied_at, sequence, kind, digest, as_of, rows, opened, closed, quarantined)
      select ${feed}, m.loaded_at, ${sequence}::bigint, 'full', ${digest}, ${asOf}::timestamptz, ${rows}::bigint,
             (select count(*) from opened), (select count(*) from closed), (select count(*) from quarantined)
        from moved m
    ), act as materialized (
      select case when exists (select from moved) and ${allWritten(sql)} then 'done' else 'movedMeanwhile' end as result
    )`
}
