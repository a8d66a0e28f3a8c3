import { indexAt, logAt } from '../../audit/cursor/store.ts'
import { appendWithAct, hex, type PendingRow } from '../../audit/store.ts'
import type { Pseudonym } from '../../data-keys.ts'
import { type Fragment, readInstant, type Sql } from '../../db/connect.ts'
import type { ShareKind, ShareStatus } from '../entry.ts'

/** Statuses of a share that is still to be sent. Its `next_attempt_at` is set, that of all others is null. */
export type WaitingStatus = 'recorded' | 'held' | 'sent'

/** Rows of `log_cursor`: how far the sender has read, and how far it must have read before it may send. */
const READER = 'send'
const SEND_FROM = 'sendFrom'

/** While the rows are made anew they do not say yet what was delivered: nothing is sent by them. */
const readUp = (sql: Sql, logId: number): Fragment => sql`
  (select next_index from log_cursor where log_id = ${logId}::smallint and reader = ${READER})
    >= (select next_index from log_cursor where log_id = ${logId}::smallint and reader = ${SEND_FROM})`

export interface TakenShare {
  readonly place: number
  readonly facility: string
  readonly share: ShareKind
  readonly version: number
  readonly status: WaitingStatus
  readonly attempts: number
  readonly strikes: number
  /** Of the share's own details; null also when those were erased. */
  readonly subject: Pseudonym | null
  /** Of the sealed dossier; 0: it was erased. */
  readonly bytes: number
  /** Whose it is until then. */
  readonly leaseUntil: Date
  /** Of whoever had it before and left no word: killed, and the file may be with the insurer. Null: nobody did. */
  readonly formerLease: Date | null
}

export interface Take {
  readonly now: Date
  readonly leaseUntil: Date
  /** From which end of each facility's queue. */
  readonly lane: 'oldest' | 'newest'
  readonly max: number
  /** Of one facility at the same time; `busy`: how many of each are under way here. */
  readonly facilityMax: number
  readonly busy: Readonly<Record<string, number>>
}

/**
 * Takes what is due, under a lease; another process takes others. The facilities that wait are found by hops over the
 * index; of each the first few from its end of the queue; those of facilities with the least under way come first, so that
 * a hospital with thousands keeps nobody waiting. A version waits for all before it that are still to be sent, or that
 * somebody may be sending just now: never two of one visit at once.
 */
export async function takeDue(sql: Sql, logId: number, take: Take): Promise<TakenShare[]> {
  const order = take.lane === 'oldest' ? sql`asc` : sql`desc`
  const now = take.now.toISOString()
  const rows = await sql<
    {
      leaf_index: number
      facility: string
      share: ShareKind
      version: number
      status: WaitingStatus
      attempts: number
      strikes: number
      subject: string | null
      bytes: number
      former_lease: string | null
    }[]
  >`
    with recursive waiting(facility) as (
      (select facility from claim_delivery
        where log_id = ${logId}::smallint and next_attempt_at is not null order by facility limit 1)
      union all
      select (select d.facility from claim_delivery d
               where d.log_id = ${logId}::smallint and d.next_attempt_at is not null and d.facility > w.facility
               order by d.facility limit 1)
        from waiting w where w.facility is not null
    ), candidate as (
      select due.leaf_index, busy + row_number() over (partition by w.facility order by due.leaf_index ${order}) as turn
        from waiting w,
             lateral (select coalesce((${JSON.stringify(take.busy)}::text::jsonb ->> w.facility)::int, 0) as busy) as b,
             lateral (
               select d.leaf_index from claim_delivery d
                where d.log_id = ${logId}::smallint and d.facility = w.facility
                  and d.next_attempt_at <= ${now}::timestamptz
                  and (d.lease_until is null or d.lease_until <= ${now}::timestamptz)
                  and not exists (
                    select from claim_delivery former
                     where former.log_id = d.log_id and former.visit_key = d.visit_key and former.share = d.share
                       and former.version < d.version and former.delivery = 'forward'
                       and (former.next_attempt_at is not null or former.lease_until > ${now}::timestamptz))
                order by d.leaf_index ${order} limit ${take.facilityMax}
             ) as due
       where busy < ${take.facilityMax}
    ), chosen as (
      select leaf_index from candidate where turn <= ${take.facilityMax} and ${readUp(sql, logId)}
       order by turn, leaf_index ${order} limit ${take.max}
    ), mine as (
      select d.leaf_index, d.lease_until as former_lease from claim_delivery d
       where d.log_id = ${logId}::smallint and d.leaf_index in (select leaf_index from chosen)
         and d.next_attempt_at <= ${now}::timestamptz
         and (d.lease_until is null or d.lease_until <= ${now}::timestamptz)
         for update skip locked
    )
    update claim_delivery d set lease_until = ${take.leaseUntil.toISOString()}::timestamptz
      from mine
      left join entry_detail e on e.log_id = ${logAt(sql, sql`mine.leaf_index`)}
                              and e.leaf_index = ${indexAt(sql, sql`mine.leaf_index`)}
      left join claim_dossier f on f.log_id = ${logId}::smallint and f.leaf_index = mine.leaf_index
     where d.log_id = ${logId}::smallint and d.leaf_index = mine.leaf_index
    returning d.leaf_index, d.facility, d.share, d.version, d.status, d.attempts, d.strikes, e.subject,
              coalesce(octet_length(f.sealed), 0) as bytes, mine.former_lease`
  return rows.map(({ leaf_index: place, subject, former_lease, ...row }) => ({
    ...row,
    place,
    formerLease: former_lease === null ? null : readInstant(former_lease),
    subject: subject === null ? null : (hex(subject) as Pseudonym),
    leaseUntil: take.leaseUntil,
  }))
}

/** Null: it was erased. */
export async function findDossier(
  sql: Sql,
  logId: number,
  place: number,
): Promise<{ readonly key: string; readonly sealed: Uint8Array } | null> {
  const [row] = await sql<{ dossier_key: string; sealed: Uint8Array }[]>`
    select dossier_key, sealed from claim_dossier where log_id = ${logId}::smallint and leaf_index = ${place}`
  return row === undefined ? null : { key: hex(row.dossier_key), sealed: row.sealed }
}

export async function findSealedLogin(sql: Sql, facility: string): Promise<Uint8Array | null> {
  const [row] = await sql<{ sealed: Uint8Array }[]>`select sealed from insurer_login where facility = ${facility}`
  return row?.sealed ?? null
}

/** What an attempt leaves in the row. */
export interface Attempted {
  readonly strike: boolean
  readonly failure: string
  readonly next: Date
}

/** An attempt that came to nothing and changed no status: no entry. Only whoever holds the lease writes it. */
export async function postpone(
  sql: Sql,
  logId: number,
  { place, leaseUntil }: TakenShare,
  { strike, failure, next }: Attempted,
): Promise<void> {
  await sql`
    update claim_delivery
       set attempts = attempts + 1, strikes = strikes + ${strike ? 1 : 0}, last_failure = ${failure},
           next_attempt_at = ${next.toISOString()}, lease_until = null
     where log_id = ${logId}::smallint and leaf_index = ${place} and next_attempt_at is not null
       and lease_until = ${leaseUntil.toISOString()}::timestamptz`
}

/** It was not tried: as if it had not been taken. */
export async function release(sql: Sql, logId: number, { place, leaseUntil, formerLease }: TakenShare): Promise<void> {
  await sql`
    update claim_delivery set lease_until = ${formerLease?.toISOString() ?? null}::timestamptz
     where log_id = ${logId}::smallint and leaf_index = ${place}
       and lease_until = ${leaseUntil.toISOString()}::timestamptz`
}

/**
 * What the insurer said, or that we give up: the entry and the row in one statement. The first end counts, whoever finds
 * it: of two that sent one file the later one writes nothing. (What is under a lease cannot be withdrawn.)
 */
export async function settle(
  sql: Sql,
  logId: number,
  row: PendingRow,
  share: Pick<TakenShare, 'place' | 'leaseUntil'>,
  status: Extract<ShareStatus, 'received' | 'returned' | 'deadLetter'>,
  failure: string | null,
): Promise<boolean> {
  const may: Fragment = sql`d.next_attempt_at is not null`
  const set: Fragment = sql`attempts = d.attempts + 1, last_failure = ${failure}, next_attempt_at = null, lease_until = null`
  return move(sql, logId, row, share.place, status, may, set)
}

/** The same of an attempt after which it waits on, under another status. */
export async function keepWaiting(
  sql: Sql,
  logId: number,
  row: PendingRow,
  share: TakenShare,
  status: 'held' | 'sent',
  { strike, failure, next }: Attempted,
): Promise<boolean> {
  const may: Fragment = sql`d.next_attempt_at is not null and d.lease_until = ${share.leaseUntil.toISOString()}::timestamptz`
  const set: Fragment = sql`attempts = d.attempts + 1, strikes = d.strikes + ${strike ? 1 : 0}, last_failure = ${failure},
    next_attempt_at = ${next.toISOString()}::timestamptz, lease_until = null`
  return move(sql, logId, row, share.place, status, may, set)
}

/** Nobody tries it now, since the insurer or the facility's account is away. `sent`: somebody may have, and left no word. */
export async function hold(
  sql: Sql,
  logId: number,
  row: PendingRow,
  place: number,
  { status, now, next, failure }: Held,
): Promise<boolean> {
  const may: Fragment = sql`d.status = 'recorded' and d.next_attempt_at is not null
    and ${status === 'held' ? sql`d.lease_until is null` : sql`d.lease_until <= ${now.toISOString()}::timestamptz`}`
  const set: Fragment = sql`last_failure = ${failure}, next_attempt_at = ${next.toISOString()}::timestamptz, lease_until = null`
  return move(sql, logId, row, place, status, may, set)
}

export interface Held {
  readonly status: 'held' | 'sent'
  readonly now: Date
  readonly next: Date
  readonly failure: string
}

async function move(
  sql: Sql,
  logId: number,
  row: PendingRow,
  place: number,
  status: ShareStatus,
  may: Fragment,
  set: Fragment,
): Promise<boolean> {
  const act: Fragment = sql`held as materialized (
      select from claim_delivery d where d.log_id = ${logId}::smallint and d.leaf_index = ${place} and ${may} for update
    ), act as materialized (
      select case when exists (select from held) then 'done' else 'moved' end as result
    )`
  const then: Fragment = sql`, moved as (
      update claim_delivery d
         set status = ${status}, last_index = deed.place, transitions = d.transitions || to_jsonb(deed.place), ${set}
        from deed where d.log_id = ${logId}::smallint and d.leaf_index = ${place}
    )`
  return (await appendWithAct(sql, row, act, then)).result === 'done'
}

export interface RecordedShare {
  readonly place: number
  readonly facility: string
  readonly subject: Pseudonym | null
  /** Whoever took it left no word: it may be with the insurer. */
  readonly interrupted: boolean
}

/** Of one facility or all, what was never tried, in order. */
export async function findRecorded(
  sql: Sql,
  logId: number,
  of: { readonly facility: string | null; readonly after: number; readonly now: Date; readonly max: number },
): Promise<RecordedShare[]> {
  const rows = await sql<{ leaf_index: number; facility: string; subject: string | null; interrupted: boolean }[]>`
    select d.leaf_index, d.facility, e.subject, d.lease_until is not null as interrupted
      from claim_delivery d
      left join entry_detail e on e.log_id = ${logAt(sql, sql`d.leaf_index`)} and e.leaf_index = ${indexAt(sql, sql`d.leaf_index`)}
     where d.log_id = ${logId}::smallint and d.next_attempt_at is not null and d.status = 'recorded'
       and d.leaf_index > ${of.after} and ${of.facility === null ? sql`true` : sql`d.facility = ${of.facility}`}
       and (d.lease_until is null or d.lease_until <= ${of.now.toISOString()}::timestamptz)
       and ${readUp(sql, logId)}
     order by d.leaf_index limit ${of.max}`
  return rows.map(({ leaf_index: place, subject, ...row }) => ({
    ...row,
    place,
    subject: subject === null ? null : (hex(subject) as Pseudonym),
  }))
}

/** Whose a share is; null: there is no such share. */
export async function findSubject(
  sql: Sql,
  logId: number,
  place: number,
): Promise<{ readonly facility: string; readonly subject: Pseudonym | null } | null> {
  const [row] = await sql<{ facility: string; subject: string | null }[]>`
    select d.facility, e.subject
      from claim_delivery d
      left join entry_detail e on e.log_id = ${logAt(sql, sql`d.leaf_index`)} and e.leaf_index = ${indexAt(sql, sql`d.leaf_index`)}
     where d.log_id = ${logId}::smallint and d.leaf_index = ${place}`
  if (row === undefined) return null
  return { facility: row.facility, subject: row.subject === null ? null : (hex(row.subject) as Pseudonym) }
}

/** To people; up to a bound. */
export async function countWaiting(sql: Sql, logId: number, max: number): Promise<number> {
  const [row] = await sql<{ waiting: number }[]>`
    select count(*)::int as waiting from (
      select from claim_delivery where log_id = ${logId}::smallint and next_attempt_at is not null limit ${max}) as w`
  return row?.waiting ?? 0
}

/** Whether this role may do what the sender does, and nothing shows that it is another's. */
export async function maySend(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ may: boolean }[]>`
    select has_column_privilege('claim_delivery', 'lease_until', 'UPDATE')
       and has_table_privilege('insurer_login', 'SELECT') and has_table_privilege('log_entry', 'INSERT') as may`
  return row?.may === true
}

/** Any account, to see whether our keys open it. */
export async function anyLogin(sql: Sql): Promise<{ readonly facility: string; readonly sealed: Uint8Array } | null> {
  const [row] = await sql<{ facility: string; sealed: Uint8Array }[]>`
    select facility, sealed from insurer_login order by facility limit 1`
  return row ?? null
}

/** As the database's owner: a facility's account is set, or (null) forgotten. The act of a deed of the log. */
export function settingLogin(sql: Sql, facility: string, sealed: Uint8Array | null, now: Date): Fragment {
  if (sealed === null) {
    return sql`gone as (delete from insurer_login where facility = ${facility} returning facility),
      act as (select case when exists (select from gone) then 'done' else 'none' end as result)`
  }
  return sql`kept as (
      insert into insurer_login (facility, sealed, set_at)
      values (${facility}, decode(${Buffer.from(sealed).toString('base64')}, 'base64'), ${now.toISOString()}::timestamptz)
      on conflict (facility) do update set sealed = excluded.sealed, set_at = excluded.set_at
      returning facility
    ), act as (select 'done' as result from kept)`
}

/** Accounts of a demo, all at once; those that are there stay. */
export async function saveLogins(
  sql: Sql,
  logins: readonly { readonly facility: string; readonly sealed: Uint8Array }[],
  now: Date,
): Promise<void> {
  const column = (values: readonly string[]) => values.join(',')
  await sql`
    insert into insurer_login (facility, sealed, set_at)
    select facility, decode(sealed, 'base64'), ${now.toISOString()}::timestamptz
      from unnest(string_to_array(${column(logins.map((each) => each.facility))}, ','),
                  string_to_array(${column(logins.map((each) => Buffer.from(each.sealed).toString('base64')))}, ','))
        as r(facility, sealed)
    on conflict do nothing`
}
