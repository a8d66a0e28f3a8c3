import type { PendingRow } from '../src/audit/store.ts'
import { connect, type Sql } from '../src/db/connect.ts'

/** As many as desks that ask at once: each waits for its own commit. */
const CLIENTS = 16

/**
 * What a log without batches would do: an INSERT of one such row a transaction, prepared, from 16 connections at once, into
 * tables with the columns and keys of the log's own. The rows are made and sealed before. Rows a second.
 */
export async function singleInserts(
  owner: Sql,
  databaseUrl: string,
  rows: readonly PendingRow[],
  seconds: number,
): Promise<number> {
  await owner.unsafe(`
    create table if not exists single_entry (like log_entry including indexes);
    create table if not exists single_detail (like entry_detail including indexes);
    grant insert, select on single_entry, single_detail to kiemthe_app`)
  const [start] = await owner<{ next: number }[]>`select coalesce(max(leaf_index), -1) + 1 as next from single_entry`
  const sql = connect(databaseUrl, { connectionsMax: CLIENTS, statementTimeoutMs: 0, applicationName: 'single' })
  let next = start?.next ?? 0
  const first = next
  const until = performance.now() + seconds * 1000
  const client = async () => {
    while (performance.now() < until) {
      const index = next++
      const row = rows[index % rows.length]
      if (row === undefined) throw new TypeError('no rows')
      await sql`
        with entry as (
          insert into single_entry values (1, ${index}::bigint, ${row.body}, decode(${row.leafHash}, 'base64'))
          returning log_id, leaf_index
        )
        insert into single_detail
        select log_id, leaf_index, ${row.subject}::uuid, ${row.client}, null, decode(${row.salt}, 'base64'),
               decode(${row.sealed}, 'base64') from entry`
    }
  }
  try {
    const began = performance.now()
    await Promise.all(Array.from({ length: CLIENTS }, client))
    return (next - first) / ((performance.now() - began) / 1000)
  } finally {
    await sql.end()
  }
}
