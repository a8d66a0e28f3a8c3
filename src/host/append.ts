import { DatabaseSilent } from '../db/pool.ts'
import { ServiceError } from '../errors.ts'

/** A silent database may have committed: the caller is told to repeat it with its Idempotency-Key. */
export function outcomeUnknown(error: unknown): never {
  throw error instanceof DatabaseSilent ? new ServiceError('log_outcome_unknown', { cause: error }) : error
}
