import { type DataKeys, mac128, type Pseudonym } from '../data-keys.ts'
import type { Fragment, Sql } from '../db/connect.ts'
import { ServiceError } from '../errors.ts'
import { open, seal } from '../seal.ts'
import { buildEntry, type EntryContent } from './entry.ts'
import { LOG_ID } from './log-id.ts'
import {
  type AppendedRows,
  appendRows,
  appendWithAct,
  type EarlierRow,
  findByIdempotencyKeys,
  hex,
  type PendingRow,
} from './store.ts'

export { LOG_ID }

export interface Deed extends EntryContent {
  /** Who did it: the client id of the token. */
  readonly client: string
  /** Whom it is about, under the key of the year. */
  readonly subject: Pseudonym | null
  readonly idempotency: { readonly key: string; readonly request: string } | null
}

export type Appended =
  | { readonly outcome: 'appended'; readonly logId: number; readonly index: number }
  /** The same client asked the same under the same key before: this is what was recorded then. */
  | {
      readonly outcome: 'repeated'
      readonly logId: number
      readonly index: number
      readonly details: string
      readonly leafHash: Uint8Array
    }
  | { readonly outcome: 'keyTakenByAnotherRequest' }
  | { readonly outcome: 'repeatedButErased' }

/** Builds the text that is hashed, seals the details. Pure but for the clock in `deed` and random bytes. */
export function prepare(keys: DataKeys, deed: Deed): PendingRow {
  const entry = buildEntry(deed)
  return {
    body: entry.body,
    leafHash: entry.leafHash,
    client: deed.client,
    subject: deed.subject,
    salt: entry.salt.toString('base64'),
    sealed: seal(keys, 'entry_detail', deed.subject ?? '', deed.details).toString('base64'),
    ...idempotencyDigests(keys, deed.client, deed.idempotency),
  }
}

/** What an Idempotency-Key and its request are called in the database. */
export function idempotencyDigests(
  keys: DataKeys,
  client: string,
  idempotency: Deed['idempotency'],
): Pick<PendingRow, 'idempotencyKey' | 'requestDigest'> {
  return {
    idempotencyKey: idempotency && mac128(keys.request, `key:${client}\n${idempotency.key}`),
    requestDigest: idempotency && mac128(keys.request, `request:${idempotency.request}`),
  }
}

export function openDetails(keys: DataKeys, subject: string | null, sealed: Uint8Array): string {
  return open(keys, 'entry_detail', subject === null ? '' : hex(subject), sealed)
}

/**
 * Appends what waits, in one statement; each row learns its own outcome. Returning means committed: only now may an
 * answer leave. Rows of one batch with one key: the first is offered to the log, the others read what it left.
 * A row whose earlier answer cannot be read gets an `Error` in its place: the others stand in the log already.
 */
export async function appendBatch(
  sql: Sql,
  keys: DataKeys,
  rows: readonly PendingRow[],
): Promise<(Appended | Error)[]> {
  const offered: PendingRow[] = []
  const offeredAt = new Map<number, number>() // place in rows → place in offered
  const seen = new Set<string>()
  rows.forEach((row, place) => {
    if (row.idempotencyKey !== null) {
      if (seen.has(row.idempotencyKey)) return
      seen.add(row.idempotencyKey)
    }
    offeredAt.set(place, offered.push(row) - 1)
  })
  const { logId, indexes } = await appendOnce(sql, offered)
  const indexOf = (place: number) => indexes.get(offeredAt.get(place) ?? -1)
  const lost = rows.filter((_, place) => indexOf(place) === undefined)
  const earlier = lost.length === 0 ? new Map<string, EarlierRow>() : await readEarlier(sql, lost)
  return rows.map((row, place) => {
    const index = indexOf(place)
    if (index !== undefined) return { outcome: 'appended', logId, index }
    if (earlier instanceof Error) return earlier
    try {
      return repeated(keys, row, earlier.get(row.idempotencyKey ?? ''))
    } catch (error) {
      return error instanceof Error ? error : new Error('thrown')
    }
  })
}

/** A deed that is more than its entry: both are committed, or neither. Returns what `act` came to; see `appendWithAct`. */
export async function appendDeed(sql: Sql, row: PendingRow, act: (sql: Sql) => Fragment): Promise<string> {
  const { result } = await appendWithAct(sql, row, act(sql)).catch((error: unknown) => {
    throw logFailure(error)
  })
  return result
}

async function appendOnce(sql: Sql, rows: readonly PendingRow[]): Promise<AppendedRows> {
  try {
    return await appendRows(sql, rows)
  } catch (first) {
    if (!wasRolledBackForRetry(first)) throw logFailure(first)
    try {
      return await appendRows(sql, rows)
    } catch (second) {
      throw logFailure(second)
    }
  }
}

/** An error is that of the rows that lost their keys: the others stand in the log already. */
async function readEarlier(sql: Sql, lost: readonly PendingRow[]): Promise<Map<string, EarlierRow> | Error> {
  const held = [...new Set(lost.map((row) => row.idempotencyKey).filter((key) => key !== null))]
  return findByIdempotencyKeys(sql, held).catch((cause: unknown) => new ServiceError('log_unavailable', { cause }))
}

function repeated(keys: DataKeys, row: PendingRow, earlier: EarlierRow | undefined): Appended {
  if (row.idempotencyKey === null) throw new ServiceError('log_outcome_unknown')
  // the holder of the key may have been pruned in between: nothing is known to have been recorded under it
  if (earlier === undefined) throw new ServiceError('log_unavailable')
  if (earlier.requestDigest !== row.requestDigest) return { outcome: 'keyTakenByAnotherRequest' }
  if (earlier.logId === null || earlier.leafIndex === null || earlier.sealed === null || earlier.leafHash === null)
    return { outcome: 'repeatedButErased' }
  return {
    outcome: 'repeated',
    logId: earlier.logId,
    index: earlier.leafIndex,
    details: openDetails(keys, earlier.subject, earlier.sealed),
    leafHash: earlier.leafHash,
  }
}

/** 40001 serialization failure, 40P01 deadlock: PostgreSQL rolled the statement back and asks to try again. */
function wasRolledBackForRetry(error: unknown): boolean {
  const state = sqlState(error)
  return state === '40001' || state === '40P01'
}

/**
 * Either it is certain that nothing was written, or it is not: a connection that died after the statement was sent, or
 * a commit that was cancelled, may have committed. That one is never retried blindly; the caller is told to repeat it
 * with its Idempotency-Key.
 */
export function logFailure(error: unknown): ServiceError {
  const state = sqlState(error)
  const neverSent = state === 'ECONNREFUSED' || state === 'CONNECT_TIMEOUT' || state === 'ENOTFOUND'
  // said by the server itself: EPIPE is five capitals too
  const bySql = error instanceof Error && error.name === 'PostgresError'
  const rolledBack = bySql && state !== null && (!state.startsWith('57') || state === '57P03')
  return new ServiceError(neverSent || rolledBack ? 'log_unavailable' : 'log_outcome_unknown', { cause: error })
}

export function sqlState(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return typeof code === 'string' ? code : null
}
