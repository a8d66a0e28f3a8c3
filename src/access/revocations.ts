import type { Query } from '../db/pool.ts'
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
  keys: ReadonlySet<string>
  /** How often the list was asked for, and which of these answers is in `keys`: a late answer never replaces a newer one. */
  asked: number
  answered: number
  /**
   * What is under way, by the database it asks: a crowd that comes after a pause waits for one statement. On Node all
   * requests share one `query`; on Workers each has its own, and no promise crosses from one request to another.
   */
  readonly underWay: WeakMap<Query, Promise<void>>
}

export function noRevocationsYet(): Revocations {
  return { asOfMs: 0, keys: new Set(), asked: 0, answered: 0, underWay: new WeakMap() }
}

/** Throws `token_revoked`; throws `database_unavailable` when the list is too old and cannot be renewed (fail closed). */
export async function refuseRevoked(
  revocations: Revocations,
  principal: Principal,
  query: Query,
  nowMs: number,
  background: (work: Promise<unknown>) => void,
): Promise<void> {
  const ageMs = nowMs - revocations.asOfMs
  // negative: the clock was set back, and how old the list is cannot be told
  if (ageMs > WAIT_AFTER_MS || ageMs < 0) {
    await renew(revocations, query, nowMs).catch((cause: unknown) => {
      throw new ServiceError('database_unavailable', { cause })
    })
  } else if (ageMs > RENEW_AFTER_MS) {
    background(
      renew(revocations, query, nowMs).catch(() => {}), // the next request tries again; past 4 s it waits and fails closed
    )
  }
  if (isRevoked(revocations, principal)) throw new ServiceError('token_revoked')
}

function renew(revocations: Revocations, query: Query, nowMs: number): Promise<void> {
  const underWay = revocations.underWay.get(query)
  if (underWay !== undefined) return underWay
  const renewal = ask(revocations, query, nowMs).finally(() => revocations.underWay.delete(query))
  revocations.underWay.set(query, renewal)
  return renewal
}

async function ask(revocations: Revocations, query: Query, nowMs: number): Promise<void> {
  const turn = ++revocations.asked
  const revoked = await query(findRevoked)
  if (turn < revocations.answered) return
  revocations.answered = turn
  revocations.keys = new Set(revoked.map((each) => `${each.clientId}#${each.keyId ?? '*'}`))
  revocations.asOfMs = nowMs
}

function isRevoked(revocations: Revocations, principal: Principal): boolean {
  if (revocations.keys.size === 0) return false
  return (
    revocations.keys.has(`${principal.clientId}#${principal.keyId}`) || revocations.keys.has(`${principal.clientId}#*`)
  )
}
