import type { Principal } from '../access/principal.ts'
import { LOG_ID } from '../audit/log-id.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { ClaimShareAnswer } from './answer.ts'
import { appendByFacility } from './by-facility.ts'
import type { ShareStatus } from './entry.ts'
import { answerOf, findOwnShare, type OwnShare, readClaimShare } from './read.ts'
import type { ClaimWithdrawal } from './request.ts'
import { appendWithdrawal } from './store.ts'

const ROUNDS_MAX = 3

/**
 * A facility takes a share back, without another version of its visit. The entry stays, with the reason beside it; what was
 * to be sent is not sent. Taken back twice is taken back once. Refused once the insurer has the file or may have it: there
 * only a corrected version replaces it. (A file that a killed sender left no word of may be there, too.)
 */
export async function withdrawShare(
  scope: Scope,
  caller: Principal,
  id: string,
  { reason }: ClaimWithdrawal,
): Promise<ClaimShareAnswer> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const own = await findOwnShare(scope, caller, id)
    const answer = answerOf(scope.service.dataKeys, own.place, own.share) // erased: told, nothing is written
    if (answer.status === 'withdrawn') return answer
    if (own.share.state?.isUnderWay === true || isWithInsurer(answer))
      throw new ServiceError('claim_share_with_insurer')
    if (await append(scope, caller, own, reason)) return readClaimShare(scope, caller, id)
  }
  throw new ServiceError('claim_share_busy')
}

/** By the last word on where the file is: `held` and `deadLetter` say nothing of it. What was returned has no effect there. */
function isWithInsurer({ receipts }: Pick<ClaimShareAnswer, 'receipts'>): boolean {
  const last = receipts.findLast(({ status }) => PLACES.has(status))
  return last !== undefined && last.status !== 'returned'
}

const PLACES: ReadonlySet<ShareStatus> = new Set(['sent', 'received', 'returned'])

function append(scope: Scope, caller: Principal, own: OwnShare, reason: string): Promise<boolean> {
  const change = { share: own.place, expected: own.share.transitions.length }
  return appendByFacility(scope, caller, own, {
    outcome: { status: 'withdrawn', maKetQua: null },
    details: { maGiaoDich: null, thoiGianTiepNhan: null, errors: [], reason },
    statement: (sql, row) => appendWithdrawal(sql, LOG_ID, row, change),
  })
}
