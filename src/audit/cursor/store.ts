import type { Fragment, Sql } from '../../db/connect.ts'
import { indexAt, logAt, placeAt } from '../../db/place.ts'

export { indexAt, logAt, placeAt }

/**
 * Where a reader of the log stands, as an expression `cursor_at`: its place, log and index of that, and the place after
 * at most `max` more entries. A log that has a successor grows no more: behind its last entry comes the successor's first.
 */
export function cursorAt(sql: Sql, logId: number, reader: string, max: number): Fragment {
  return sql`cursor_at as materialized (
      select at.next_index, at.at_log, at.at_index,
             case when at.at_index + ${max}::int >= h.size and later.log_id is not null
                  then ${placeAt(sql, sql`later.log_id`, sql`0`)}
                  else ${placeAt(sql, sql`at.at_log`, sql`least(h.size, at.at_index + ${max}::int)`)} end as to_place
        from (select next_index, ${logAt(sql, sql`next_index`)} as at_log, ${indexAt(sql, sql`next_index`)} as at_index
                from log_cursor where log_id = ${logId}::smallint and reader = ${reader}) as at
        join log_head h on h.log_id = at.at_log
        left join lateral (select min(log_id) as log_id from log_head n where n.log_id > at.at_log) as later on true
    )`
}
