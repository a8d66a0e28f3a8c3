import type { Fragment, Sql } from '../../db/connect.ts'
import { allWritten, leadAliases } from '../aliases/store.ts'
import type { AppliedBatch } from '../watermark/store.ts'

/**
 * For `appendDeed`: the copy becomes what it was at an earlier state. Nothing is taken out of the history: what came after is
 * closed, what it had closed is opened again as versions of their own, so that what was known in between stays known.
 * (An equal version of a later batch too: under its number the batches that come again would not touch it.)
 * Aliases are led back by what was noted when they changed; the way back is noted too. Rows of what is taken back leave the
 * quarantine; those that were settled by it, or replayed since, stand there again.
 */
export function rollingBack(sql: Sql, feed: string, expected: number, to: AppliedBatch): Fragment {
  const at = to.appliedAt
  return sql`
    state_then as (
      select sequence, as_of, rows from feed_batch where feed = ${feed} and applied_at = ${at}::timestamptz
    ), moved as (
      update feed_watermark w
         set sequence = s.sequence, as_of = s.as_of, rows = s.rows,
             loaded_at = greatest(now(), w.loaded_at + interval '1 microsecond')
        from state_then s
       where w.feed = ${feed} and w.sequence = ${expected}::bigint
      returning w.loaded_at
    ), target as materialized (
      select * from coverage
       where known_from <= ${at}::timestamptz and known_to > ${at}::timestamptz and known_to < 'infinity'
    ), newer as materialized (
      select subject, coverage_no, known_from, tag, feed_sequence from coverage
       where known_from > ${at}::timestamptz and known_to = 'infinity'
    ), closed as (
      update coverage c set known_to = m.loaded_at
        from newer n, moved m
       where c.subject = n.subject and c.coverage_no = n.coverage_no and c.known_from = n.known_from
         and not exists (select from target t
                          where t.subject = n.subject and t.coverage_no = n.coverage_no and t.tag = n.tag
                            and t.feed_sequence = n.feed_sequence)
      returning 1
    ), opened as (
      insert into coverage (subject, coverage_no, "group", level, province, registered_facility, valid_from, valid_to,
                            five_years_from, area, status, status_from, tag, sealed, feed_sequence, known_from)
      select t.subject, t.coverage_no, t."group", t.level, t.province, t.registered_facility, t.valid_from, t.valid_to,
             t.five_years_from, t.area, t.status, t.status_from, t.tag, t.sealed, t.feed_sequence, m.loaded_at
        from target t, moved m
       where not exists (select from newer n
                          where n.subject = t.subject and n.coverage_no = t.coverage_no and n.tag = t.tag
                            and n.feed_sequence = t.feed_sequence)
      returning 1
    ), first_change as (
      select distinct on (alias) alias, former from alias_change
       where changed_at > ${at}::timestamptz order by alias, changed_at
    ), alias_diff as materialized (
      select f.alias, a.subject as former, f.former as wanted
        from first_change f left join alias a on a.alias = f.alias
       where a.subject is distinct from f.former
    ), ${leadAliases(sql, true)}, quarantine_over as (
      update quarantine q set resolved = q.sequence > s.sequence, resolved_at = m.loaded_at
        from moved m, state_then s
       where q.feed = ${feed}
         and case when q.sequence > s.sequence then not q.resolved
                  else q.resolved and q.resolved_at > ${at}::timestamptz end
    ), state as (
      insert into feed_batch (feed, applied_at, sequence, kind, as_of, rows, opened, closed, quarantined, back_to)
      select ${feed}, m.loaded_at, s.sequence, 'rollback', s.as_of, s.rows,
             (select count(*) from opened), (select count(*) from closed), 0, ${at}::timestamptz
        from moved m, state_then s
    ), act as materialized (
      select case when exists (select from moved) and ${allWritten(sql)} then 'done' else 'movedMeanwhile' end as result
    )`
}
