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
import { type ClaimDeliveryOutcome, claimShareBodySchema, type ShareStatus } from './entry.ts'
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

/** False: something else became of it first. */
async function append(scope: Scope, caller: Principal, own: OwnShare, reason: string): Promise<boolean> {
  const { subject, body, transitions } = own.share
  const { facility } = claimShareBodySchema.parse(JSON.parse(body))
  const outcome: ClaimDeliveryOutcome = { share: own.place, status: 'withdrawn', by: 'facility', maKetQua: null }
  const nothing = { maGiaoDich: null, thoiGianTiepNhan: null, errors: [] }
  const details: ClaimDeliveryDetails = { v: 1, share: own.place, ...nothing, reason }
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
  const { result } = await scope
    .query((sql) => appendWithdrawal(sql, LOG_ID, row, { share: own.place, expected: transitions.length }))
    .catch((error: unknown) => {
      if (error instanceof DatabaseSilent) throw new ServiceError('log_outcome_unknown', { cause: error })
      throw error instanceof QueueFull ? error : logFailure(error)
    })
  return result === 'done'
}
