import { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import { openDetails } from '../audit/log.ts'
import { type EntryAt, entryAt, LOG_ID, placeOf } from '../audit/log-id.ts'
import { findEntry, type StoredEntry } from '../audit/store.ts'
import type { Texts } from '../entitlement/decision-text.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { VerificationAnswer } from '../verification/answer.ts'
import { verificationId } from '../verification/id.ts'
import { readVerification } from '../verification/read.ts'
import { base64 } from '../verification/verify.ts'
import { closesAt, firstCheckAt } from './backoff.ts'
import { type ClosingDetails, openVisit, type Receipt, type VisitDetails, visitReceipt } from './details.ts'
import { readVisitId, visitIdOf } from './id.ts'
import { type LegalRecord, legalRecord } from './legal-record.ts'
import { findVisit, type VisitState } from './store.ts'
import { textsOfVisit, type VisitStatus } from './visit-text.ts'

export interface VisitAnswer extends Texts {
  readonly id: string
  readonly recordedAt: string
  readonly status: VisitStatus
  readonly attempts: number
  readonly lastAttemptAt: string | null
  /** Why the last attempt found nothing: a decision code. */
  readonly lastCode: string | null
  readonly nextCheckAt: string | null
  readonly closesAt: string
  readonly supersededBy: string | null
  readonly outcome: VerificationAnswer | null
  readonly legalRecord: LegalRecord | null
  readonly receipt: Receipt
}

const bodySchema = z.object({ kind: z.string(), facility: z.string().nullable() })

/** A visit of the caller's own facility. A foreign one and one that does not exist are one answer. */
export async function readUnverifiedVisit(scope: Scope, caller: Principal, id: string): Promise<VisitAnswer> {
  const at = readVisitId(id)
  if (at === null) throw new ServiceError('unverified_visit_not_found')
  const [entry, state] = await Promise.all([
    readEntry(scope, at),
    scope.query((sql) => findVisit(sql, LOG_ID, placeOf(at))).catch(unavailable),
  ])
  if (entry === null) throw new ServiceError('unverified_visit_not_found')
  const { kind, facility } = bodySchema.parse(JSON.parse(entry.body))
  if (kind !== 'unverifiedVisit' || facility === null || facility !== caller.facility) {
    throw new ServiceError('unverified_visit_not_found')
  }
  if (entry.sealed === null) throw new ServiceError('unverified_visit_erased')
  const details = openVisit(scope.service.dataKeys, entry.subject, entry.sealed)
  const receipt = visitReceipt(scope.service.dataKeys, facility, at, details.person, base64(entry.leafHash))
  return answer(scope, caller, { at, facility, details, receipt, state: state ?? unseen(details) })
}

interface Found {
  readonly at: EntryAt
  readonly facility: string
  readonly details: VisitDetails
  readonly receipt: Receipt
  readonly state: VisitState
}

async function answer(scope: Scope, caller: Principal, found: Found): Promise<VisitAnswer> {
  const { at, facility, details, receipt, state } = found
  const { status, outcomePlace } = state
  const outcome = outcomePlace === null ? null : entryAt(outcomePlace)
  const hasEvidence = details.evidence !== null
  const { attempts, lastCode } = await attemptsOf(scope, state)
  const verification = status === 'checked' && outcome !== null ? verificationId(outcome.logId, outcome.index) : null
  const { visitId, presentedAt, claimedNumber, failures } = details
  const id = visitIdOf(at)
  const facts = {
    ...{ facility, visitId, presentedAt, claimedNumber, failures, attempts },
    checkCode: receipt.checkCode,
    entry: id,
  }
  return {
    id,
    recordedAt: details.recordedAt,
    status,
    attempts: attempts.length,
    lastAttemptAt: attempts.at(-1) ?? null,
    lastCode,
    nextCheckAt: status === 'open' && hasEvidence ? state.nextCheckAt.toISOString() : null,
    closesAt: closesAt(presentedAt, details.recordedAt).toISOString(),
    supersededBy: status === 'superseded' && outcome !== null ? visitIdOf(outcome) : null,
    outcome: verification === null ? null : await readVerification(scope, caller, verification),
    legalRecord: status === 'open' || status === 'gaveUp' ? legalRecord(facts) : null,
    ...textsOfVisit(status, hasEvidence),
    receipt,
  }
}

/** When a visit was given up its attempts stand in the log; until then only in the queue. */
async function attemptsOf(scope: Scope, state: VisitState): Promise<Pick<ClosingDetails, 'attempts' | 'lastCode'>> {
  if (state.status !== 'gaveUp' || state.outcomePlace === null) return state
  const closing = await readEntry(scope, entryAt(state.outcomePlace))
  if (closing === null || closing.sealed === null) return state
  return JSON.parse(openDetails(scope.service.dataKeys, closing.subject, closing.sealed)) as ClosingDetails
}

/** Recorded a moment ago: the reader of the log has not come to it yet. */
function unseen(details: VisitDetails): VisitState {
  return { status: 'open', attempts: [], lastCode: null, nextCheckAt: firstCheckAt(details), outcomePlace: null }
}

function readEntry(scope: Scope, { logId, index }: EntryAt): Promise<StoredEntry | null> {
  return scope.query((sql) => findEntry(sql, logId, index)).catch(unavailable)
}

function unavailable(cause: unknown): never {
  throw new ServiceError('database_unavailable', { cause })
}
