import { z } from 'zod'
import { VISIT_ID } from '../unverified-visit/id.ts'
import { receiptSchema } from '../verification/answer-schema.ts'
import { VERIFICATION_ID } from '../verification/id.ts'
import type { ClaimShareAnswer } from './answer.ts'
import { FINDING_CODES } from './dossier/finding.ts'
import { FINDING_TEXTS } from './dossier/finding-text.ts'
import { DELIVERIES, SHARE_KINDS, SHARE_STATUSES, SIGNATURE_OUTCOMES } from './entry.ts'
import { CLAIM_SHARE_ID } from './id.ts'
import type { ClaimShareLine } from './read.ts'

/** What a share answers, for the document and for tests: answers are built by types, not validated at run time. */
const instant = z.iso.datetime({ precision: 3 }).max(24)
const amount = z
  .string()
  .max(26)
  .regex(/^-?\d{1,15}(\.\d{1,9})?$/)
  .nullable()
const id = z.string().max(17).regex(CLAIM_SHARE_ID)
const line = (max: number) => z.string().max(max)

const findingSchema = z
  .strictObject({
    code: z.enum(FINDING_CODES).meta({ description: Object.keys(FINDING_TEXTS).join(', ') }),
    table: line(8).nullable().meta({ description: '`XML1`; null: the envelope, or what came beside it.' }),
    row: z.int().min(1).nullable(),
    field: line(48).nullable(),
    path: line(400).meta({ description: 'Where it stands, as XPath writes it. Never a value.' }),
    desk: line(600),
    integrator: line(600),
  })
  .meta({ id: 'DossierFinding' })

const signatureSchema = z
  .strictObject({
    outcome: z.enum(SIGNATURE_OUTCOMES),
    why: line(32).nullable(),
    certificate: z
      .strictObject({
        subject: line(512),
        issuer: line(512),
        serial: line(64),
        validFrom: instant,
        validTo: instant,
        fingerprint: z
          .string()
          .max(64)
          .regex(/^[0-9a-f]{64}$/),
      })
      .nullable()
      .meta({ description: 'As it says of itself: no chain is built, so no name in it is proven.' }),
  })
  .meta({ id: 'DossierSignature' })

const shareReceiptSchema = z
  .strictObject({
    at: instant,
    by: z.enum(['sender', 'facility']),
    status: z.enum(SHARE_STATUSES),
    maKetQua: line(3).nullable(),
    maGiaoDich: line(64).nullable(),
    thoiGianTiepNhan: line(14).nullable(),
    errors: z
      .array(z.strictObject({ maLoi: line(32), moTaLoi: line(1_000) }))
      .max(100)
      .readonly(),
    reason: line(500).nullable(),
  })
  .meta({ id: 'ShareReceipt' })

const checkIdSchema = z.union([z.string().max(17).regex(VERIFICATION_ID), z.string().max(17).regex(VISIT_ID)]).meta({
  description: 'The check; with `u` the unverified visit. Null: no check of this facility and person has the code.',
})

export const claimShareSchema = z
  .strictObject({
    id,
    recordedAt: instant,
    kind: z.enum(SHARE_KINDS),
    visitId: line(100),
    version: z.int().min(1).meta({ description: 'Of the visit’s shares of this kind.' }),
    previous: id.nullable(),
    supersededBy: id.nullable().meta({ description: 'The next version.' }),
    reason: line(500).nullable(),
    basis: line(200).nullable(),
    delivery: z.enum(DELIVERIES),
    status: z.enum(SHARE_STATUSES).meta({
      description:
        '`recorded`, `sent`, `received`, `returned` (see `receipts`), `held` while the insurer is unreachable, `withdrawn`, `deadLetter`: given up.',
    }),
    attempts: z.int().min(0),
    lastFailure: line(64).nullable(),
    nextAttemptAt: instant.nullable(),
    settlementMonth: z
      .string()
      .max(7)
      .regex(/^\d{4}-\d{2}$/)
      .nullable()
      .meta({ description: 'Of NAM_QT and THANG_QT.' }),
    amounts: z.strictObject({
      tTongChiBv: amount,
      tTongChiBh: amount,
      tBntt: amount,
      tBncct: amount,
      tBhtt: amount,
    }),
    standard: line(8).meta({ description: 'The decision it was checked against, by the last day of the visit.' }),
    checks: z
      .array(z.strictObject({ code: line(16), verification: checkIdSchema.nullable() }))
      .max(20)
      .readonly(),
    noCheckReason: line(500).nullable(),
    findings: z
      .array(findingSchema)
      .max(200)
      .readonly()
      .meta({ description: 'What the insurer will not like. They refuse nothing.' }),
    findingsTotal: z.int().min(0),
    restricted: z.literal('hiv').nullable(),
    signature: signatureSchema,
    receipts: z.array(shareReceiptSchema).max(1_000).readonly(),
    receipt: receiptSchema.omit({ checkCode: true }),
  })
  .meta({ id: 'ClaimShare' })

const { visitId, ...shape } = claimShareSchema.shape

export const claimShareLineSchema = z
  .strictObject({
    id: shape.id,
    recordedAt: shape.recordedAt,
    kind: shape.kind,
    visitId: visitId.nullable().meta({ description: 'Null: its details were erased.' }),
    version: shape.version,
    supersededBy: shape.supersededBy,
    delivery: shape.delivery,
    status: shape.status,
    attempts: shape.attempts,
    nextAttemptAt: shape.nextAttemptAt,
    settlementMonth: shape.settlementMonth,
    amounts: shape.amounts,
    findingsTotal: shape.findingsTotal,
  })
  .meta({ id: 'ClaimShareLine' })

type Told<T> = { [K in keyof T]: T[K] }
type Fits<A, B> = [A] extends [B] ? true : never
/** Fails to compile when an answer has what its schema does not. */
export const shareFitsItsSchema: Fits<keyof ClaimShareAnswer, keyof z.infer<typeof claimShareSchema>> = true
export const lineFitsItsSchema: Fits<Told<ClaimShareLine>, Told<z.infer<typeof claimShareLineSchema>>> = true
