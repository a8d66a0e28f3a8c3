import { setImmediate } from 'node:timers/promises'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { VerificationAnswer } from './answer.ts'
import type { VerificationRequest } from './request.ts'
import { verify } from './verify.ts'

/** Contract. */
export const BATCH_ITEMS_MAX = 1_000

/**
 * Items that are worked on together: one read and one append. What a single check may have to wait for behind them:
 * 32 × some 100 µs of processor = about 3 ms in which the event loop is not free, and 32 rows × 25 µs = 0.8 ms for
 * which the append holds the head of the log.
 */
export const PART_ITEMS_MAX = 32

export type ItemOutcome =
  | { readonly ok: true; readonly answer: VerificationAnswer }
  /** Nobody's but this item's; the others stand in the log. */
  | { readonly ok: false; readonly error: unknown }

/**
 * Verifies the items in order, part by part, each as if it had come alone; `lane` is the scope of long work. A part is
 * handed out once all of it is decided, and the event loop turns before the next one, so that single checks come in
 * between. A crash leaves the items of the parts before, and all or nothing of the append under way: repeated with its
 * key, the batch finds those and adds the others.
 */
export async function* verifyBatch(
  lane: Scope,
  caller: Principal,
  items: readonly unknown[],
  readItem: (item: unknown) => VerificationRequest,
  key: string | null,
): AsyncGenerator<readonly ItemOutcome[]> {
  let logFailed = false
  for (let from = 0; from < items.length; from += PART_ITEMS_MAX) {
    if (from > 0) await setImmediate()
    const part = items.slice(from, from + PART_ITEMS_MAX)
    // a log that failed is not asked 30 times more: each would wait for the deadline of a statement
    const outcomes: readonly ItemOutcome[] = logFailed
      ? part.map(() => notTried())
      : await Promise.all(part.map((item, i) => verifyItem(item, from + i)))
    logFailed ||= outcomes.some(isLogFailure)
    yield outcomes
  }

  async function verifyItem(item: unknown, place: number): Promise<ItemOutcome> {
    try {
      const request = readItem(item)
      // no header can hold a newline: an item's key is never that of a single check, nor of another batch's item
      const idempotency = key === null ? null : { key: `${key}\n${place}`, request: JSON.stringify(item) }
      return { ok: true, answer: await verify(lane, caller, request, idempotency) }
    } catch (error) {
      return { ok: false, error }
    }
  }
}

function isLogFailure(outcome: ItemOutcome): boolean {
  if (outcome.ok || !(outcome.error instanceof ServiceError)) return false
  return outcome.error.code === 'log_unavailable' || outcome.error.code === 'log_outcome_unknown'
}

/** True of it too: nothing was recorded, and it may be tried again. */
function notTried(): ItemOutcome {
  return { ok: false, error: new ServiceError('log_unavailable') }
}
