import { z } from 'zod'
import { text } from '../verification/request.ts'
import { DELIVERIES, type Delivery, SHARE_KINDS, type ShareKind } from './entry.ts'

/** Arrival, during, end, and a look-up more for each card of a long stay. */
export const CHECK_CODES_MAX = 20
const REASON_CHARS_MAX = 500
const BASIS_CHARS_MAX = 200

const checkCode = z
  .string()
  .regex(/^[0-9A-Za-z-]{10,16}$/)
  .meta({ maxLength: 16, description: 'As the check was answered: `7K3M9-TQ2XH`.' })

/** What goes beside the dossier, whichever way it comes. */
const beside = {
  checkCodes: z
    .array(checkCode)
    .max(CHECK_CODES_MAX)
    .optional()
    .meta({ description: 'Of the checks of this person at this facility. A wrong one is a finding, no refusal.' }),
  noCheckReason: text(1, REASON_CHARS_MAX).optional().meta({ description: 'Why no check is quoted.' }),
  delivery: z
    .enum(DELIVERIES)
    .optional()
    .meta({ description: '`recordOnly` (default): your own program sends it. `forward`: we send it.' }),
  reason: text(1, REASON_CHARS_MAX)
    .optional()
    .meta({ description: 'Why a visit that was shared is shared again (TT 48/2017 Đ13 k9); required then.' }),
  basis: text(1, BASIS_CHARS_MAX).optional().meta({ description: 'On what basis: a number of a paper, an agreement.' }),
}

export const claimShareRequestSchema = z
  .strictObject({
    kind: z.enum(SHARE_KINDS).meta({ description: '`claim`: GIAMDINHHS. `checkIn`: CHI_TIEU_TRANG_THAI_KCB.' }),
    visitId: text(1, 100).meta({ description: 'MA_LK of the dossier.' }),
    ...beside,
    dossier: z
      .string()
      .min(4)
      .max(8 * 1024 * 1024)
      .regex(/^[A-Za-z0-9+/]+={0,2}$/)
      .meta({ description: 'Base64 of the signed file, without spaces. Kept byte for byte.' }),
  })
  .meta({ id: 'ClaimShareRequest' })

/** What a body in `application/xml` has in its headers; see `http/claim-shares.ts`. */
export const claimHeadersSchema = z.strictObject({ kind: z.enum(SHARE_KINDS).optional(), ...beside })

/** One dossier as it came. */
export interface ClaimShareRequest {
  readonly kind: ShareKind
  /** Null: it is read from the dossier. */
  readonly visitId: string | null
  readonly checkCodes: readonly string[]
  readonly noCheckReason: string | null
  readonly delivery: Delivery
  readonly reason: string | null
  readonly basis: string | null
  readonly dossier: Uint8Array
  readonly idempotencyKey: string | null
  /** All but the dossier, as one text: with it, what the Idempotency-Key stands for. */
  readonly beside: string
}

type Beside = z.infer<typeof claimHeadersSchema> & { readonly visitId?: string }

export function claimShareRequest(told: Beside, dossier: Uint8Array, idempotencyKey: string | null): ClaimShareRequest {
  const rest = {
    kind: told.kind ?? 'claim',
    visitId: told.visitId ?? null,
    checkCodes: told.checkCodes ?? [],
    noCheckReason: told.noCheckReason ?? null,
    delivery: told.delivery ?? 'recordOnly',
    reason: told.reason ?? null,
    basis: told.basis ?? null,
  }
  return { ...rest, dossier, idempotencyKey, beside: JSON.stringify(rest) }
}

/** The insurer's receipt of a dossier that the facility sent by its own program. */
export const claimReceiptSchema = z
  .strictObject({
    maKetQua: z
      .string()
      .max(3)
      .regex(/^2\d\d$/)
      .meta({
        description: '200: received; any other of 2xx: returned. Others are no receipt: the portal did not take it.',
      }),
    maGiaoDich: text(1, 64),
    thoiGianTiepNhan: z
      .string()
      .max(14)
      .regex(/^20\d{12}$/)
      .meta({ description: 'yyyyMMddHHmmss, as the portal gives it.' }),
    errors: z
      .array(z.strictObject({ maLoi: text(1, 32), moTaLoi: text(1, 1_000) }))
      .max(100)
      .optional()
      .meta({ description: 'Of a dossier that was returned. Kept sealed.' }),
  })
  .meta({ id: 'ClaimReceipt' })

/** Why a share is taken back. */
export const claimWithdrawalSchema = z
  .strictObject({
    reason: text(1, REASON_CHARS_MAX).meta({ description: 'Why; kept sealed, shown to auditors with the entry.' }),
  })
  .meta({ id: 'ClaimWithdrawal' })

export type ClaimWithdrawal = z.infer<typeof claimWithdrawalSchema>

export type ClaimReceipt = z.infer<typeof claimReceiptSchema>
