import type { Sql } from '../../db/connect.ts'
import type { PendingRow } from '../store.ts'

export interface Succession {
  readonly former: number
  /** Entries that the former log has, and ends with. */
  readonly formerSize: number
  readonly logId: number
  readonly origin: string
  /** Its first entry. */
  readonly row: PendingRow
}

/**
 * Ends a log and opens its successor with its first entry, in one statement: a kill leaves one log or both, and at no moment
 * two that can be appended to. The former's row forbids it to grow (`log_head_ended`): an append that waits for it now fails
 * and is told 503. Idempotency keys go over to the successor, so that whoever repeats a request of before is answered what
 * it was. False: the log has grown meanwhile, or has a successor already.
 */
export async function succeedLog(sql: Sql, { former, formerSize, logId, origin, row }: Succession): Promise<boolean> {
  const opened = await sql`
    with ended as (
      update log_head set ends_at = size
       where log_id = ${former}::smallint and size = ${formerSize}::bigint and ends_at is null
         and not exists (select from log_head where log_id > ${former}::smallint)
      returning log_id
    ), opened as (
      insert into log_head (log_id, origin, size) select ${logId}::smallint, ${origin}, 1 from ended returning log_id
    ), tree as (
      insert into log_tree (log_id, size) select log_id, 0 from opened
    ), keys as (
      update idempotency i set log_id = opened.log_id from opened, ended where i.log_id = ended.log_id
    ), entry as (
      insert into log_entry (log_id, leaf_index, body, leaf_hash)
      select log_id, 0, ${row.body}, decode(${row.leafHash}, 'base64') from opened
    ), details as (
      insert into entry_detail (log_id, leaf_index, subject, client, idempotency_key, salt, sealed)
      select log_id, 0, null, ${row.client}, null, decode(${row.salt}, 'base64'), decode(${row.sealed}, 'base64')
        from opened
    )
    select from opened`
  return opened.count === 1
}

export interface LogLine {
  readonly logId: number
  readonly origin: string
  /** The body of its first entry; null while it is empty. */
  readonly firstBody: string | null
}

/** Every log, the oldest first; the last one is in force. */
export async function readLogs(sql: Sql): Promise<LogLine[]> {
  const rows = await sql<{ log_id: number; origin: string; body: string | null }[]>`
    select log_id, origin,
           (select body from log_entry e where e.log_id = h.log_id and leaf_index = 0) as body
      from log_head h order by log_id`
  return rows.map((row) => ({ logId: row.log_id, origin: row.origin, firstBody: row.body }))
}
