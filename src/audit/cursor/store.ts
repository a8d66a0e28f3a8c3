import type { Fragment, Sql } from '../../db/connect.ts'
import { indexAt, logAt, placeAt } from '../../db/place.ts'

export { indexAt, logAt, placeAt }

/** Where a reader of the log stands; see `standingAt`. */
export function cursorAt(sql: Sql, logId: number, reader: string, max: number): Fragment {
  return standingAt(sql, sql`log_cursor where log_id = ${logId}::smallint and reader = ${reader}`, max)
}

/**
 * An expression `cursor_at`: the `next_index` of one row (`of`: a table and its condition), log and index of that, the index
 * after at most `max` more entries of that log, and the place to go on from. A log that has a successor grows no more:
 * behind its last entry comes the successor's first.
 */
export function standingAt(sql: Sql, of: Fragment, max: number): Fragment {
  return sql`cursor_at as materialized (
      select at.next_index, at.at_log, at.at_index, least(h.size, at.at_index + ${max}::int) as to_index,
             case when at.at_index + ${max}::int >= h.size and later.log_id is not null
                  then ${placeAt(sql, sql`later.log_id`, sql`0`)}
                  else ${placeAt(sql, sql`at.at_log`, sql`least(h.size, at.at_index + ${max}::int)`)} end as to_place
        from (select next_index, ${logAt(sql, sql`next_index`)} as at_log, ${indexAt(sql, sql`next_index`)} as at_index
                from ${of}) as at
        join log_head h on h.log_id = at.at_log
        left join lateral (select min(log_id) as log_id from log_head n where n.log_id > at.at_log) as later on true
    )`
}
