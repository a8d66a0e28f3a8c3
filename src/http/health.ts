import type { Context } from 'hono'
import { readInstant } from '../db/connect.ts'
import { type DatabaseState, DatabaseUnfit, readState } from '../db/readiness.ts'
import { describeFailure } from '../event.ts'
import type { Scope } from '../scope.ts'
import type { Answer } from './endpoint.ts'

/** The promise is 10 s from recording to publishing; half of it more for clocks that differ and a pass under way. */
const CHECKPOINT_LATE_MS = 15_000
/** A witness that is started anew is back in less; who it is and what it costs: `src/audit/README.md`. */
const COSIGNATURE_LATE_MS = 60_000

/** A claim is sent within seconds; what comes to replace TT 48/2017 wants it within three hours. */
const CLAIMS_LATE_MS = 3_600_000

/** `GET /health/live`: the process answers. */
export async function showLive(): Promise<Answer> {
  return { status: 200, body: '{"status":"live"}' }
}

/**
 * `GET /health/ready`: can this instance answer and log? 503 only if not. What is merely late is a reason at 200: it
 * never takes a desk offline.
 */
export async function showReady(_c: Context, scope: Scope): Promise<Answer> {
  let state: DatabaseState
  try {
    state = await scope.query(readState)
  } catch (error) {
    if (error instanceof DatabaseUnfit) return notReady('databaseUnfit', null)
    return notReady('databaseUnreachable', describeFailure(error).sqlState)
  }
  if (state.standby) return notReady('databaseReadOnly', null)
  if (!state.logWritable) return notReady('logNotWritable', null)
  const reasons = degradations(scope, state)
  return { status: 200, body: JSON.stringify({ status: reasons.length === 0 ? 'ready' : 'degraded', reasons }) }
}

function notReady(reason: string, sqlState: string | null): Answer {
  return {
    status: 503,
    body: JSON.stringify({ status: 'notReady', reasons: [reason], sqlState }),
    headers: { 'retry-after': '2' },
  }
}

function degradations(scope: Scope, state: DatabaseState): string[] {
  const { copyLateAfterMs, copyStaleAfterMs, catalogueLateAfterMs } = scope.service.config
  const ageOf = (asOf: string) => scope.now().getTime() - readInstant(asOf).getTime()
  const reasons: string[] = []
  if (state.copyAsOf === null) reasons.push('copyMissing')
  else {
    const ageMs = ageOf(state.copyAsOf)
    if (ageMs > copyStaleAfterMs) reasons.push('copyStale')
    else if (ageMs > copyLateAfterMs) reasons.push('copyLate')
  }
  if (state.catalogueAsOf === null) reasons.push('catalogueMissing')
  else if (ageOf(state.catalogueAsOf) > catalogueLateAfterMs) reasons.push('catalogueLate')
  if (state.feedGap) reasons.push('feedGap')
  if (state.feedRefused) reasons.push('feedBatchRefused')
  const { unpublishedSince, uncosignedSince } = state
  if (unpublishedSince !== null && scope.now().getTime() - Date.parse(unpublishedSince) > CHECKPOINT_LATE_MS)
    reasons.push('checkpointLate')
  if (uncosignedSince !== null && scope.now().getTime() - Date.parse(uncosignedSince) > COSIGNATURE_LATE_MS)
    reasons.push('cosignatureLate')
  const { claimsWaitSince } = state
  if (claimsWaitSince !== null && scope.now().getTime() - Date.parse(claimsWaitSince) > CLAIMS_LATE_MS)
    reasons.push('claimsLate')
  if (state.claimsGivenUp > 0) reasons.push('claimsGivenUp')
  if (state.quarantined > 0) reasons.push('rowsInQuarantine')
  if (scope.registry !== null && scope.registry.state() !== 'closed') reasons.push('registryUnavailable')
  return reasons
}
