import { pruneJti } from '../access/store.ts'
import { pruneIdempotency } from '../audit/store.ts'
import type { Query } from '../db/pool.ts'

/** 73,000 checks a day end as 254 dead idempotency keys in five minutes, one statement of at most 1,000. */
export const SWEEP_EVERY_MS = 5 * 60_000

/**
 * Dead idempotency keys and assertions go, statement by statement until none is left. `serve` and `recheck` both do it:
 * a process on Workers has no time of its own.
 */
export async function sweep(query: Query): Promise<void> {
  for (const prune of [pruneIdempotency, pruneJti]) {
    while ((await query(prune)) > 0);
  }
}
