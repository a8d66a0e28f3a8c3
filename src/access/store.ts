import type { JWK } from 'jose'

import { type Fragment, readInstant, type Sql } from '../db/connect.ts'
import type { AccessScope } from './principal.ts'

export interface ClientKey {
  readonly scopes: readonly AccessScope[]
  readonly publicJwk: JWK
  readonly expiresAt: Date
  readonly revokedAt: Date | null
  readonly disabledAt: Date | null
}

export async function findClientKey(sql: Sql, clientId: string, keyId: string): Promise<ClientKey | null> {
  const rows = await sql<
    { scopes: string; public_jwk: JWK; expires_at: string; revoked_at: string | null; disabled_at: string | null }[]
  >`
    select array_to_string(c.scopes, ' ') as scopes, k.public_jwk, k.expires_at, k.revoked_at, c.disabled_at
      from client_key k join client c using (client_id)
     where k.client_id = ${clientId} and k.key_id = ${keyId}`
  const row = rows[0]
  if (row === undefined) return null
  return {
    scopes: row.scopes.split(' ') as AccessScope[],
    publicJwk: row.public_jwk,
    expiresAt: readInstant(row.expires_at),
    revokedAt: row.revoked_at === null ? null : readInstant(row.revoked_at),
    disabledAt: row.disabled_at === null ? null : readInstant(row.disabled_at),
  }
}

/**
 * Takes a `jti` once: false when it was used before. Sweeps a few dead ones in passing (twice as many as come in), so
 * that the table stays as small as five minutes of assertions without a job of its own.
 */
export async function useJti(sql: Sql, clientId: string, jti: string, expiresAt: Date): Promise<boolean> {
  const rows = await sql`
    with dead as (
      delete from jti where (client_id, jti) in (select client_id, jti from jti where expires_at < now() limit 2)
    )
    insert into jti (client_id, jti, expires_at)
    values (${clientId}, ${jti}, ${expiresAt.toISOString()}) on conflict do nothing returning 1`
  return rows.length === 1
}

export interface KeyExpiry {
  /** Until a client is left without a key in force: the next one. Null where none has a key in force. */
  readonly firstDays: number | null
  /** Clients whose last key ends within so many days, or ended: each counted once, where it fits first. */
  readonly clients: Readonly<Record<'expired' | '7d' | '30d' | 'later', number>>
}

/** When clients have to renew. A key that ends beside a newer one of the same client is nobody's worry. */
export async function readKeyExpiry(sql: Sql): Promise<KeyExpiry> {
  const rows = await sql<{ first: number | null; expired: number; week: number; month: number; later: number }[]>`
    select min(days) filter (where days > 0) as first,
           count(*) filter (where days <= 0) as expired,
           count(*) filter (where days > 0 and days <= 7) as week,
           count(*) filter (where days > 7 and days <= 30) as month,
           count(*) filter (where days > 30) as later
      from (
        select extract(epoch from max(k.expires_at) - now())::float8 / 86400 as days
          from client_key k join client c using (client_id)
         where c.disabled_at is null and k.revoked_at is null
         group by client_id
      ) as last_keys`
  const row = rows[0]
  if (row === undefined) throw new Error('an aggregate is one row')
  return {
    firstDays: row.first,
    clients: { expired: row.expired, '7d': row.week, '30d': row.month, later: row.later },
  }
}

export interface Revoked {
  readonly clientId: string
  /** Null: the client itself was disabled. */
  readonly keyId: string | null
}

/** What was revoked within a token's life (10 minutes, and one for clocks): older tokens are expired anyway. */
export async function findRevoked(sql: Sql): Promise<Revoked[]> {
  const rows = await sql<{ client_id: string; key_id: string | null }[]>`
    select client_id, key_id from client_key where revoked_at > now() - interval '11 minutes'
    union all
    select client_id, null from client where disabled_at > now() - interval '11 minutes'`
  return rows.map((row) => ({ clientId: row.client_id, keyId: row.key_id }))
}

export interface NewClient {
  readonly clientId: string
  readonly facility: string | null
  readonly scopes: readonly AccessScope[]
}

export interface NewKey {
  readonly keyId: string
  readonly publicJwk: JWK
  readonly expiresAt: Date
}

/** Commands only: the request role may not write clients. Adding the same key again changes nothing. */
export function saveClient(sql: Sql, client: NewClient, key: NewKey): Promise<void> {
  return saveClients(sql, [{ client, key }])
}

/** The same for many at once, each with one key: one by one, all of a province are some 700 commits. */
export async function saveClients(
  sql: Sql,
  given: readonly { readonly client: NewClient; readonly key: NewKey }[],
): Promise<void> {
  const rows = given.map(({ client, key }) => ({
    client_id: client.clientId,
    facility: client.facility,
    scopes: client.scopes.join(' '),
    key_id: key.keyId,
    public_jwk: key.publicJwk,
    expires_at: key.expiresAt.toISOString(),
  }))
  await sql`
    with given as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
        as r(client_id text, facility text, scopes text, key_id text, public_jwk jsonb, expires_at timestamptz)
    ), owner as (
      insert into client (client_id, facility, scopes)
      select client_id, facility, string_to_array(scopes, ' ') from given
      on conflict (client_id) do update set scopes = excluded.scopes
        where client.scopes is distinct from excluded.scopes
    )
    insert into client_key (client_id, key_id, public_jwk, expires_at)
    select client_id, key_id, public_jwk, expires_at from given
    on conflict (client_id, key_id) do nothing`
}

/** All of a client's keys, or one. Returns how many are revoked now that were not before. */
export async function revokeKeys(sql: Sql, clientId: string, keyId: string | null): Promise<number> {
  const rows = await sql`
    with ${revokingKeys(sql, clientId, keyId)} select key_id from revoked`
  return rows.count
}

/**
 * For `appendDeed`: all of a client's keys end, or one; `none` when none was in force. With all of them a code that waits
 * to be used: whoever holds it would make a key the next minute.
 */
export function revokingKeys(sql: Sql, clientId: string, keyId: string | null): Fragment {
  return sql`
    revoked as (
      update client_key set revoked_at = now()
       where client_id = ${clientId} and revoked_at is null and (${keyId}::text is null or key_id = ${keyId})
      returning key_id
    ), voided as (
      delete from enrolment where client_id = ${clientId} and ${keyId}::text is null and used_by_key is null returning 1
    ), act as materialized (
      select case when exists (select from revoked) or exists (select from voided) then 'done' else 'none' end as result
    )`
}

/** For `appendDeed`: what `enrol_client_key` says (migration 0002). */
export function enrolKey(
  sql: Sql,
  clientId: string,
  by: { readonly code: string | null; readonly byKey: string | null },
  key: { readonly keyId: string; readonly publicJwk: JWK; readonly expiresAt: Date },
): Fragment {
  return sql`
    act as materialized (
      select enrol_client_key(${clientId}, ${by.code}::uuid, ${by.byKey}, ${key.keyId},
                              ${JSON.stringify(key.publicJwk)}::text::jsonb,
                              ${key.expiresAt.toISOString()}::timestamptz) as result
    )`
}

interface OwnedClient {
  readonly clientId: string
  readonly facility: string | null
  readonly scopes: readonly AccessScope[]
}

/** As the owner: the client a key or a code is for, made or given its role's scopes anew. */
function ownerClient(sql: Sql, client: OwnedClient): Fragment {
  return sql`
    owner as (
      insert into client (client_id, facility, scopes)
      values (${client.clientId}, ${client.facility}, string_to_array(${client.scopes.join(' ')}, ' '))
      on conflict (client_id) do update set scopes = excluded.scopes
      returning client_id
    )`
}

/** For `appendDeed`, as the owner: a facility's client, and the code that opens it. A former code is void. */
export function openEnrolment(
  sql: Sql,
  client: OwnedClient,
  code: { readonly digest: string; readonly expiresAt: Date; readonly tries: number },
): Fragment {
  return sql`
    ${ownerClient(sql, client)}, opened as (
      insert into enrolment (client_id, code_digest, expires_at, tries_left)
      select client_id, ${code.digest}::uuid, ${code.expiresAt.toISOString()}::timestamptz, ${code.tries}::smallint from owner
      on conflict (client_id) do update
        set code_digest = excluded.code_digest, created_at = now(), expires_at = excluded.expires_at,
            tries_left = excluded.tries_left, used_by_key = null
      returning 1
    ), act as materialized (
      select 'done' as result from opened
    )`
}

/** For `appendDeed`, as the owner: a key that was made here. */
export function addingKey(
  sql: Sql,
  client: OwnedClient,
  key: { readonly keyId: string; readonly publicJwk: JWK; readonly expiresAt: Date },
): Fragment {
  return sql`
    ${ownerClient(sql, client)}, added as (
      insert into client_key (client_id, key_id, public_jwk, expires_at)
      select client_id, ${key.keyId}, ${JSON.stringify(key.publicJwk)}::text::jsonb,
             ${key.expiresAt.toISOString()}::timestamptz from owner
      returning 1
    ), act as materialized (
      select 'done' as result from added
    )`
}

/** Null: there is no such client. */
export async function findClientScopes(sql: Sql, clientId: string): Promise<readonly AccessScope[] | null> {
  const [row] = await sql<{ scopes: string }[]>`
    select array_to_string(scopes, ' ') as scopes from client where client_id = ${clientId}`
  return row === undefined ? null : (row.scopes.split(' ') as AccessScope[])
}

/** Clients that have a key in force: `facility add --all` leaves them alone. */
export async function findEnrolled(sql: Sql): Promise<ReadonlySet<string>> {
  const rows = await sql<{ client_id: string }[]>`
    select distinct client_id from client_key where revoked_at is null and expires_at > now()`
  return new Set(rows.map((row) => row.client_id))
}

export async function pruneJti(sql: Sql): Promise<number> {
  const gone = await sql`
    delete from jti where (client_id, jti) in (select client_id, jti from jti where expires_at < now() limit 1000)`
  return gone.count
}
