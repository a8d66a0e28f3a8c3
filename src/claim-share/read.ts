import type { Principal } from '../access/principal.ts'
import { LOG_ID } from '../audit/log.ts'
import type { DataKeys } from '../data-keys.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { base64 } from '../verification/verify.ts'
import { type ClaimShareAnswer, claimShareAnswer, type ShareReceipt } from './answer.ts'
import { openClaimDelivery, openClaimShare } from './details.ts'
import { claimDeliveryBodySchema, claimShareBodySchema } from './entry.ts'
import { claimShareId, readClaimShareId } from './id.ts'
import { findShare, listShares, type ShareQuery, type StoredShare, type StoredTransition } from './store.ts'

/** A share of the caller's own facility, with all that became of it. A foreign one and none are one answer. */
export async function readClaimShare(scope: Scope, caller: Principal, id: string): Promise<ClaimShareAnswer> {
  const { index, share } = await findOwnShare(scope, caller, id)
  return answerOf(scope.service.dataKeys, index, share)
}

export interface OwnShare {
  readonly index: number
  readonly share: StoredShare
}

export async function findOwnShare(scope: Scope, caller: Principal, id: string): Promise<OwnShare> {
  const place = readClaimShareId(id)
  if (place === null || place.logId !== LOG_ID) throw new ServiceError('claim_share_not_found')
  const share = await scope.query((sql) => findShare(sql, LOG_ID, place.index)).catch(unavailable)
  if (share === null) throw new ServiceError('claim_share_not_found')
  // an entry of another kind has no place of that kind
  if (share.place === null || caller.facility === null || share.place.facility !== caller.facility) {
    throw new ServiceError('claim_share_not_found')
  }
  return { index: place.index, share }
}

export function answerOf(keys: DataKeys, index: number, share: StoredShare): ClaimShareAnswer {
  const { place } = share
  if (share.sealed === null || place === null) throw new ServiceError('claim_share_erased')
  const { recordedAt, outcome } = claimShareBodySchema.parse(JSON.parse(share.body))
  return claimShareAnswer({
    index,
    recordedAt,
    outcome,
    leafHash: base64(share.leafHash),
    details: openClaimShare(keys, share.subject, share.sealed),
    place,
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
  const items = page.map(({ index, body, subject, sealed, ...place }): ClaimShareLine => {
    const { recordedAt, outcome } = claimShareBodySchema.parse(JSON.parse(body))
    const { share: kind, version, delivery, settlementMonth, findings, ...rest } = outcome
    const { tTongChiBv, tTongChiBh, tBntt, tBncct, tBhtt } = rest
    return {
      id: claimShareId(LOG_ID, index),
      recordedAt,
      kind,
      visitId: sealed === null ? null : openClaimShare(scope.service.dataKeys, subject, sealed).visitId,
      version,
      supersededBy: place.supersededBy === null ? null : claimShareId(LOG_ID, place.supersededBy),
      delivery,
      status: place.status,
      attempts: place.attempts,
      nextAttemptAt: place.nextAttemptAt,
      settlementMonth,
      amounts: { tTongChiBv, tTongChiBh, tBntt, tBncct, tBhtt },
      findingsTotal: findings,
    }
  })
  return { items, next: found.length > query.limit ? (page.at(-1)?.index ?? null) : null }
}

export function unavailable(cause: unknown): never {
  throw new ServiceError('database_unavailable', { cause })
}
