import { indexAt, logAt, placeAt } from '../../audit/cursor/store.ts'
import type { EntryKind } from '../../audit/entry.ts'
import type { Pseudonym } from '../../data-keys.ts'
import type { Fragment, Sql } from '../../db/connect.ts'
import { lettingGo } from '../store.ts'

/** An entry that has its details still. */
export interface HeldEntry {
  readonly place: number
  readonly body: string
  readonly client: string
  readonly subject: string | null
  readonly sealed: Uint8Array
}

/** Of these people, or reads of auditors, from one index of a log to another: a stretch of the table is read through. */
export async function findHeld(
  sql: Sql,
  logId: number,
  subjects: readonly Pseudonym[],
  from: number,
  to: number,
): Promise<HeldEntry[]> {
  return sql<HeldEntry[]>`
    select ${placeAt(sql, sql`d.log_id`, sql`d.leaf_index`)} as place, e.body, d.client, d.subject, d.sealed
      from entry_detail d join log_entry e on e.log_id = d.log_id and e.leaf_index = d.leaf_index
     where d.log_id = ${logId}::smallint and d.leaf_index >= ${from}::bigint and d.leaf_index < ${to}::bigint
       and (d.subject = any(string_to_array(${subjects.join(',')}, ',')::uuid[])
            or d.subject is null and e.body like '%"kind":"auditRead"%')
     order by d.leaf_index`
}

/** What a client asked in a time, in a stretch of a log; also what it asked before, by number alone. */
export async function findOfClient(
  sql: Sql,
  logId: number,
  client: string,
  time: { readonly from: string; readonly to: string },
  from: number,
  to: number,
): Promise<HeldEntry[]> {
  return sql<HeldEntry[]>`
    select ${placeAt(sql, sql`d.log_id`, sql`d.leaf_index`)} as place, e.body, d.client, d.subject, d.sealed
      from entry_detail d join log_entry e on e.log_id = d.log_id and e.leaf_index = d.leaf_index
     where d.log_id = ${logId}::smallint and d.leaf_index >= ${from}::bigint and d.leaf_index < ${to}::bigint
       and d.client = ${client}
       and (e.body::json ->> 'recordedAt')::timestamptz between ${time.from}::timestamptz and ${time.to}::timestamptz
     order by d.leaf_index`
}

/** Pseudonyms of these entries; those that were erased have none. */
export async function findSubjects(sql: Sql, places: readonly number[]): Promise<string[]> {
  const rows = await sql<{ subject: string }[]>`
    select distinct d.subject
      from unnest(string_to_array(${places.join(',')}, ',')::bigint[]) as p(place)
      join entry_detail d on d.log_id = ${logAt(sql, sql`p.place`)} and d.leaf_index = ${indexAt(sql, sql`p.place`)}
     where d.subject is not null`
  return rows.map(({ subject }) => subject)
}

/** How many a client could read again: all entries of its facility until then. */
export async function countOfFacility(sql: Sql, facility: string, to: string): Promise<number> {
  const [row] = await sql<{ entries: number }[]>`
    select count(*)::int as entries from log_entry e join entry_detail d using (log_id, leaf_index)
     where e.body like ${`%"facility":"${facility}"%`}
       and (e.body::json ->> 'recordedAt')::timestamptz <= ${to}::timestamptz`
  return row?.entries ?? 0
}

export interface Expired {
  readonly place: number
  readonly kind: EntryKind
}

/** Entries of all logs, of these kinds, that were recorded before, have details, and are of no facility that is held; the oldest first. */
export async function findExpired(
  sql: Sql,
  kinds: readonly EntryKind[],
  before: string,
  heldFacilities: readonly string[],
  max: number,
): Promise<Expired[]> {
  return sql<Expired[]>`
    select place, kind from (
      select ${placeAt(sql, sql`d.log_id`, sql`d.leaf_index`)} as place, e.body::json ->> 'kind' as kind, e.body::json ->> 'facility' as facility,
             e.body::json ->> 'recordedAt' as recorded_at
        from entry_detail d join log_entry e on e.log_id = d.log_id and e.leaf_index = d.leaf_index) as old
     where kind = any(string_to_array(${kinds.join(',')}, ',')) and recorded_at::timestamptz < ${before}::timestamptz
       and (facility is null or facility <> all(string_to_array(${heldFacilities.join(',')}, ',')))
     order by place limit ${max}`
}

/** The deed of letting details go whose time is over: all of these or none. A hold that was placed meanwhile stops it. */
export function eraseExpired(sql: Sql, places: readonly number[], holds: readonly string[]): Fragment {
  return sql`found as materialized (
      select d.log_id, d.leaf_index, p.place
        from unnest(string_to_array(${places.join(',')}, ',')::bigint[]) as p(place)
        join entry_detail d on d.log_id = ${logAt(sql, sql`p.place`)} and d.leaf_index = ${indexAt(sql, sql`p.place`)}
         for update of d
    ), act as materialized (
      select case when (select count(distinct hold) from legal_hold) <> ${holds.length}::int then 'held'
                  when (select count(*) from found) = ${places.length}::int then 'done'
                  else 'changed' end as result
    ), ${lettingGo(sql, places)}`
}
