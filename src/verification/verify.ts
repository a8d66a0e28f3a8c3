import type { Principal } from '../access/principal.ts'
import { checkCode } from '../audit/check-code.ts'
import type { EntryOutcome } from '../audit/entry.ts'
import { type Appended, LOG_ID, prepare } from '../audit/log.ts'
import { type IsoDate, todayInVietnam } from '../calendar.ts'
import type { CopyRead } from '../coverage/coverage.ts'
import { asOfDay, needsHistory } from '../coverage/history.ts'
import { findEarlier } from '../coverage/store.ts'
import { type Names, namesOf, type Pseudonym, pseudonym } from '../data-keys.ts'
import { QueueFull } from '../db/group.ts'
import { type Decision, decide } from '../entitlement/decide.ts'
import type { Warning } from '../entitlement/decision-code.ts'
import { textsFor } from '../entitlement/decision-text.ts'
import { withPortalAnswer } from '../entitlement/portal-answer.ts'
import { ServiceError } from '../errors.ts'
import { describeFailure } from '../event.ts'
import { isUnderSix } from '../identity/birth-date.ts'
import { isNumberUnusual } from '../identity/citizen-id.ts'
import type { Job, Scope } from '../scope.ts'
import { buildAnswer, type StoredAnswer, type VerificationAnswer } from './answer.ts'
import { type Evidence, readEvidence } from './evidence.ts'
import { type Comparison, compareWithHolders } from './holder-match.ts'
import { verificationId } from './id.ts'
import type { VerificationRequest } from './request.ts'
import { checkPortalAnswer, parseServiceDate } from './service-date.ts'

export interface Idempotency {
  readonly key: string
  /** The request as it came, byte for byte: the same key with other bytes is another request. */
  readonly request: string
}

/** What the entry's sealed details hold: what a replay, a later reading and an auditor need. */
export interface VerificationDetails {
  readonly v: 1
  readonly answer: StoredAnswer
  readonly person: Pseudonym
  readonly purpose: VerificationRequest['purpose']
  readonly visit: VerificationRequest['visit'] | null
  readonly officer: string | null
  readonly registryConsent: VerificationRequest['registryConsent'] | null
  readonly portalAnswer: VerificationRequest['portalAnswer'] | null
  /** The unverified visit that this check answers; absent where somebody asked. */
  readonly unverifiedVisit?: string
}

/** Who is this, and what does their insurance cover on the service date? Answered only once it stands in the log. */
export async function verify(
  scope: Scope,
  caller: Principal,
  request: VerificationRequest,
  idempotency: Idempotency | null,
): Promise<VerificationAnswer> {
  refuseGuessing(scope, caller, request)
  const { checkedAt, outcome, details, found, checkpoint } = await check(scope, request)
  if (found !== null && caller.facility !== null) {
    scope.service.limits.guessing.note(caller.facility, found, checkedAt.getTime())
  }
  const row = prepare(scope.service.dataKeys, {
    recordedAt: checkedAt,
    kind: 'verification',
    facility: caller.facility,
    outcome,
    details: JSON.stringify(details),
    client: caller.clientId,
    subject: details.person,
    idempotency,
  })
  const appended = await scope.append(row)
  if (appended.outcome === 'appended') {
    scope.service.metrics.decided(details.answer.code, details.answer.identity.assurance)
  }
  return receipt(scope, caller, appended, details, row.leafHash, checkpoint)
}

/** Typed evidence only: it is how numbers are tried. A scan goes on, and a patient is never sent away. */
function refuseGuessing(scope: Scope, caller: Principal, request: VerificationRequest): void {
  const { kind } = request.evidence
  if (kind === 'chipIdQr' || kind === 'insuranceCardQr' || caller.facility === null) return
  if (scope.service.limits.guessing.suspects(caller.facility, scope.now().getTime())) {
    throw new ServiceError('guessing_suspected')
  }
}

export interface Checked {
  readonly checkedAt: Date
  readonly outcome: EntryOutcome
  readonly details: VerificationDetails
  /**
   * Whether the person was found, before a portal's answer or a child's age may turn the code: those are the caller's own
   * word. Null where nothing can be guessed: a paper without a number, a copy that cannot be read.
   */
  readonly found: boolean | null
  /** What is published of the log: not recorded, handed on with the receipt. */
  readonly checkpoint: CopyRead['checkpoint']
}

/** The decision and what is to be recorded of it. Nothing is recorded yet, so nothing of it may be told. */
export async function check(scope: Job, request: VerificationRequest): Promise<Checked> {
  const { dataKeys } = scope.service
  const checkedAt = scope.now()
  const today = todayInVietnam(checkedAt)
  const serviceDate = parseServiceDate(request.serviceDate, request.purpose, today)
  checkPortalAnswer(request.portalAnswer, checkedAt)
  const evidence = readEvidence(request.evidence, today)

  const names = namesOf(dataKeys, evidence.number ?? '') // '' leads nowhere, at the same cost
  const copy = await readCopy(scope, names, serviceDate < today ? serviceDate : null)
  const comparison = compareWithHolders(evidence, copy?.coverages.map((each) => each.holder) ?? [])
  const decision = decideFor(scope, request, evidence, copy, comparison, serviceDate, checkedAt)

  const person = pseudonym(dataKeys, checkedAt.getUTCFullYear(), copy?.subject ?? names[0])
  const answer = buildAnswer({ evidence, comparison, decision, copy, serviceDate, checkedAt })
  const details: VerificationDetails = {
    v: 1,
    answer,
    person,
    purpose: request.purpose,
    visit: request.visit ?? null,
    officer: request.officer ?? null,
    registryConsent: request.registryConsent ?? null,
    portalAnswer: request.portalAnswer ?? null,
  }
  const outcome = {
    decision: decision.decision,
    code: decision.code,
    cause: decision.cause,
    method: evidence.method,
    assurance: answer.identity.assurance,
  }
  const found = copy === null || evidence.number === null ? null : comparison?.match === 'matches'
  return { checkedAt, outcome, details, found, checkpoint: copy?.checkpoint ?? null }
}

/** As it stands, or stood on a past day. Null when our copy could not be read: the patient is answered `source_failed`, not turned away with an error. */
async function readCopy(scope: Job, names: Names, pastDay: IsoDate | null): Promise<CopyRead | null> {
  try {
    const read = await scope.findCoverage(names)
    const { subject } = read
    if (pastDay === null || subject === null || !needsHistory(read.coverages, pastDay)) return read
    const earlier = await scope.query((sql) => findEarlier(sql, scope.service.dataKeys, subject))
    return { ...read, coverages: asOfDay(read.coverages, earlier, pastDay) }
  } catch (error) {
    if (error instanceof QueueFull) throw error
    scope.report('copyUnreadable', describeFailure(error))
    return null
  }
}

function decideFor(
  scope: Job,
  request: VerificationRequest,
  evidence: Evidence,
  copy: CopyRead | null,
  comparison: Comparison | null,
  serviceDate: IsoDate,
  now: Date,
): Decision & { readonly vssCodeSource: 'copy' | 'portal' } {
  const decision = decide(
    {
      evidence: evidence.how,
      holder: comparison?.match ?? 'matches',
      presentedCard: evidence.cardNumber,
      childUnderSix: isUnderSix(evidence.birthDate, serviceDate),
      coverages: copy?.coverages.map((each) => each.facts) ?? [],
      copy: copyState(scope, copy, now),
    },
    serviceDate,
  )
  const warned = { ...decision, warnings: [...decision.warnings, ...evidenceWarnings(evidence, comparison, decision)] }
  return request.portalAnswer === undefined
    ? { ...warned, vssCodeSource: 'copy' }
    : withPortalAnswer(warned, request.portalAnswer.code)
}

function copyState(scope: Job, copy: CopyRead | null, now: Date): 'fresh' | 'late' | 'stale' | 'failed' {
  if (copy === null || copy.watermark === null) return 'failed'
  const ageMs = now.getTime() - copy.watermark.asOf.getTime()
  const { copyLateAfterMs, copyStaleAfterMs } = scope.service.config
  return ageMs > copyStaleAfterMs ? 'stale' : ageMs > copyLateAfterMs ? 'late' : 'fresh'
}

function evidenceWarnings(evidence: Evidence, comparison: Comparison | null, decision: Decision): Warning[] {
  const warnings: Warning[] = []
  // only where the holder matched: beside a mismatch it would tell what the record says
  if (decision.shown.length > 0 && comparison?.name === 'near') warnings.push('nameNear')
  if (evidence.citizenId !== null && isNumberUnusual(evidence.citizenId, evidence.birthDate, evidence.sex)) {
    warnings.push('numberUnusual')
  }
  return warnings
}

function receipt(
  scope: Scope,
  caller: Principal,
  appended: Appended,
  details: VerificationDetails,
  leafHash: string,
  checkpoint: CopyRead['checkpoint'],
): VerificationAnswer {
  switch (appended.outcome) {
    case 'appended':
      return withReceipt(scope, caller.facility ?? '', appended.index, details, leafHash, checkpoint)
    case 'repeated': {
      const earlier = JSON.parse(appended.details) as VerificationDetails // our own text, authenticated by its seal
      return withReceipt(scope, caller.facility ?? '', appended.index, earlier, base64(appended.leafHash), checkpoint)
    }
    case 'keyTakenByAnotherRequest':
      throw new ServiceError('idempotency_conflict')
    case 'repeatedButErased':
      throw new ServiceError('verification_erased')
  }
}

/** The answer as it was recorded, with what only the log could give: its id and its receipt. */
export function withReceipt(
  scope: Scope,
  facility: string,
  index: number,
  details: VerificationDetails,
  leafHash: string,
  checkpoint: CopyRead['checkpoint'],
): VerificationAnswer {
  const deed = { logId: LOG_ID, index, facility, person: details.person }
  const { checkedAt, serviceDate, decision, code, cause, vssCode, vssCodeSource, warnings, ...rest } = details.answer
  return {
    id: verificationId(LOG_ID, index),
    checkedAt,
    serviceDate,
    decision,
    code,
    cause,
    vssCode,
    vssCodeSource,
    warnings,
    ...textsFor(details.answer),
    ...rest,
    receipt: {
      checkCode: checkCode(scope.service.dataKeys, deed),
      log: String(LOG_ID),
      index,
      leafHash,
      checkpoint,
    },
  }
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
