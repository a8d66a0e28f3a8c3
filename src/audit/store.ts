import type { Fragment, Sql } from '../db/connect.ts'
import { placeAt } from './cursor/store.ts'

/** One entry on its way into the log, everything but its index. Binary columns as base64: they travel as text. */
export interface PendingRow {
  readonly body: string
  readonly leafHash: string
  readonly client: string
  readonly subject: string | null
  readonly salt: string
  readonly sealed: string
  readonly idempotencyKey: string | null
  readonly requestDigest: string | null
}

/** A body is JSON: control characters are escaped in it. The other columns are base64, hex or client ids. */
const BODY_SEPARATOR = '\u001f'

/** An Idempotency-Key is free again after this long (contract: 14 days). */
const IDEMPOTENCY_INTERVAL = '14 days'

/**
 * Appends a batch to the log in force, the newest one: one statement, so one transaction. A log that has a successor is closed
 * by its own row (`log_head_ended`): whoever looked a moment too early cannot append to it, nor can another release. In
 * this order:
 * 1. `claimed`: idempotency keys, sorted (two unsorted writers deadlock). A key held by another stays theirs.
 * 2. `fresh`: rows without a key, or whose key was just claimed.
 * 3. `head`: the log grows by the rows really inserted. Its row lock makes the index dense, and is held until commit.
 * 4. `entries`, `details`: under the indexes just taken. Without a head there is none: null, and the statement fails.
 * A crash at any point leaves nothing: no claim, no growth, no entry.
 * A column travels as one text, split by the server: arrays cannot be bound on Workers, and one JSON text costs twice as
 * much (25 µs a row in PostgreSQL against 14, measured once, interleaved).
 * The answer is one row, whatever the batch: the indexes follow from the first, since they are dense.
 */
export async function appendRows(sql: Sql, rows: readonly PendingRow[]): Promise<AppendedRows> {
  const bodies = rows.map((row) => row.body).join(BODY_SEPARATOR)
  const [appended] = await sql<{ log_id: number | null; first: number | null; places: string | null }[]>`
    with input as materialized (
      select n::int, body, leaf_hash, client, nullif(subject, '')::uuid as subject, salt, sealed
        from unnest(
          string_to_array(${bodies}, ${BODY_SEPARATOR}), string_to_array(${column(rows, 'leafHash')}, ','),
          string_to_array(${column(rows, 'client')}, ','), string_to_array(${column(rows, 'subject')}, ','),
          string_to_array(${column(rows, 'salt')}, ','), string_to_array(${column(rows, 'sealed')}, ',')
        ) with ordinality as r(body, leaf_hash, client, subject, salt, sealed, n)
    ), ${rows.some((row) => row.idempotencyKey !== null) ? freshOfClaims(sql, rows) : freshOfAll(sql)}, head as (
      update log_head set size = size + (select count(*) from fresh) where log_id = (select max(log_id) from log_head)
      returning log_id, size - (select count(*) from fresh) as first
    ), entries as (
      insert into log_entry (log_id, leaf_index, body, leaf_hash)
      select log_id, first + place, body, decode(leaf_hash, 'base64') from fresh left join head on true
    ), details as (
      insert into entry_detail (log_id, leaf_index, subject, client, idempotency_key, salt, sealed)
      select log_id, first + place, subject, client, key, decode(salt, 'base64'),
             decode(sealed, 'base64')
        from fresh, head
    )
    select (select log_id from head), (select first from head), string_agg(n::text, ',' order by place) as places from fresh`
  const first = appended?.first ?? null
  const logId = appended?.log_id ?? null
  // without a head nothing was inserted, and the statement has failed
  if (first === null || logId === null) return { logId: 0, indexes: new Map() }
  const places = appended?.places?.split(',') ?? []
  return { logId, indexes: new Map(places.map((n, place) => [Number(n) - 1, first + place])) }
}

/** A column of a batch as one text; null is empty. */
function column(rows: readonly PendingRow[], name: Exclude<keyof PendingRow, 'body'>): string {
  return rows.map((row) => row[name] ?? '').join(',')
}

/** Steps 1 and 2 of a batch in which nobody has a key, as most are: a fifth of the statement's work less (measured, in turn). */
function freshOfAll(sql: Sql): Fragment {
  return sql`fresh as materialized (select input.*, null::uuid as key, n - 1 as place from input)`
}

function freshOfClaims(sql: Sql, rows: readonly PendingRow[]): Fragment {
  return sql`keyed as materialized (
      select n::int, nullif(key, '')::uuid as key, nullif(digest, '')::uuid as digest
        from unnest(
          string_to_array(${column(rows, 'idempotencyKey')}, ','), string_to_array(${column(rows, 'requestDigest')}, ',')
        ) with ordinality as k(key, digest, n)
    ), claimed as (
      insert into idempotency as held (log_id, key, request_digest, claimed_at)
      select (select max(log_id) from log_head), key, digest, now() from keyed where key is not null order by key
      on conflict (log_id, key) do update
        set request_digest = excluded.request_digest, claimed_at = excluded.claimed_at
        where held.claimed_at < now() - ${IDEMPOTENCY_INTERVAL}::interval
      returning key
    ), fresh as materialized (
      select input.*, keyed.key, row_number() over (order by n) - 1 as place
        from input join keyed using (n) left join claimed on claimed.key = keyed.key
       where keyed.key is null or claimed.key is not null
    )`
}

/**
 * The first of an act's expressions: `claimed(key)`, empty where somebody else holds the key or there is none. For deeds
 * that take an Idempotency-Key; those of `appendRows` claim theirs by the batch.
 */
export function claimingKey(
  sql: Sql,
  { idempotencyKey, requestDigest }: Pick<PendingRow, 'idempotencyKey' | 'requestDigest'>,
): Fragment {
  return sql`claimed as (
      insert into idempotency as held (log_id, key, request_digest, claimed_at)
      select (select max(log_id) from log_head), key, ${requestDigest}::uuid, now()
        from (values (${idempotencyKey}::uuid)) as r(key) where key is not null
      on conflict (log_id, key) do update
        set request_digest = excluded.request_digest, claimed_at = excluded.claimed_at
        where held.claimed_at < now() - ${IDEMPOTENCY_INTERVAL}::interval
      returning key
    )`
}

/** Who holds a key, as a scalar: the digest of their request, or null. */
export function keyHolder(sql: Sql, key: string | null): Fragment {
  return sql`(select request_digest from idempotency
     where log_id = (select max(log_id) from log_head) and key = ${key}::uuid
       and claimed_at >= now() - ${IDEMPOTENCY_INTERVAL}::interval)`
}

/** What an act came to, and the entry's place among those of all logs; null where it was no deed. */
export interface Acted {
  readonly result: string
  readonly place: number | null
}

/**
 * A deed and its entry in one statement, so that neither is without the other. `act` is one or more common table
 * expressions, the last of them `act(result)` with one row: only a result of `done` is a deed. Whatever else it says, no
 * entry is written (a wrong code still costs its try). Without a head the entry's index is null, and all of it fails.
 * `then`: expressions that need the entry, `deed(log_id, leaf_index, place)`, which has no row unless it is a deed.
 */
export async function appendWithAct(sql: Sql, row: PendingRow, act: Fragment, then: Fragment = sql``): Promise<Acted> {
  const rows = await sql<{ result: string; place: number | null }[]>`
    with ${act}, head as (
      update log_head set size = size + 1 where log_id = (select max(log_id) from log_head) and (select result from act) = 'done'
      returning log_id, size - 1 as leaf_index
    ), deed as materialized (
      select log_id, leaf_index, ${placeAt(sql, sql`log_id`, sql`leaf_index`)} as place
        from act left join head on true where result = 'done'
    ), entries as (
      insert into log_entry (log_id, leaf_index, body, leaf_hash)
      select log_id, leaf_index, ${row.body}, decode(${row.leafHash}, 'base64') from deed
    ), details as (
      insert into entry_detail (log_id, leaf_index, subject, client, idempotency_key, salt, sealed)
      select log_id, leaf_index, ${row.subject}::uuid, ${row.client}, ${row.idempotencyKey}::uuid,
             decode(${row.salt}, 'base64'), decode(${row.sealed}, 'base64')
        from deed
    )${then}
    select result, (select place from deed) as place from act`
  return { result: rows[0]?.result ?? 'none', place: rows[0]?.place ?? null }
}

/** For an entry that is all there is to do. */
export function noAct(sql: Sql): Fragment {
  return sql`act as (select 'done' as result)`
}

export interface EarlierRow {
  readonly requestDigest: string
  /** These are null when the details were erased since. */
  readonly logId: number | null
  readonly leafIndex: number | null
  readonly leafHash: Uint8Array | null
  readonly subject: string | null
  readonly sealed: Uint8Array | null
}

export interface LogEnd {
  readonly logId: number
  readonly size: number
  /** Base64; null while the log is empty. */
  readonly lastLeafHash: string | null
  /** Of the entry asked for; null when there is none. */
  readonly leafHashThere: string | null
}

/** How far the log in force has come, and which leaf it has at one index. */
export async function readLogEnd(sql: Sql, there: number): Promise<LogEnd> {
  const [end] = await sql<{ log_id: number; size: number; last: string | null; there: string | null }[]>`
    select log_id, size,
           (select encode(leaf_hash, 'base64') from log_entry e where e.log_id = h.log_id and leaf_index = size - 1) as last,
           (select encode(leaf_hash, 'base64') from log_entry e
             where e.log_id = h.log_id and leaf_index = ${there}::bigint) as there
      from log_head h order by log_id desc limit 1`
  if (end === undefined) throw new Error('the log has no head')
  return { logId: end.log_id, size: end.size, lastLeafHash: end.last, leafHashThere: end.there }
}

/**
 * What the holders of keys were answered, by key; a key that nobody holds is missing. A second statement: the first does
 * not see the rows it conflicted with. A successor has taken over the keys of the logs before it, not their entries.
 */
export async function findByIdempotencyKeys(sql: Sql, keys: readonly string[]): Promise<Map<string, EarlierRow>> {
  const rows = await sql<
    {
      key: string
      digest: string
      log_id: number | null
      leaf_index: number | null
      leaf_hash: Uint8Array | null
      subject: string | null
      sealed: Uint8Array | null
    }[]
  >`
    select i.key, i.request_digest as digest, d.log_id, d.leaf_index, e.leaf_hash, d.subject, d.sealed
      from unnest(string_to_array(${keys.join(',')}, ',')::uuid[]) as k(key)
      join idempotency i on i.log_id = (select max(log_id) from log_head) and i.key = k.key
      left join lateral (
        select d.log_id, leaf_index, subject, sealed
          from log_head h join entry_detail d on d.log_id = h.log_id and d.idempotency_key = i.key
         order by d.log_id desc, leaf_index desc limit 1
      ) as d on true
      left join log_entry e on e.log_id = d.log_id and e.leaf_index = d.leaf_index`
  return new Map(
    rows.map((row) => [
      hex(row.key),
      {
        requestDigest: hex(row.digest),
        logId: row.log_id,
        leafIndex: row.leaf_index,
        leafHash: row.leaf_hash,
        subject: row.subject,
        sealed: row.sealed,
      },
    ]),
  )
}

export interface AppendedRows {
  readonly logId: number
  /** Of each row that was appended, by its place in the batch; a row missing there lost its key. */
  readonly indexes: ReadonlyMap<number, number>
}

export interface PublishedRoot {
  readonly logId: number
  readonly size: number
  readonly rootHash: string
}

/** Log, size and root of a checkpoint, as statements hand them on: `1 12 <base64>`. Null before the first. */
export function readRoot(text: string | null): PublishedRoot | null {
  const [logId = '', size = '', rootHash = ''] = text?.split(' ') ?? []
  return rootHash === '' ? null : { logId: Number(logId), size: Number(size), rootHash }
}

export interface StoredEntry {
  readonly body: string
  readonly leafHash: Uint8Array
  /** Its log's published checkpoint now. */
  readonly checkpoint: PublishedRoot | null
  readonly client: string | null
  readonly subject: string | null
  readonly sealed: Uint8Array | null
}

/** An entry and, unless they were erased, its details. */
export async function findEntry(sql: Sql, logId: number, leafIndex: number): Promise<StoredEntry | null> {
  const rows = await sql<
    {
      body: string
      leaf_hash: Uint8Array
      checkpoint: string | null
      client: string | null
      subject: string | null
      sealed: Uint8Array | null
    }[]
  >`
    select e.body, e.leaf_hash, d.client, d.subject, d.sealed,
           (select log_id || ' ' || split_part(note, chr(10), 2) || ' ' || split_part(note, chr(10), 3) from log_checkpoint c
             where c.log_id = e.log_id) as checkpoint
      from log_entry e
      left join entry_detail d on d.log_id = e.log_id and d.leaf_index = e.leaf_index
     where e.log_id = ${logId}::smallint and e.leaf_index = ${leafIndex}`
  const row = rows[0]
  if (row === undefined) return null
  return {
    body: row.body,
    leafHash: row.leaf_hash,
    checkpoint: readRoot(row.checkpoint),
    client: row.client,
    subject: row.subject,
    sealed: row.sealed,
  }
}

/** Keys past their 14 days, 1,000 at a time so that no statement is long; of two sweeps none waits. Returns how many went. */
export async function pruneIdempotency(sql: Sql): Promise<number> {
  const gone = await sql`
    delete from idempotency where (log_id, key) in (
      select log_id, key from idempotency where claimed_at < now() - ${IDEMPOTENCY_INTERVAL}::interval
       limit 1000 for update skip locked)`
  return gone.count
}

export function hex(uuid: string): string {
  return uuid.replaceAll('-', '')
}
