import type { Principal } from '../access/principal.ts'
import { checkCode } from '../audit/check-code.ts'
import type { EntryOutcome } from '../audit/entry.ts'
import { type Appended, prepare } from '../audit/log.ts'
import type { EntryAt } from '../audit/log-id.ts'
import { type IsoDate, todayInVietnam } from '../calendar.ts'
import type { CopyRead, Watermark } from '../coverage/coverage.ts'
import { asOfDay, needsHistory } from '../coverage/history.ts'
import { findEarlier } from '../coverage/store.ts'
import { type Names, namesOf, type Pseudonym, pseudonym } from '../data-keys.ts'
import { QueueFull } from '../db/group.ts'
import { type Decision, decide, type EntitlementFacts } from '../entitlement/decide.ts'
import type { Warning } from '../entitlement/decision-code.ts'
import { type Texts, textsFor } from '../entitlement/decision-text.ts'
import { withPortalAnswer } from '../entitlement/portal-answer.ts'
import { ServiceError } from '../errors.ts'
import { describeFailure } from '../event.ts'
import { isUnderSix } from '../identity/birth-date.ts'
import { isNumberUnusual } from '../identity/citizen-id.ts'
import { birthProvinceCode } from '../identity/province.ts'
import type { Job, Scope } from '../scope.ts'
import { buildAnswer, type StoredAnswer, type VerificationAnswer } from './answer.ts'
import { type Asked, askedOf } from './asked.ts'
import { type Evidence, readEvidence } from './evidence.ts'
import { type Comparison, compareWithHolders } from './holder-match.ts'
import { verificationId } from './id.ts'
import { adviceOf } from './policy.ts'
import { elsewhereText, proofText } from './proof-text.ts'
import { askRegistry, checkConsent, planQuestion, recordAsked } from './registry.ts'
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
  /** Of a number that has no record here, given by another province: its two digits. Absent elsewhere. */
  readonly birthProvince?: string
  /** The unverified visit that this check answers; absent where somebody asked. */
  readonly unverifiedVisit?: string
  /** By what the same question can be asked of another state of the copy. Null: it must not; absent in older entries. */
  readonly asked?: Asked | null
}

/**
 * Who is this, and what does their insurance cover on the service date? Answered only once it stands in the log.
 * `untilMs`: when the caller stops waiting, if it said so; the population registry has no longer than that.
 */
export async function verify(
  scope: Scope,
  caller: Principal,
  request: VerificationRequest,
  idempotency: Idempotency | null,
  untilMs: number | null = null,
): Promise<VerificationAnswer> {
  refuseGuessing(scope, caller, request)
  const checked = await check(scope, request)
  const { checkedAt, outcome, found, checkpoint } = checked
  if (found !== null && caller.facility !== null) {
    scope.service.limits.guessing.note(caller.facility, found, checkedAt.getTime())
  }
  const plan = planQuestion(scope, request, checked.evidence, checked.details.answer.identity.assurance, untilMs)
  const details = plan?.asks
    ? { ...checked.details, answer: recordAsked(checked.details.answer, plan) }
    : checked.details
  const row = prepare(scope.service.dataKeys, {
    recordedAt: checkedAt,
    kind: 'verification',
    facility: caller.facility,
    outcome: plan?.asks ? { ...outcome, registry: 'asked' } : outcome,
    details: JSON.stringify(details),
    client: caller.clientId,
    subject: details.person,
    idempotency,
  })
  const appended = await scope.append(row)
  if (appended.outcome === 'appended') {
    scope.service.metrics.decided(details.answer.code, details.answer.identity.assurance)
  }
  const answer = receipt(scope, caller, appended, details, row.leafHash, checkpoint)
  // a repeated request asks nobody again
  return plan === null || appended.outcome !== 'appended' ? answer : askRegistry(scope, caller, plan, untilMs, answer)
}

/** Typed evidence only: it is how numbers are tried. A scan goes on, and a patient is never sent away. */
function refuseGuessing(scope: Scope, caller: Principal, request: VerificationRequest): void {
  const { kind } = request.evidence
  if (kind === 'chipIdQr' || kind === 'chipIdMrz' || kind === 'insuranceCardQr' || caller.facility === null) return
  if (scope.service.limits.guessing.suspects(caller.facility, scope.now().getTime())) {
    throw new ServiceError('guessing_suspected')
  }
}

export interface Checked {
  readonly checkedAt: Date
  readonly outcome: EntryOutcome
  readonly details: VerificationDetails
  readonly evidence: Evidence
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
  checkConsent(request.registryConsent, checkedAt)
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
    asked: askedOf(dataKeys, names, evidence, comparison, copy?.watermark?.loadedAt ?? null),
    ...birthElsewhere(evidence, decision),
  }
  const outcome = {
    decision: decision.decision,
    code: decision.code,
    cause: decision.cause,
    method: evidence.method,
    assurance: answer.identity.assurance,
  }
  const found = copy === null || evidence.number === null ? null : comparison?.match === 'matches'
  return { checkedAt, outcome, details, evidence, found, checkpoint: copy?.checkpoint ?? null }
}

const OWN_PROVINCE = '38'

function birthElsewhere(evidence: Evidence, { code }: Decision): Pick<VerificationDetails, 'birthProvince'> {
  if (code !== 'not_found' || evidence.citizenId === null) return {}
  const birthProvince = birthProvinceCode(evidence.citizenId)
  return birthProvince === null || birthProvince === OWN_PROVINCE ? {} : { birthProvince }
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
      copy: copyState(scope, copy?.watermark ?? null, now),
    },
    serviceDate,
  )
  const { method } = evidence
  const { identityPolicy } = scope.service.config
  const advice = adviceOf(identityPolicy, { purpose: request.purpose, method, assurance: evidence.assurance })
  const warned = {
    ...decision,
    warnings: [
      ...decision.warnings,
      ...evidenceWarnings(evidence, comparison, decision),
      ...(advice === null ? [] : [advice]),
    ],
  }
  return request.portalAnswer === undefined
    ? { ...warned, vssCodeSource: 'copy' }
    : withPortalAnswer(warned, request.portalAnswer.code)
}

/** `watermark`: null where the copy could not be read, or was never loaded. */
export function copyState(
  { service: { config } }: Pick<Job, 'service'>,
  watermark: Pick<Watermark, 'asOf' | 'incomplete'> | null,
  now: Date,
): EntitlementFacts['copy'] {
  if (watermark === null) return 'failed'
  const ageMs = now.getTime() - watermark.asOf.getTime()
  if (ageMs > config.copyStaleAfterMs) return 'stale'
  if (ageMs > config.copyLateAfterMs) return 'late'
  return watermark.incomplete ? 'incomplete' : 'fresh'
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
      return withReceipt(scope, caller.facility ?? '', appended, details, leafHash, checkpoint)
    case 'repeated': {
      const earlier = JSON.parse(appended.details) as VerificationDetails // our own text, authenticated by its seal
      return withReceipt(scope, caller.facility ?? '', appended, earlier, base64(appended.leafHash), checkpoint)
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
  { logId, index }: EntryAt,
  details: VerificationDetails,
  leafHash: string,
  checkpoint: CopyRead['checkpoint'],
): VerificationAnswer {
  const deed = { logId, index, facility, person: details.person }
  const { checkedAt, serviceDate, decision, code, cause, vssCode, vssCodeSource, warnings, ...rest } = details.answer
  return {
    id: verificationId(logId, index),
    checkedAt,
    serviceDate,
    decision,
    code,
    cause,
    vssCode,
    vssCodeSource,
    warnings,
    ...textsOf(details),
    ...rest,
    receipt: {
      checkCode: checkCode(scope.service.dataKeys, deed),
      log: String(logId),
      index,
      leafHash,
      // of another log it would say nothing of this entry
      checkpoint: checkpoint?.logId === logId ? { size: checkpoint.size, rootHash: checkpoint.rootHash } : null,
    },
  }
}

/** What was decided, what the desk minds beside it, and how the person was proven. */
function textsOf({ answer, birthProvince }: VerificationDetails): Texts {
  const { desk, integrator } = textsFor(answer)
  const elsewhere = birthProvince === undefined ? '' : elsewhereText(birthProvince, answer.serviceDate)
  return { desk: [desk, elsewhere, proofText(answer.identity)].filter((text) => text !== '').join(' '), integrator }
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
