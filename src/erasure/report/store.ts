import type { EntryKind } from '../../audit/entry.ts'
import { forget } from '../../audit/project/store.ts'

import type { Pseudonym } from '../../data-keys.ts'
import type { Fragment, Sql } from '../../db/connect.ts'

/** An entry that has its details still. */
export interface HeldEntry {
  readonly index: number
  readonly body: string
  readonly client: string
  readonly subject: string | null
  readonly sealed: Uint8Array
}

/** Of these people, or reads of auditors, from one index to another: a stretch of the table is read through. */
export async function findHeld(
  sql: Sql,
  logId: number,
  subjects: readonly Pseudonym[],
  from: number,
  to: number,
): Promise<HeldEntry[]> {
  return sql<HeldEntry[]>`
    select d.leaf_index as index, e.body, d.client, d.subject, d.sealed
      from entry_detail d join log_entry e on e.log_id = d.log_id and e.leaf_index = d.leaf_index
     where d.log_id = ${logId}::smallint and d.leaf_index >= ${from}::bigint and d.leaf_index < ${to}::bigint
       and (d.subject = any(string_to_array(${subjects.join(',')}, ',')::uuid[])
            or d.subject is null and e.body like '%"kind":"auditRead"%')
     order by d.leaf_index`
}

/** What a client asked in a time, in a stretch of the log; also what it asked before, by number alone. */
export async function findOfClient(
  sql: Sql,
  logId: number,
  client: string,
  time: { readonly from: string; readonly to: string },
  from: number,
  to: number,
): Promise<HeldEntry[]> {
  return sql<HeldEntry[]>`
    select d.leaf_index as index, e.body, d.client, d.subject, d.sealed
      from entry_detail d join log_entry e on e.log_id = d.log_id and e.leaf_index = d.leaf_index
     where d.log_id = ${logId}::smallint and d.leaf_index >= ${from}::bigint and d.leaf_index < ${to}::bigint
       and d.client = ${client}
       and (e.body::json ->> 'recordedAt')::timestamptz between ${time.from}::timestamptz and ${time.to}::timestamptz
     order by d.leaf_index`
}

/** Pseudonyms of these entries; those that were erased have none. */
export async function findSubjects(sql: Sql, logId: number, indexes: readonly number[]): Promise<string[]> {
  const rows = await sql<{ subject: string }[]>`
    select distinct subject from entry_detail
     where log_id = ${logId}::smallint and subject is not null
       and leaf_index = any(string_to_array(${indexes.join(',')}, ',')::bigint[])`
  return rows.map(({ subject }) => subject)
}

/** How many a client could read again: all entries of its facility until then. */
export async function countOfFacility(sql: Sql, logId: number, facility: string, to: string): Promise<number> {
  const [row] = await sql<{ entries: number }[]>`
    select count(*)::int as entries from log_entry e join entry_detail d using (log_id, leaf_index)
     where log_id = ${logId}::smallint and e.body like ${`%"facility":"${facility}"%`}
       and (e.body::json ->> 'recordedAt')::timestamptz <= ${to}::timestamptz`
  return row?.entries ?? 0
}

export interface Expired {
  readonly index: number
  readonly kind: EntryKind
}

/** Entries of these kinds that were recorded before, have details, and are of no facility that is held; the oldest first. */
export async function findExpired(
  sql: Sql,
  logId: number,
  kinds: readonly EntryKind[],
  before: string,
  heldFacilities: readonly string[],
  max: number,
): Promise<Expired[]> {
  return sql<Expired[]>`
    select leaf_index as index, kind from (
      select d.leaf_index, e.body::json ->> 'kind' as kind, e.body::json ->> 'facility' as facility,
             e.body::json ->> 'recordedAt' as recorded_at
        from entry_detail d join log_entry e using (log_id, leaf_index)
       where d.log_id = ${logId}::smallint) as old
     where kind = any(string_to_array(${kinds.join(',')}, ',')) and recorded_at::timestamptz < ${before}::timestamptz
       and (facility is null or facility <> all(string_to_array(${heldFacilities.join(',')}, ',')))
     order by leaf_index limit ${max}`
}

/** The deed of letting details go whose time is over: all of these or none. A hold that was placed meanwhile stops it. */
export function eraseExpired(sql: Sql, logId: number, indexes: readonly number[], holds: readonly string[]): Fragment {
  return sql`found as materialized (
      select log_id, leaf_index from entry_detail
       where log_id = ${logId}::smallint and leaf_index = any(string_to_array(${indexes.join(',')}, ',')::bigint[])
         for update
    ), act as materialized (
      select case when (select count(distinct hold) from legal_hold) <> ${holds.length}::int then 'held'
                  when (select count(*) from found) = ${indexes.length}::int then 'done'
                  else 'changed' end as result
    ), gone as (
      delete from entry_detail d using found f, act
       where act.result = 'done' and d.log_id = f.log_id and d.leaf_index = f.leaf_index
    ), dossiers as (
      delete from claim_dossier c using found f, act
       where act.result = 'done' and c.log_id = f.log_id and c.leaf_index = f.leaf_index
    ), visits as (
      delete from open_visit v using found f, act
       where act.result = 'done' and v.log_id = f.log_id and v.leaf_index = f.leaf_index
    ), projections as (
      select log_id, generation from audit_projection, act
       where act.result = 'done' and log_id = ${logId}::smallint
    ), ${forget(sql, 'projections', indexes)}`
}
