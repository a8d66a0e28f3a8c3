import type { Principal } from '../access/principal.ts'
import { type Appended, prepare } from '../audit/log.ts'
import type { EntryAt } from '../audit/log-id.ts'
import { todayInVietnam } from '../calendar.ts'
import { parseCardOrInsuranceNumber, readCardNumber } from '../coverage/card-number.ts'
import { lookupKey, pseudonym } from '../data-keys.ts'
import type { Texts } from '../entitlement/decision-text.ts'
import { ServiceError } from '../errors.ts'
import { parseCitizenId } from '../identity/citizen-id.ts'
import type { Scope } from '../scope.ts'
import { readEvidence } from '../verification/evidence.ts'
import { base64, type Idempotency } from '../verification/verify.ts'
import { closesAt, firstCheckAt } from './backoff.ts'
import { type Receipt, type VisitDetails, visitReceipt } from './details.ts'
import { visitIdOf } from './id.ts'
import { checkInstants, type UnverifiedVisitRequest } from './request.ts'
import { textsOfVisit } from './visit-text.ts'

export interface RecordedVisit extends Texts {
  readonly id: string
  readonly recordedAt: string
  readonly status: 'open'
  /** Null without evidence: there is nothing to look up by. */
  readonly nextCheckAt: string | null
  readonly closesAt: string
  readonly receipt: Receipt
}

/**
 * The desk could not look somebody up (NĐ 188/2025 Đ38 k2): recorded, and that is all. The queue is made from the log by
 * `kiemthe recheck`, so a crash after the append loses nothing, and the append stays the one statement that it is.
 */
export async function recordUnverifiedVisit(
  scope: Scope,
  caller: Principal,
  request: UnverifiedVisitRequest,
  idempotency: Idempotency | null,
): Promise<RecordedVisit> {
  const { dataKeys } = scope.service
  const { facility } = caller
  if (facility === null) throw new ServiceError('scope_missing', { detail: 'verify, of a facility' })
  const now = scope.now()
  checkInstants(request, now)
  const details = detailsOf(scope, request, now)
  const row = prepare(dataKeys, {
    recordedAt: now,
    kind: 'unverifiedVisit',
    facility,
    outcome: { failures: details.failures.length, method: details.evidence?.kind ?? null },
    details: JSON.stringify(details),
    client: caller.clientId,
    subject: details.person,
    idempotency,
  })
  return answer(scope, facility, await scope.append(row), details, row.leafHash)
}

function detailsOf(scope: Scope, request: UnverifiedVisitRequest, now: Date): VisitDetails {
  const { dataKeys } = scope.service
  const evidence = request.evidence === undefined ? null : readEvidence(request.evidence, todayInVietnam(now))
  const number = evidence?.number ?? numberClaimed(request.claimedNumber ?? '')
  return {
    v: 1,
    recordedAt: now.toISOString(),
    person: pseudonym(dataKeys, now.getUTCFullYear(), lookupKey(dataKeys, number)),
    visitId: request.visitId,
    claimedNumber: request.claimedNumber ?? null,
    presentedAt: inUtc(request.presentedAt),
    failures: request.failures.map(({ at, code }) => ({ at: inUtc(at), code })),
    evidence: request.evidence ?? null,
    officer: request.officer ?? null,
  }
}

/** So that an auditor finds the visit by its person; '' leads nowhere. */
function numberClaimed(text: string): string {
  const card = parseCardOrInsuranceNumber(text)
  if (card.ok) {
    return card.value.kind === 'card'
      ? readCardNumber(card.value.cardNumber).insuranceNumber
      : card.value.insuranceNumber
  }
  const citizenId = parseCitizenId(text)
  return citizenId.ok ? citizenId.value : ''
}

function inUtc(instant: string): string {
  return new Date(instant).toISOString()
}

function answer(
  scope: Scope,
  facility: string,
  appended: Appended,
  details: VisitDetails,
  leafHash: string,
): RecordedVisit {
  switch (appended.outcome) {
    case 'appended':
      return recorded(scope, facility, appended, details, leafHash)
    case 'repeated': {
      const earlier = JSON.parse(appended.details) as VisitDetails // our own text, authenticated by its seal
      return recorded(scope, facility, appended, earlier, base64(appended.leafHash))
    }
    case 'keyTakenByAnotherRequest':
      throw new ServiceError('idempotency_conflict')
    case 'repeatedButErased':
      throw new ServiceError('unverified_visit_erased')
  }
}

function recorded(scope: Scope, facility: string, at: EntryAt, details: VisitDetails, leafHash: string): RecordedVisit {
  return {
    id: visitIdOf(at),
    recordedAt: details.recordedAt,
    status: 'open',
    nextCheckAt: details.evidence === null ? null : firstCheckAt(details).toISOString(),
    closesAt: closesAt(details.presentedAt, details.recordedAt).toISOString(),
    ...textsOfVisit('open', details.evidence !== null),
    receipt: visitReceipt(scope.service.dataKeys, facility, at, details.person, leafHash),
  }
}
