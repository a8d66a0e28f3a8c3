import { indexAt, logAt } from '../audit/cursor/store.ts'
import type { EntryAt } from '../audit/log-id.ts'
import { type Acted, appendWithAct, claimingKey, hex, keyHolder, type PendingRow } from '../audit/store.ts'
import type { Pseudonym } from '../data-keys.ts'
import { type Fragment, readInstant, type Sql } from '../db/connect.ts'
import type { Delivery, ShareKind, ShareStatus } from './entry.ts'

/** What says which visit it is, in the database: see `claim_visit`. */
export interface VisitOf {
  readonly facility: string
  /** `visitDigest`. */
  readonly visitKey: string
  readonly share: ShareKind
}

export interface KnownVisit {
  /** Digest of the request that holds the Idempotency-Key; null: nobody does. */
  readonly keyHeldBy: string | null
  readonly latest: { readonly version: number; readonly place: number } | null
  /** Place of the version that has these very bytes. */
  readonly same: number | null
}

/** What is recorded of a visit. What came in between is found by `appendShare`. */
export async function findVisit(
  sql: Sql,
  logId: number,
  { facility, visitKey, share }: VisitOf,
  dossierKey: string,
  idempotencyKey: string | null,
): Promise<KnownVisit> {
  const [row] = await sql<
    { held: string | null; version: number | null; leaf_index: number | null; same: number | null }[]
  >`
    with version as (
      select version, leaf_index, dossier_key from claim_visit
       where log_id = ${logId}::smallint and facility = ${facility} and visit_key = ${visitKey}::uuid
         and share = ${share}
    )
    select ${keyHolder(sql, idempotencyKey)} as held, latest.version, latest.leaf_index,
           (select leaf_index from version where dossier_key = ${dossierKey}::uuid order by version limit 1) as same
      from (values (1)) as one
      left join (select * from version order by version desc limit 1) as latest on true`
  if (row === undefined) throw new Error('one row was asked for')
  const { held, version, leaf_index: place, same } = row
  return {
    keyHeldBy: held === null ? null : hex(held),
    latest: version === null || place === null ? null : { version, place },
    same,
  }
}

/** A key that came with bytes that were shared before: it stands for them from now on. */
export async function holdKey(sql: Sql, digests: Pick<PendingRow, 'idempotencyKey' | 'requestDigest'>): Promise<void> {
  await sql`with ${claimingKey(sql, digests)} select from claimed`
}

export interface ShareRow extends VisitOf {
  readonly version: number
  readonly dossierKey: string
  /** Base64. */
  readonly dossier: string
  readonly delivery: Delivery
  readonly settlementMonth: string | null
}

/**
 * The entry, its version, its bytes and its place on the way to the insurer: one statement. `keyTaken`: somebody holds the
 * Idempotency-Key, nothing is written. Of two writers of one version the later one breaks `claim_visit_pkey`, so that its
 * statement leaves nothing (the caller looks again); it takes the head of the log first and the version then, as all do.
 */
export async function appendShare(sql: Sql, logId: number, row: PendingRow, share: ShareRow): Promise<Acted> {
  const act: Fragment = sql`${claimingKey(sql, row)}, act as materialized (
      select case when ${row.idempotencyKey}::uuid is null or exists (select from claimed)
                  then 'done' else 'keyTaken' end as result
    )`
  const then: Fragment = sql`, version as (
      insert into claim_visit (log_id, facility, visit_key, share, version, leaf_index, dossier_key)
      select ${logId}::smallint, ${share.facility}, ${share.visitKey}::uuid, ${share.share}, ${share.version}::integer,
             place, ${share.dossierKey}::uuid
        from deed
    ), dossier as (
      insert into claim_dossier (log_id, leaf_index, dossier_key, sealed)
      select ${logId}::smallint, place, ${share.dossierKey}::uuid, decode(${share.dossier}, 'base64') from deed
    ), delivery as (
      insert into claim_delivery
        (log_id, leaf_index, facility, visit_key, share, version, delivery, settlement_month, status, next_attempt_at)
      select ${logId}::smallint, place, ${share.facility}, ${share.visitKey}::uuid, ${share.share},
             ${share.version}::integer, ${share.delivery}, ${share.settlementMonth}, 'recorded',
             case when ${share.delivery} = 'forward' then now() end
        from deed
    )`
  return appendWithAct(sql, row, act, then)
}

/** Whether another writer came first with this version. */
export function isVersionTaken(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || !('constraint_name' in error)) return false
  return error.code === '23505' && error.constraint_name === 'claim_visit_pkey'
}

export interface CheckEntry extends EntryAt {
  readonly body: string
  /** Null: its details were erased, or it is about nobody. */
  readonly subject: Pseudonym | null
}

/** The entries that check codes may name, which say an index and no log: those of every log, of the newest first. */
export async function findCheckEntries(sql: Sql, indexes: readonly number[]): Promise<CheckEntry[]> {
  const rows = await sql<{ log_id: number; leaf_index: number; body: string; subject: string | null }[]>`
    select e.log_id, e.leaf_index, e.body, d.subject
      from log_head h
      join log_entry e on e.log_id = h.log_id
                      and e.leaf_index = any(string_to_array(${indexes.join(',')}, ',')::bigint[])
      left join entry_detail d on d.log_id = e.log_id and d.leaf_index = e.leaf_index
     order by e.log_id desc`
  return rows.map(({ log_id: logId, leaf_index: index, body, subject }) => ({
    ...{ logId, index, body },
    subject: subject === null ? null : (hex(subject) as Pseudonym),
  }))
}

export interface StoredShare {
  readonly body: string
  readonly leafHash: Uint8Array
  readonly subject: string | null
  /** Null: erased. */
  readonly sealed: Uint8Array | null
  readonly state: ShareState | null
  readonly transitions: readonly StoredTransition[]
}

/** Where it stands on its way to the insurer. */
export interface ShareState {
  readonly facility: string
  readonly status: ShareStatus
  readonly attempts: number
  readonly lastFailure: string | null
  readonly nextAttemptAt: string | null
  /** Place of the next version of the visit. */
  readonly supersededBy: number | null
  /** Somebody sends it just now, or did and left no word of it. */
  readonly isUnderWay: boolean
}

export interface StoredTransition {
  readonly place: number
  readonly body: string
  readonly subject: string | null
  readonly sealed: Uint8Array | null
}

/** A share and all that the log says of its way since. */
export async function findShare(sql: Sql, logId: number, place: number): Promise<StoredShare | null> {
  const [row] = await sql<
    {
      body: string
      leaf_hash: Uint8Array
      subject: string | null
      sealed: Uint8Array | null
      facility: string | null
      status: ShareStatus
      attempts: number
      last_failure: string | null
      next_attempt_at: string | null
      superseded_by: number | null
      is_under_way: boolean | null
      transitions: string | null
    }[]
  >`
    select e.body, e.leaf_hash, d.subject, d.sealed,
           s.facility, s.status, s.attempts, s.last_failure, s.next_attempt_at, s.lease_until is not null as is_under_way,
           (select v.leaf_index from claim_visit v
             where v.log_id = s.log_id and v.facility = s.facility and v.visit_key = s.visit_key
               and v.share = s.share and v.version = s.version + 1) as superseded_by,
           (select json_agg(json_build_object('place', i.place::bigint, 'body', t.body, 'subject', td.subject,
                                              'sealed', encode(td.sealed, 'base64')) order by i.place::bigint)::text
              from jsonb_array_elements_text(s.transitions) as i(place)
              join log_entry t on t.log_id = ${logAt(sql, sql`i.place::bigint`)}
                              and t.leaf_index = ${indexAt(sql, sql`i.place::bigint`)}
              left join entry_detail td on td.log_id = t.log_id and td.leaf_index = t.leaf_index) as transitions
      from log_entry e
      left join entry_detail d on d.log_id = e.log_id and d.leaf_index = e.leaf_index
      left join claim_delivery s on s.log_id = ${logId}::smallint and s.leaf_index = ${place}::bigint
     where e.log_id = ${logAt(sql, sql`${place}::bigint`)} and e.leaf_index = ${indexAt(sql, sql`${place}::bigint`)}`
  if (row === undefined) return null
  const { facility, status, attempts, superseded_by: supersededBy } = row
  return {
    body: row.body,
    leafHash: row.leaf_hash,
    subject: row.subject,
    sealed: row.sealed,
    state:
      facility === null
        ? null
        : {
            ...{ facility, status, attempts, supersededBy, isUnderWay: row.is_under_way === true },
            lastFailure: row.last_failure,
            nextAttemptAt: row.next_attempt_at === null ? null : readInstant(row.next_attempt_at).toISOString(),
          },
    transitions: readTransitions(row.transitions),
  }
}

/** Our own statement's JSON. */
function readTransitions(text: string | null): StoredTransition[] {
  if (text === null) return []
  const rows = JSON.parse(text) as { place: number; body: string; subject: string | null; sealed: string | null }[]
  return rows.map(({ sealed, ...row }) => ({ ...row, sealed: sealed === null ? null : Buffer.from(sealed, 'base64') }))
}

/**
 * The receipt that a facility attaches: its entry and the share's new status. `expected`: how many transitions the caller
 * saw; another one since makes it `changed`, and nothing is written.
 */
export async function appendReceipt(
  sql: Sql,
  logId: number,
  row: PendingRow,
  receipt: { readonly share: number; readonly expected: number; readonly status: ShareStatus },
): Promise<Acted> {
  const act: Fragment = sql`waits as materialized (
      select leaf_index from claim_delivery
       where log_id = ${logId}::smallint and leaf_index = ${receipt.share}::bigint and delivery = 'recordOnly'
         and jsonb_array_length(transitions) = ${receipt.expected}::integer
         for update
    ), act as materialized (
      select case when exists (select from waits) then 'done' else 'changed' end as result
    )`
  const then: Fragment = sql`, moved as (
      update claim_delivery s
         set status = ${receipt.status}, last_index = deed.place,
             transitions = transitions || to_jsonb(deed.place)
        from deed
       where s.log_id = ${logId}::smallint and s.leaf_index = ${receipt.share}::bigint
    )`
  return appendWithAct(sql, row, act, then)
}

/**
 * A facility takes a share back: its entry, and nothing is to be done any more. `changed`: something else became of it since
 * the caller looked, or somebody took it to send it; nothing is written. Whoever takes it later finds nothing due.
 */
export async function appendWithdrawal(
  sql: Sql,
  logId: number,
  row: PendingRow,
  { share, expected }: { readonly share: number; readonly expected: number },
): Promise<Acted> {
  const act: Fragment = sql`waits as materialized (
      select leaf_index from claim_delivery
       where log_id = ${logId}::smallint and leaf_index = ${share}::bigint and lease_until is null
         and jsonb_array_length(transitions) = ${expected}::integer
         for update
    ), act as materialized (
      select case when exists (select from waits) then 'done' else 'changed' end as result
    )`
  const then: Fragment = sql`, moved as (
      update claim_delivery s
         set status = 'withdrawn', last_index = deed.place, transitions = transitions || to_jsonb(deed.place),
             next_attempt_at = null
        from deed
       where s.log_id = ${logId}::smallint and s.leaf_index = ${share}::bigint
    )`
  return appendWithAct(sql, row, act, then)
}

/** `unsent`: the latest version of a visit that was not withdrawn, and the insurer is not known to have it. */
export type StatusFilter = ShareStatus | 'unsent'

export interface ShareQuery {
  readonly facility: string
  readonly settlementMonth: string | null
  readonly status: StatusFilter | null
  /** Shares before this place; null: from the newest on. */
  readonly before: number | null
  readonly limit: number
}

export interface ListedShare {
  readonly place: number
  readonly body: string
  readonly subject: string | null
  readonly sealed: Uint8Array | null
  readonly status: ShareStatus
  readonly attempts: number
  readonly nextAttemptAt: string | null
  readonly supersededBy: number | null
}

/** A facility's shares, the newest first: a page stays what it was, whatever is shared meanwhile. */
export async function listShares(sql: Sql, logId: number, query: ShareQuery): Promise<ListedShare[]> {
  const { facility, settlementMonth, status, before, limit } = query
  const rows = await sql<
    {
      leaf_index: number
      body: string
      subject: string | null
      sealed: Uint8Array | null
      status: ShareStatus
      attempts: number
      next_attempt_at: string | null
      superseded_by: number | null
    }[]
  >`
    with page as materialized (
      select s.*, (select v.leaf_index from claim_visit v
                    where v.log_id = s.log_id and v.facility = s.facility and v.visit_key = s.visit_key
                      and v.share = s.share and v.version = s.version + 1) as superseded_by
        from claim_delivery s
       where s.log_id = ${logId}::smallint and s.facility = ${facility}
         and (${settlementMonth}::text is null or s.settlement_month = ${settlementMonth})
         and (${before}::bigint is null or s.leaf_index < ${before}::bigint)
         and (${status}::text is null or s.status = ${status}
              or (${status} = 'unsent' and s.status in ('recorded', 'held', 'deadLetter')
                  and not exists (select from claim_delivery l
                                   where l.log_id = s.log_id and l.visit_key = s.visit_key and l.share = s.share
                                     and l.version > s.version and l.status <> 'withdrawn')))
       order by s.leaf_index desc limit ${limit}::integer
    )
    select p.leaf_index, e.body, d.subject, d.sealed, p.status, p.attempts, p.next_attempt_at, p.superseded_by
      from page p
      join log_entry e on e.log_id = ${logAt(sql, sql`p.leaf_index`)} and e.leaf_index = ${indexAt(sql, sql`p.leaf_index`)}
      left join entry_detail d on d.log_id = e.log_id and d.leaf_index = e.leaf_index
     order by p.leaf_index desc`
  return rows.map((row) => ({
    place: row.leaf_index,
    body: row.body,
    subject: row.subject,
    sealed: row.sealed,
    status: row.status,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at === null ? null : readInstant(row.next_attempt_at).toISOString(),
    supersededBy: row.superseded_by,
  }))
}
