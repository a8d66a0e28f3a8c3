import { prepare } from '../../audit/log.ts'
import type { PendingRow } from '../../audit/store.ts'
import type { DataKeys, Pseudonym } from '../../data-keys.ts'
import type { ClaimDeliveryDetails } from '../details.ts'
import type { ClaimDeliveryOutcome } from '../entry.ts'
import type { FileError, InsurerReceipt } from './answer.ts'

/** Who did it, in the entries of the sender. */
const CLIENT = 'service:send'

export interface DeliverySaid {
  readonly status: ClaimDeliveryOutcome['status']
  readonly maKetQua: string | null
  readonly receipt: InsurerReceipt | null
  readonly errors: readonly FileError[]
  /** Why, where it is not what the insurer said. */
  readonly reason: string | null
}

/** A transition as it stands in the log: codes in the open; the receipt and the insurer's words are sealed with the share's person. */
export function deliveryEntry(
  keys: DataKeys,
  now: Date,
  share: { readonly place: number; readonly facility: string; readonly subject: Pseudonym | null },
  said: DeliverySaid,
): PendingRow {
  const outcome: ClaimDeliveryOutcome = {
    share: share.place,
    status: said.status,
    by: 'sender',
    maKetQua: said.maKetQua,
  }
  const details: ClaimDeliveryDetails = {
    v: 1,
    share: share.place,
    maGiaoDich: said.receipt?.maGiaoDich ?? null,
    thoiGianTiepNhan: said.receipt?.thoiGianTiepNhan ?? null,
    errors: said.errors,
    reason: said.reason,
  }
  return prepare(keys, {
    recordedAt: now,
    kind: 'claimDelivery',
    facility: share.facility,
    outcome: { ...outcome },
    details: JSON.stringify(details),
    client: CLIENT,
    subject: share.subject,
    idempotency: null,
  })
}
