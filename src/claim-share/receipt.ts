import type { Principal } from '../access/principal.ts'
import { LOG_ID } from '../audit/log-id.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { ClaimShareAnswer } from './answer.ts'
import { appendByFacility } from './by-facility.ts'
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
function append(scope: Scope, caller: Principal, own: OwnShare, receipt: ClaimReceipt): Promise<boolean> {
  const { maKetQua, maGiaoDich, thoiGianTiepNhan, errors = [] } = receipt
  const status = maKetQua === '200' ? 'received' : 'returned'
  const change = { share: own.place, expected: own.share.transitions.length, status } as const
  return appendByFacility(scope, caller, own, {
    outcome: { status, maKetQua },
    details: { maGiaoDich, thoiGianTiepNhan, errors, reason: null },
    statement: (sql, row) => appendReceipt(sql, LOG_ID, row, change),
  })
}
