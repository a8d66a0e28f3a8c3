import { z } from 'zod'

/**
 * What the log says of claim shares in the open: one entry `claimShare` a version, one `claimDelivery` a transition
 * (attempts have none). Codes and amounts only; whom and which visit it is about is in the sealed details.
 */
export const SHARE_KINDS = ['claim', 'checkIn'] as const
export type ShareKind = (typeof SHARE_KINDS)[number]

export const DELIVERIES = ['recordOnly', 'forward'] as const
export type Delivery = (typeof DELIVERIES)[number]

/** `deadLetter`: given up, somebody has to look at it. */
export const SHARE_STATUSES = ['recorded', 'sent', 'received', 'returned', 'held', 'withdrawn', 'deadLetter'] as const
export type ShareStatus = (typeof SHARE_STATUSES)[number]

/** `unverifiable`: made with what we do not take (a weak algorithm, a reference elsewhere); see `dossier/signature.ts`. */
export const SIGNATURE_OUTCOMES = ['valid', 'invalid', 'unverifiable', 'absent'] as const
export type SignatureOutcome = (typeof SIGNATURE_OUTCOMES)[number]

/** A decimal as the dossier has it; null where it has none, or no number. */
const amount = z
  .string()
  .regex(/^-?\d{1,15}(\.\d{1,9})?$/)
  .nullable()

export const claimShareOutcomeSchema = z.strictObject({
  share: z.enum(SHARE_KINDS),
  /** Of the visit's shares of this kind; the first is 1. */
  version: z.int().min(1),
  delivery: z.enum(DELIVERIES),
  settlementMonth: z
    .string()
    .regex(/^\d{4}-(0[1-9]|1[0-2])$/)
    .nullable(),
  tTongChiBv: amount,
  tTongChiBh: amount,
  tBntt: amount,
  tBncct: amount,
  tBhtt: amount,
  /** Checks quoted that are genuine, of this facility and of this person. */
  checks: z.int().min(0),
  findings: z.int().min(0),
  signature: z.enum(SIGNATURE_OUTCOMES),
  /** Base64 of SHA-256(salt ‖ bytes); the salt is in the details. */
  dossierDigest: z.string(),
})

export type ClaimShareOutcome = z.infer<typeof claimShareOutcomeSchema>

export const claimDeliveryOutcomeSchema = z.strictObject({
  /** Place of the share (`placeOf`): it may stand in a log before this entry's; in the first log, its leaf index. */
  share: z.int().min(0),
  status: z.enum(SHARE_STATUSES).exclude(['recorded']),
  /** `facility`: it attached the receipt, or took the share back. */
  by: z.enum(['sender', 'facility']),
  maKetQua: z.string().nullable(),
})

export type ClaimDeliveryOutcome = z.infer<typeof claimDeliveryOutcomeSchema>

/** A body of these kinds, opened. */
export const claimShareBodySchema = z.object({
  v: z.literal(1),
  recordedAt: z.iso.datetime({ precision: 3 }),
  kind: z.literal('claimShare'),
  facility: z.string(),
  outcome: claimShareOutcomeSchema,
})

export const claimDeliveryBodySchema = z.object({
  v: z.literal(1),
  recordedAt: z.iso.datetime({ precision: 3 }),
  kind: z.literal('claimDelivery'),
  facility: z.string(),
  outcome: claimDeliveryOutcomeSchema,
})
