import type { Sql } from '../../db/connect.ts'
import { ServiceError } from '../../errors.ts'
import type { Manifest } from '../manifest.ts'
import { findBatch } from './store.ts'

/** A number that was applied from another file: one of the two is wrong, and only the insurer knows which. */
export async function refuseOther(sql: Sql, { feed, sequence, sha256 }: Manifest): Promise<void> {
  const batch = await findBatch(sql, feed, sequence)
  // below a full feed that went over it: overtaken, whatever it says
  if (batch === null || batch.digest === sha256) return
  throw new ServiceError('feed_sequence', { detail: `batch ${sequence} was applied from a file with another SHA-256` })
}
