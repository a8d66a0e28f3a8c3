import { LOG_ID } from '../../audit/log-id.ts'
import type { Query } from '../../db/pool.ts'
import { addShares, applyDeliveries, forgetDeliveries, nextStretch } from '../queue/store.ts'

interface Reading {
  readonly query: Query
  readonly now: () => Date
}

/**
 * Reads the log on. The rows of shares move with their entries, in one statement, so there is usually nothing to change;
 * what came in otherwise (a log that was restored, a row that was lost) is found here. A kill between two statements leaves
 * the cursor, and the same is done again.
 */
export async function readOn(job: Reading): Promise<void> {
  for (;;) {
    const stretch = await job.query((sql) => nextStretch(sql, LOG_ID))
    if (stretch.to <= stretch.from) return
    await job.query((sql) => addShares(sql, LOG_ID, stretch, job.now()))
    await job.query((sql) => applyDeliveries(sql, LOG_ID, stretch, job.now()))
  }
}

/** Everything again from the first entry on; only attempts are forgotten. Nothing is sent meanwhile, by nobody. */
export async function rebuild(job: Reading): Promise<void> {
  await job.query((sql) => forgetDeliveries(sql, LOG_ID))
  await readOn(job)
}
