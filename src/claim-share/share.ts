import { createHash } from 'node:crypto'
import type { Principal } from '../access/principal.ts'
import { commitment } from '../audit/entry.ts'
import { type Deed, idempotencyDigests, logFailure, prepare } from '../audit/log.ts'
import { LOG_ID } from '../audit/log-id.ts'
import { dossierDigest, type LookupKey, namesOf, type Pseudonym, pseudonym, visitDigest } from '../data-keys.ts'
import { QueueFull } from '../db/group.ts'
import { DatabaseSilent } from '../db/pool.ts'
import { ServiceError } from '../errors.ts'
import { describeFailure } from '../event.ts'
import type { Scope } from '../scope.ts'
import { randomBytesFromPool, seal } from '../seal.ts'
import { type ClaimShareAnswer, claimShareAnswer } from './answer.ts'
import { checkCodes, namesEver } from './check-codes.ts'
import type { ClaimShareDetails } from './details.ts'
import { checkDossier } from './dossier/check.ts'
import { type Dossier, readDossier } from './dossier/dossier.ts'
import { type FindingCode, Findings } from './dossier/finding.ts'
import { saysHiv } from './dossier/hiv.ts'
import { checkSignature } from './dossier/signature.ts'
import { standardOn } from './dossier/tables.ts'
import type { ClaimShareOutcome } from './entry.ts'
import { shareIdAt } from './id.ts'
import { readClaimShare, unavailable } from './read.ts'
import type { ClaimShareRequest } from './request.ts'
import { appendShare, findVisit, holdKey, isVersionTaken, type KnownVisit, type VisitOf } from './store.ts'
import { amountsOf, type DossierSubject, subjectOf, visitShown } from './subject.ts'

/** Of each round one writer wins: whoever loses as often met as many others on one visit. */
const ROUNDS_MAX = 5

/**
 * A facility's dossier: read, checked, and recorded whole. Answered only once it stands in the log. The same bytes are the
 * share that they were; others of the visit are its next version. What is refused leaves nothing; a crash leaves nothing, or
 * the share with all that belongs to it (one statement).
 */
export async function shareClaim(
  scope: Scope,
  caller: Principal,
  request: ClaimShareRequest,
): Promise<ClaimShareAnswer> {
  const { facility } = caller
  if (facility === null) throw new ServiceError('scope_missing', { detail: 'share, of a facility' })
  const { dataKeys } = scope.service
  const now = scope.now()
  const dossier = await readDossier(request.dossier, request.kind)
  const subject = subjectOf(dossier, facility, request.visitId, now)
  const visit: VisitOf = {
    facility,
    visitKey: visitDigest(dataKeys, facility, subject.visitId),
    share: request.kind,
  }
  const sha256 = createHash('sha256').update(request.dossier).digest('hex')
  const dossierKey = dossierDigest(dataKeys, facility, sha256)
  const idempotency = idempotencyOf(request, sha256)
  const digests = idempotencyDigests(dataKeys, caller.clientId, idempotency)
  let checked: Checked | null = null
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const known = await scope
      .query((sql) => findVisit(sql, LOG_ID, visit, dossierKey, digests.idempotencyKey))
      .catch(unavailable)
    if (known.keyHeldBy !== null && known.keyHeldBy !== digests.requestDigest) {
      throw new ServiceError('idempotency_conflict')
    }
    if (known.same !== null) {
      if (idempotency !== null && known.keyHeldBy === null) {
        await scope.query((sql) => holdKey(sql, digests)).catch(unavailable)
      }
      return readClaimShare(scope, caller, shareIdAt(known.same))
    }
    refuseWithoutReason(request, subject, known)
    checked ??= await check(scope, facility, request, dossier, subject, now)
    const answer = await record(scope, caller, request, checked, { visit, dossierKey, known, idempotency })
    if (answer !== null) return answer
  }
  throw new ServiceError('claim_share_busy')
}

/** What came, byte for byte: its SHA-256 stands for the dossier's megabytes. */
function idempotencyOf({ idempotencyKey, beside }: ClaimShareRequest, sha256: string): Deed['idempotency'] {
  return idempotencyKey === null ? null : { key: idempotencyKey, request: `claim-share\n${sha256}\n${beside}` }
}

/**
 * A corrected dossier names its reason (TT 48/2017 Đ13 k9). A check-in that says when the patient was admitted to a ward is
 * none: QĐ 130 Đ3 has it sent once more there.
 */
function refuseWithoutReason(request: ClaimShareRequest, { summary }: DossierSubject, { latest }: KnownVisit): void {
  if (latest === null || request.reason !== null) return
  const isOfWard = request.kind === 'checkIn' && (summary.fields.get('NGAY_VAO_NOI_TRU') ?? '') !== ''
  if (!isOfWard) throw new ServiceError('claim_reason_missing')
}

/** All that is the same whichever version it becomes. */
interface Checked {
  readonly now: Date
  readonly person: Pseudonym | null
  readonly outcome: Omit<ClaimShareOutcome, 'version'>
  readonly details: Omit<ClaimShareDetails, 'previous'>
}

async function check(
  scope: Scope,
  facility: string,
  request: ClaimShareRequest,
  dossier: Dossier,
  subject: DossierSubject,
  now: Date,
): Promise<Checked> {
  const { dataKeys } = scope.service
  const standard = standardOn(subject.day)
  const findings = new Findings()
  checkDossier(dossier, standard, subject.day, findings)
  const signature = checkSignature(dossier, now)
  if (signature.outcome !== 'valid') tell(findings, `signature_${signature.outcome}`, '/*/CHUKYDONVI')
  const name = await nameOf(scope, subject.numbers)
  const checks = await checkCodes(scope, facility, request.checkCodes, namesEver(dataKeys, subject.numbers, name))
  for (const fault of checks.faults) tell(findings, fault, '/checkCodes')
  if (request.checkCodes.length === 0 && request.noCheckReason === null) tell(findings, 'check_missing', '/checkCodes')
  const salt = randomBytesFromPool(16)
  const person = name === null ? null : pseudonym(dataKeys, now.getUTCFullYear(), name)
  return {
    now,
    person,
    outcome: {
      share: request.kind,
      delivery: request.delivery,
      ...amountsOf(subject.summary),
      checks: checks.quoted.filter(({ index }) => index !== null).length,
      findings: findings.total,
      signature: signature.outcome,
      dossierDigest: commitment(salt, request.dossier),
    },
    details: {
      v: 1,
      share: request.kind,
      visitId: subject.visitId,
      person,
      checkCodes: checks.quoted,
      noCheckReason: request.noCheckReason,
      reason: request.reason,
      basis: request.basis,
      findings: findings.kept,
      findingsCut: findings.total > findings.kept.length,
      restricted: saysHiv(dossier.tables) ? 'hiv' : null,
      visit: visitShown(subject.summary),
      signature,
      dossierSalt: salt.toString('base64'),
      dossierBytes: request.dossier.length,
      tables: countRows(dossier),
      standard: standard.name,
    },
  }
}

function tell(findings: Findings, code: FindingCode, path: string): void {
  findings.add({ code, table: null, row: null, field: null, path })
}

/**
 * What the person is called: as our copy has them, else by the first number of the dossier. A copy that cannot be read
 * refuses nobody's claim; it is found by the number then.
 */
async function nameOf(scope: Scope, numbers: readonly string[]): Promise<LookupKey | null> {
  const [number] = numbers
  if (number === undefined) return null
  const names = namesOf(scope.service.dataKeys, number)
  try {
    return (await scope.findCoverage(names)).subject ?? names[0]
  } catch (error) {
    if (error instanceof QueueFull) throw error
    scope.report('copyUnreadable', describeFailure(error))
    return names[0]
  }
}

function countRows(dossier: Dossier): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { name, rows } of dossier.tables) counts[name] = (counts[name] ?? 0) + rows.length
  return counts
}

interface Known {
  readonly visit: VisitOf
  readonly dossierKey: string
  readonly known: KnownVisit
  readonly idempotency: Deed['idempotency']
}

/** Null: somebody else came first with this version, or with the key. */
async function record(
  scope: Scope,
  caller: Principal,
  request: ClaimShareRequest,
  checked: Checked,
  { visit, dossierKey, known, idempotency }: Known,
): Promise<ClaimShareAnswer | null> {
  const { dataKeys } = scope.service
  const version = (known.latest?.version ?? 0) + 1
  const outcome: ClaimShareOutcome = { ...checked.outcome, version }
  const details: ClaimShareDetails = { ...checked.details, previous: known.latest?.place ?? null }
  const row = prepare(dataKeys, {
    recordedAt: checked.now,
    kind: 'claimShare',
    facility: visit.facility,
    outcome,
    details: JSON.stringify(details),
    client: caller.clientId,
    subject: checked.person,
    idempotency,
  })
  const share = {
    ...visit,
    version,
    dossierKey,
    dossier: seal(dataKeys, 'claim_dossier', dossierKey, request.dossier).toString('base64'),
    delivery: request.delivery,
    settlementMonth: outcome.settlementMonth,
  }
  const acted = await scope
    .query((sql) => appendShare(sql, LOG_ID, row, share))
    .catch((error: unknown) => {
      if (isVersionTaken(error)) return null
      if (error instanceof DatabaseSilent) throw new ServiceError('log_outcome_unknown', { cause: error })
      throw error instanceof QueueFull ? error : logFailure(error)
    })
  if (acted === null || acted.place === null) return null
  const recordedAt = checked.now.toISOString()
  return claimShareAnswer({
    place: acted.place,
    leafHash: row.leafHash,
    recordedAt,
    outcome,
    details,
    state: {
      status: 'recorded',
      attempts: 0,
      lastFailure: null,
      nextAttemptAt: request.delivery === 'forward' ? recordedAt : null,
      supersededBy: null,
    },
    receipts: [],
  })
}
