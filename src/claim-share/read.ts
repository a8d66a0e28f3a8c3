import type { Principal } from '../access/principal.ts'
import { LOG_ID, placeOf } from '../audit/log-id.ts'
import type { DataKeys } from '../data-keys.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { base64 } from '../verification/verify.ts'
import { type ClaimShareAnswer, claimShareAnswer, type ShareReceipt } from './answer.ts'
import { openClaimDelivery, openClaimShare } from './details.ts'
import { claimDeliveryBodySchema, claimShareBodySchema } from './entry.ts'
import { readClaimShareId, shareIdAt } from './id.ts'
import { findShare, listShares, type ShareQuery, type StoredShare, type StoredTransition } from './store.ts'

/** A share of the caller's own facility, with all that became of it. A foreign one and none are one answer. */
export async function readClaimShare(scope: Scope, caller: Principal, id: string): Promise<ClaimShareAnswer> {
  const { place, share } = await findOwnShare(scope, caller, id)
  return answerOf(scope.service.dataKeys, place, share)
}

export interface OwnShare {
  readonly place: number
  readonly share: StoredShare
}

export async function findOwnShare(scope: Scope, caller: Principal, id: string): Promise<OwnShare> {
  const at = readClaimShareId(id)
  if (at === null) throw new ServiceError('claim_share_not_found')
  const place = placeOf(at)
  const share = await scope.query((sql) => findShare(sql, LOG_ID, place)).catch(unavailable)
  if (share === null) throw new ServiceError('claim_share_not_found')
  // an entry of another kind is on no way
  if (share.state === null || caller.facility === null || share.state.facility !== caller.facility) {
    throw new ServiceError('claim_share_not_found')
  }
  return { place, share }
}

export function answerOf(keys: DataKeys, place: number, share: StoredShare): ClaimShareAnswer {
  const { state } = share
  if (share.sealed === null || state === null) throw new ServiceError('claim_share_erased')
  const { recordedAt, outcome } = claimShareBodySchema.parse(JSON.parse(share.body))
  return claimShareAnswer({
    place,
    recordedAt,
    outcome,
    leafHash: base64(share.leafHash),
    details: openClaimShare(keys, share.subject, share.sealed),
    state,
    receipts: share.transitions.map((each) => receiptOf(keys, each)),
  })
}

export function receiptOf(keys: DataKeys, { body, subject, sealed }: StoredTransition): ShareReceipt {
  const { recordedAt, outcome } = claimDeliveryBodySchema.parse(JSON.parse(body))
  const details = sealed === null ? null : openClaimDelivery(keys, subject, sealed)
  return {
    at: recordedAt,
    by: outcome.by,
    status: outcome.status,
    maKetQua: outcome.maKetQua,
    maGiaoDich: details?.maGiaoDich ?? null,
    thoiGianTiepNhan: details?.thoiGianTiepNhan ?? null,
    errors: details?.errors ?? [],
    reason: details?.reason ?? null,
  }
}

/** A line of a facility's list; null members where the details were erased. */
export interface ClaimShareLine
  extends Pick<
    ClaimShareAnswer,
    | 'id'
    | 'recordedAt'
    | 'kind'
    | 'version'
    | 'supersededBy'
    | 'delivery'
    | 'status'
    | 'attempts'
    | 'nextAttemptAt'
    | 'settlementMonth'
    | 'amounts'
    | 'findingsTotal'
  > {
  readonly visitId: string | null
}

export async function listClaimShares(
  scope: Scope,
  query: ShareQuery,
): Promise<{ readonly items: readonly ClaimShareLine[]; readonly next: number | null }> {
  const found = await scope
    .query((sql) => listShares(sql, LOG_ID, { ...query, limit: query.limit + 1 })) // whether there is another page
    .catch(unavailable)
  const page = found.slice(0, query.limit)
  const items = page.map(({ place, body, subject, sealed, ...state }): ClaimShareLine => {
    const { recordedAt, outcome } = claimShareBodySchema.parse(JSON.parse(body))
    const { share: kind, version, delivery, settlementMonth, findings, ...rest } = outcome
    const { tTongChiBv, tTongChiBh, tBntt, tBncct, tBhtt } = rest
    return {
      id: shareIdAt(place),
      recordedAt,
      kind,
      visitId: sealed === null ? null : openClaimShare(scope.service.dataKeys, subject, sealed).visitId,
      version,
      supersededBy: state.supersededBy === null ? null : shareIdAt(state.supersededBy),
      delivery,
      status: state.status,
      attempts: state.attempts,
      nextAttemptAt: state.nextAttemptAt,
      settlementMonth,
      amounts: { tTongChiBv, tTongChiBh, tBntt, tBncct, tBhtt },
      findingsTotal: findings,
    }
  })
  return { items, next: found.length > query.limit ? (page.at(-1)?.place ?? null) : null }
}

export function unavailable(cause: unknown): never {
  throw new ServiceError('database_unavailable', { cause })
}
