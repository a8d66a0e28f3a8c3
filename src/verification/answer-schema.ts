import { z } from 'zod'
import type { Brand } from '../brand.ts'
import { COVERAGE_STATUSES } from '../coverage/status.ts'
import { DECISION_CODES, type DecisionCode, WARNINGS } from '../entitlement/decision-code.ts'
import { ASSURANCES } from '../identity/assurance.ts'
import type { VerificationAnswer } from './answer.ts'
import { VERIFICATION_ID } from './id.ts'
import type { ReadAnswer } from './read.ts'

/** What a verification answers, for the document and for tests: answers are built by types, not validated at run time. */
const day = z.iso.date().max(10)
export const instant = z.iso.datetime({ precision: 3 }).max(24)
export const text = z.string().min(1).max(600)
const codes = Object.keys(DECISION_CODES) as [DecisionCode, ...DecisionCode[]]

const coverageSchema = z
  .strictObject({
    cardNumber: z
      .string()
      .max(15)
      .regex(/^[A-Z0-9*]{15}$/)
      .meta({ description: 'Masked for auditors.' }),
    group: z
      .string()
      .regex(/^[A-Z]{2}$/)
      .max(2),
    level: z.int().min(1).max(5),
    ratePercent: z.null().meta({ description: 'Not computed yet.' }),
    rateStatus: z.literal('provisional'),
    validFrom: day,
    validTo: day.nullable(),
    registeredFacility: z
      .string()
      .regex(/^[0-9A-Z]{5}$/)
      .max(5),
    areaCode: z.enum(['K1', 'K2', 'K3']).nullable(),
    fiveYearsFrom: day.nullable(),
    status: z.enum([...COVERAGE_STATUSES, 'unknown']),
    statusFrom: day.nullable().meta({ description: 'The day the status took effect.' }),
    knownSince: instant.meta({ description: 'Since when our copy has known it.' }),
    applies: z.boolean().meta({ description: 'The one that the decision follows.' }),
  })
  .meta({ id: 'Coverage' })

export const receiptSchema = z
  .strictObject({
    checkCode: z
      .string()
      .max(11)
      .regex(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/),
    log: z
      .string()
      .max(4)
      .regex(/^\d{1,4}$/),
    index: z.int().min(0),
    leafHash: z
      .string()
      .max(44)
      .regex(/^[A-Za-z0-9+/]{43}=$/),
  })
  .meta({ id: 'Receipt' })

const verificationReceiptSchema = receiptSchema
  .extend({
    checkpoint: z
      .strictObject({
        size: z.int().min(0),
        rootHash: z
          .string()
          .max(44)
          .regex(/^[A-Za-z0-9+/]{43}=$/),
      })
      .nullable()
      .meta({
        description:
          'Size and root of the log as it was published when this was answered: keep it, the log is held to it. Null before the first checkpoint, or when the copy could not be read.',
      }),
  })
  .meta({ id: 'VerificationReceipt' })

export const verificationAnswerSchema = z
  .strictObject({
    id: z.string().max(17).regex(VERIFICATION_ID),
    checkedAt: instant,
    serviceDate: day,
    decision: z
      .enum(['entitled', 'notEntitled', 'undetermined'])
      .meta({ description: '`undetermined` never refuses admission.' }),
    code: z.enum(codes).meta({ id: 'DecisionCode', description: 'Each is told at /docs#decisions.' }),
    cause: z.enum(['notInCopy', 'checkPaper', 'guarded', 'evidenceMismatch', 'noMatch', 'sourceFailed']).nullable(),
    vssCode: z
      .string()
      .max(3)
      .regex(/^\d{3}$/)
      .nullable()
      .meta({ description: 'Result code of the VSS card look-up.' }),
    vssCodeSource: z.enum(['copy', 'portal']),
    warnings: z.array(z.enum(WARNINGS)).max(WARNINGS.length).readonly(),
    desk: text.meta({ description: 'Vietnamese: what the front desk does.' }),
    integrator: text.meta({ description: 'English: what the program does.' }),
    identity: z.strictObject({
      method: z.enum(['chipIdQr', 'chipIdMrz', 'chipIdTyped', 'insuranceCard', 'insuranceCardQr', 'document']),
      assurance: z.enum(ASSURANCES),
      name: z.enum(['exact', 'near', 'differs', 'notCompared']),
      birthDate: z.enum(['exact', 'coarser', 'differs', 'notCompared']),
      registry: z.enum(['confirmed', 'notConfirmed', 'unavailable', 'notAsked', 'notKept']).meta({
        description:
          'What the population registry said, told in the one answer to who asked. Where that answer is read again (by id, by Idempotency-Key) it is `notKept`: asked, and the outcome was kept nowhere. No outcome changes the decision or refuses anyone.',
      }),
      registryAsked: z
        .strictObject({ at: instant, transactionId: z.uuid().max(36) })
        .exactOptional()
        .meta({ description: 'Absent unless a question was recorded and sent.' }),
    }),
    coverages: z.array(coverageSchema).max(64).readonly(),
    data: z.strictObject({
      source: z.literal('copy'),
      asOf: instant.nullable(),
      ageSeconds: z.int().min(0).nullable(),
      feedSequence: z.int().min(0).nullable(),
    }),
    goodUntil: instant.meta({ description: 'Ask again after it. No promise of payment.' }),
    receipt: verificationReceiptSchema,
  })
  .meta({ id: 'VerificationAnswer' })

const { decision, code, cause, vssCode, warnings, coverages, data } = verificationAnswerSchema.shape

export const readAnswerSchema = verificationAnswerSchema
  .extend({
    atKnown: z
      .strictObject({
        knownAt: z.iso.datetime().max(27),
        ...{ decision, code, cause, vssCode, warnings, coverages, data },
      })
      .exactOptional()
      .meta({
        description: 'With `knownAt` alone: the same question, answered by what the copy knew at that instant.',
      }),
  })
  .meta({ id: 'ReadVerification' })

type Plain<T> = T extends Brand<string, string> ? string : T extends object ? { [K in keyof T]: Plain<T[K]> } : T
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never
/** Fails to compile when the answer and its schema part. */
export const answerFitsItsSchema: Same<Plain<VerificationAnswer>, z.infer<typeof verificationAnswerSchema>> = true
export const readAnswerFitsItsSchema: Same<Plain<ReadAnswer>, z.infer<typeof readAnswerSchema>> = true
