import type { Principal } from '../access/principal.ts'
import { logFailure, prepare } from '../audit/log.ts'
import { LOG_ID } from '../audit/log-id.ts'
import { hex } from '../audit/store.ts'
import type { Pseudonym } from '../data-keys.ts'
import { QueueFull } from '../db/group.ts'
import { DatabaseSilent } from '../db/pool.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { ClaimShareAnswer } from './answer.ts'
import type { ClaimDeliveryDetails } from './details.ts'
import { type ClaimDeliveryOutcome, claimShareBodySchema } from './entry.ts'
import { answerOf, findOwnShare, type OwnShare, readClaimShare, receiptOf } from './read.ts'
import type { ClaimReceipt } from './request.ts'
import { appendReceipt } from './store.ts'

const ROUNDS_MAX = 3

/**
 * A facility attaches what the insurer answered to its own program. The same receipt again is the one that stands there; a
 * later one (the portal returns a dossier hours after it took it) is one more, and the share's status follows it.
 */
export async function attachReceipt(
  scope: Scope,
  caller: Principal,
  id: string,
  receipt: ClaimReceipt,
): Promise<ClaimShareAnswer> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const own = await findOwnShare(scope, caller, id)
    const answer = answerOf(scope.service.dataKeys, own.place, own.share) // erased: told, nothing is written
    if (answer.delivery !== 'recordOnly') throw new ServiceError('claim_receipt_unexpected')
    const isThere = own.share.transitions.some((each) => {
      const { maKetQua, maGiaoDich } = receiptOf(scope.service.dataKeys, each)
      return maKetQua === receipt.maKetQua && maGiaoDich === receipt.maGiaoDich
    })
    if (isThere || (await append(scope, caller, own, receipt))) return readClaimShare(scope, caller, id)
  }
  throw new ServiceError('claim_share_busy')
}

/** False: another receipt came first. */
async function append(scope: Scope, caller: Principal, own: OwnShare, receipt: ClaimReceipt): Promise<boolean> {
  const { subject, body, transitions } = own.share
  const { facility } = claimShareBodySchema.parse(JSON.parse(body))
  const status = receipt.maKetQua === '200' ? 'received' : 'returned'
  const outcome: ClaimDeliveryOutcome = { share: own.place, status, by: 'facility', maKetQua: receipt.maKetQua }
  const details: ClaimDeliveryDetails = {
    v: 1,
    share: own.place,
    maGiaoDich: receipt.maGiaoDich,
    thoiGianTiepNhan: receipt.thoiGianTiepNhan,
    errors: receipt.errors ?? [],
    reason: null,
  }
  const row = prepare(scope.service.dataKeys, {
    recordedAt: scope.now(),
    kind: 'claimDelivery',
    facility,
    outcome,
    details: JSON.stringify(details),
    client: caller.clientId,
    // the person's, so that an erasure takes it too
    subject: subject === null ? null : (hex(subject) as Pseudonym),
    idempotency: null,
  })
  const change = { share: own.place, expected: transitions.length, status } as const
  const { result } = await scope
    .query((sql) => appendReceipt(sql, LOG_ID, row, change))
    .catch((error: unknown) => {
      if (error instanceof DatabaseSilent) throw new ServiceError('log_outcome_unknown', { cause: error })
      throw error instanceof QueueFull ? error : logFailure(error)
    })
  return result === 'done'
}
