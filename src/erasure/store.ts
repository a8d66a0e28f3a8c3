import { indexAt, logAt } from '../audit/cursor/store.ts'
import { LOG_ID, placeOf } from '../audit/log-id.ts'
import { forget } from '../audit/project/store.ts'

import type { IsoDate } from '../calendar.ts'
import type { CoverageDays } from '../coverage/holder.ts'
import type { LookupKey, Pseudonym } from '../data-keys.ts'
import type { Fragment, Sql } from '../db/connect.ts'

/** A version of a coverage that names lead to. */
export interface Bearer {
  readonly subject: LookupKey
  readonly sealed: Uint8Array
  readonly days: CoverageDays
  readonly isCurrent: boolean
}

/** All versions, those that ended too, behind these names and what they are aliases of. */
export async function findBearers(sql: Sql, names: readonly LookupKey[]): Promise<Bearer[]> {
  const rows = await sql<
    {
      subject: string
      sealed: Uint8Array
      valid_from: IsoDate
      valid_to: IsoDate | null
      five_years_from: IsoDate | null
      status_from: IsoDate | null
      is_current: boolean
    }[]
  >`
    with asked as (select unnest(string_to_array(${names.join(',')}, ',')::uuid[]) as name)
    select subject, sealed, valid_from, valid_to, five_years_from, status_from, known_to = 'infinity' as is_current
      from coverage
     where subject in (select name from asked union select a.subject from alias a join asked on a.alias = name)`
  return rows.map((row) => ({
    subject: row.subject.replaceAll('-', '') as LookupKey,
    sealed: row.sealed,
    days: {
      validFrom: row.valid_from,
      validTo: row.valid_to,
      fiveYearsFrom: row.five_years_from,
      statusFrom: row.status_from,
    },
    isCurrent: row.is_current,
  }))
}

/** No index leads this way: all aliases are looked through, some seconds in a province. */
export async function findAliasesOf(sql: Sql, subjects: readonly LookupKey[]): Promise<LookupKey[]> {
  if (subjects.length === 0) return []
  const rows = await sql<{ alias: string }[]>`
    select alias from alias where subject = any(string_to_array(${subjects.join(',')}, ',')::uuid[])`
  return rows.map(({ alias }) => alias.replaceAll('-', '') as LookupKey)
}

export interface LogSpan {
  readonly logId: number
  readonly size: number
  /** The body of the first entry; null in an empty log. */
  readonly firstBody: string | null
}

/** Of every log, the oldest first. */
export async function readLogSpans(sql: Sql): Promise<LogSpan[]> {
  const rows = await sql<{ log_id: number; size: number; body: string | null }[]>`
    select h.log_id, h.size, (select body from log_entry e where e.log_id = h.log_id and leaf_index = 0) as body
      from log_head h order by h.log_id`
  return rows.map((row) => ({ logId: row.log_id, size: row.size, firstBody: row.body }))
}

export interface FoundDetail {
  readonly place: number
  readonly facility: string | null
}

/** Details of these pseudonyms from one index to another. No index has the subject: a stretch of the table is read. */
export async function findDetails(
  sql: Sql,
  logId: number,
  subjects: readonly Pseudonym[],
  from: number,
  to: number,
): Promise<FoundDetail[]> {
  const rows = await sql<{ leaf_index: number; facility: string | null }[]>`
    select d.leaf_index, e.body::json ->> 'facility' as facility
      from entry_detail d join log_entry e on e.log_id = d.log_id and e.leaf_index = d.leaf_index
     where d.log_id = ${logId}::smallint and d.leaf_index >= ${from}::bigint and d.leaf_index < ${to}::bigint
       and d.subject = any(string_to_array(${subjects.join(',')}, ',')::uuid[])
     order by d.leaf_index`
  return rows.map((row) => ({ place: placeOf({ logId, index: row.leaf_index }), facility: row.facility }))
}

/**
 * The deed of an erasure, for `appendDeed`: the details go, all of those named or none. Whatever was changed since they
 * were looked for, a hold among it, makes it no deed. Their keys of idempotency stay: a repeated request learns that
 * its answer was erased, where it would be recorded anew without them. They are keyed digests, gone after 14 days.
 */
export function eraseDetails(
  sql: Sql,
  places: readonly number[],
  subjects: readonly Pseudonym[],
  targets: readonly string[],
): Fragment {
  return sql`held as materialized (
      select 1 from legal_hold where target = any(string_to_array(${targets.join(',')}, ',')) limit 1
    ), found as materialized (
      select d.log_id, d.leaf_index, p.place
        from unnest(string_to_array(${places.join(',')}, ',')::bigint[]) as p(place)
        join entry_detail d on d.log_id = ${logAt(sql, sql`p.place`)} and d.leaf_index = ${indexAt(sql, sql`p.place`)}
       where subject = any(string_to_array(${subjects.join(',')}, ',')::uuid[])
         for update of d
    ), act as materialized (
      select case when exists (select from held) then 'held'
                  when (select count(*) from found) = ${places.length}::int then 'done'
                  else 'changed' end as result
    ), ${lettingGo(sql, places)}`
}

/**
 * Behind `found(log_id, leaf_index, place)` and `act(result)`: the details of those found, and all that was made of them, if the
 * result is `done`. Whatever new keeps something of an entry's details is let go here.
 */
export function lettingGo(sql: Sql, places: readonly number[]): Fragment {
  return sql`gone as (
      delete from entry_detail d using found f, act
       where act.result = 'done' and d.log_id = f.log_id and d.leaf_index = f.leaf_index
    ), visits as (
      delete from open_visit v using found f, act
       where act.result = 'done' and v.log_id = ${LOG_ID}::smallint and v.leaf_index = f.place
    ), dossiers as (
      delete from claim_dossier c using found f, act
       where act.result = 'done' and c.log_id = ${LOG_ID}::smallint and c.leaf_index = f.place
    ), projections as (
      select log_id, generation from audit_projection, act
       where act.result = 'done' and log_id = ${LOG_ID}::smallint
    ), ${forget(sql, 'projections', places)}`
}

export interface HoldRow {
  readonly hold: string
  readonly target: string
  readonly placedAt: string
  readonly sealed: Uint8Array
}

/** Of these targets, or all there are. */
export async function findHolds(sql: Sql, targets: readonly string[] | 'all'): Promise<HoldRow[]> {
  const rows = await sql<{ hold: string; target: string; placed_at: string; sealed: Uint8Array }[]>`
    select hold, target, placed_at, sealed from legal_hold
     where ${targets === 'all'}::boolean or target = any(string_to_array(${targets === 'all' ? '' : targets.join(',')}, ','))
     order by hold, target`
  return rows.map((row) => ({ hold: row.hold, target: row.target, placedAt: row.placed_at, sealed: row.sealed }))
}

/** The deed of placing a hold: done when at least one target is new. */
export function insertHold(
  sql: Sql,
  hold: string,
  targets: readonly string[],
  placedAt: Date,
  sealed: Buffer,
): Fragment {
  return sql`placed as (
      insert into legal_hold (hold, target, placed_at, sealed)
      select ${hold}, unnest(string_to_array(${targets.join(',')}, ',')), ${placedAt.toISOString()}::timestamptz,
             decode(${sealed.toString('base64')}, 'base64')
      on conflict do nothing
      returning target
    ), act as materialized (
      select case when exists (select from placed) then 'done' else 'unchanged' end as result
    )`
}

export function deleteHold(sql: Sql, hold: string): Fragment {
  return sql`lifted as (
      delete from legal_hold where hold = ${hold} returning target
    ), act as materialized (
      select case when exists (select from lifted) then 'done' else 'unknown' end as result
    )`
}
