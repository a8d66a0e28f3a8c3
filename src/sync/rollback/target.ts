import type { AppliedBatch } from '../watermark/store.ts'

/**
 * The state before the last full feed that the present one is built on; null when there is none. Rollbacks are seen through:
 * after one the present state is the one it went back to, so a second goes further back. `batches` in order.
 */
export function stateBeforeLastFull(batches: readonly AppliedBatch[]): AppliedBatch | null {
  let at = batches.length - 1
  while (at >= 0) {
    const batch = batches[at]
    if (batch === undefined) return null
    if (batch.kind === 'full') return at === 0 ? null : seenThrough(batches, at - 1)
    at = batch.kind === 'rollback' ? batches.findIndex((each) => each.appliedAt === batch.backTo) : at - 1
  }
  return null
}

/** A state that a rollback made is the one it went back to. */
function seenThrough(batches: readonly AppliedBatch[], at: number): AppliedBatch | null {
  const batch = batches[at]
  if (batch === undefined) return null
  if (batch.kind !== 'rollback') return batch
  return seenThrough(
    batches,
    batches.findIndex((each) => each.appliedAt === batch.backTo),
  )
}
