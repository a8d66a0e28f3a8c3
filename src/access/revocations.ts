import type { Sql } from '../db/connect.ts'
import { ServiceError } from '../errors.ts'
import type { Principal } from './principal.ts'
import { findRevoked } from './store.ts'

/**
 * What was revoked, as this process knows it. A revocation takes effect within 5 s everywhere (contract): after 2 s the
 * next request renews the list beside its own work, after 4 s it waits for it. One statement every 2 s, whatever the load.
 */
const RENEW_AFTER_MS = 2_000
const WAIT_AFTER_MS = 4_000

export interface Revocations {
  /** Milliseconds since the epoch when the list was asked for; 0 before the first time. */
  asOfMs: number
  renewing: boolean
  keys: ReadonlySet<string>
  /**
   * What waits for the list, by the database it asks: a crowd that comes after a pause waits for one statement. On Node
   * all requests share one `Sql`; on Workers each has its own, and no promise crosses from one request to another.
   */
  readonly waitedFor: WeakMap<Sql, Promise<void>>
}

export function noRevocationsYet(): Revocations {
  return { asOfMs: 0, renewing: false, keys: new Set(), waitedFor: new WeakMap() }
}

/** Throws `token_revoked`; throws `database_unavailable` when the list is too old and cannot be renewed (fail closed). */
export async function refuseRevoked(
  revocations: Revocations,
  principal: Principal,
  sql: Sql,
  nowMs: number,
  background: (work: Promise<unknown>) => void,
): Promise<void> {
  const ageMs = nowMs - revocations.asOfMs
  if (ageMs > WAIT_AFTER_MS) {
    await renewOnce(revocations, sql, nowMs).catch((cause: unknown) => {
      throw new ServiceError('database_unavailable', { cause })
    })
  } else if (ageMs > RENEW_AFTER_MS && !revocations.renewing) {
    revocations.renewing = true
    background(
      renew(revocations, sql, nowMs).then(
        () => {
          revocations.renewing = false
        },
        () => {
          revocations.renewing = false // the next request tries again; past 4 s it waits and fails closed
        },
      ),
    )
  }
  if (isRevoked(revocations, principal)) throw new ServiceError('token_revoked')
}

function renewOnce(revocations: Revocations, sql: Sql, nowMs: number): Promise<void> {
  const inFlight = revocations.waitedFor.get(sql)
  if (inFlight !== undefined) return inFlight
  const renewal = renew(revocations, sql, nowMs).finally(() => revocations.waitedFor.delete(sql))
  revocations.waitedFor.set(sql, renewal)
  return renewal
}

async function renew(revocations: Revocations, sql: Sql, nowMs: number): Promise<void> {
  const revoked = await findRevoked(sql)
  // an answer that was asked for earlier must not replace a later one
  if (nowMs < revocations.asOfMs) return
  revocations.keys = new Set(revoked.map((each) => `${each.clientId}#${each.keyId ?? '*'}`))
  revocations.asOfMs = nowMs
}

function isRevoked(revocations: Revocations, principal: Principal): boolean {
  if (revocations.keys.size === 0) return false
  return (
    revocations.keys.has(`${principal.clientId}#${principal.keyId}`) || revocations.keys.has(`${principal.clientId}#*`)
  )
}
