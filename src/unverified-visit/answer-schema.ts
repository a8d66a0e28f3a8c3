import { z } from 'zod'
import type { Brand } from '../brand.ts'
import { instant, receiptSchema, text, verificationAnswerSchema } from '../verification/answer-schema.ts'
import { VISIT_ID } from './id.ts'
import type { VisitAnswer } from './read.ts'
import type { RecordedVisit } from './record.ts'

/** What an unverified visit answers, for the document and for tests, as `verification/answer-schema.ts` is for the other. */
const id = z.string().max(17).regex(VISIT_ID)
const line = {
  name: z.string().min(1).max(32),
  vi: text.meta({ description: 'Vietnamese.' }),
  en: text.meta({ description: 'English.' }),
}
const failed = z.strictObject({ at: instant, code: z.string().min(1).max(32) })

const legalRecordSchema = z
  .strictObject({
    basis: text,
    vi: line.vi,
    en: line.en,
    filled: z
      .array(
        z.strictObject({
          ...line,
          value: z.union([
            z.string().max(100),
            z.array(instant).max(500).readonly(),
            z.array(failed).max(20).readonly(),
          ]),
        }),
      )
      .max(16)
      .readonly()
      .meta({ description: 'What is known here.' }),
    toAdd: z.array(z.strictObject(line)).max(16).readonly().meta({ description: 'What only the facility can add.' }),
  })
  .meta({ id: 'LegalRecord', description: 'What NĐ 188/2025 Đ38 k2 wants sent to VSS.' })

const nextCheckAt = instant.nullable().meta({ description: 'Null where there is no evidence to look up by.' })

export const recordedVisitSchema = z
  .strictObject({
    id,
    recordedAt: instant,
    status: z.literal('open'),
    nextCheckAt,
    closesAt: instant.meta({ description: 'Looked up until then.' }),
    desk: text,
    integrator: text,
    receipt: receiptSchema,
  })
  .meta({ id: 'RecordedVisit' })

export const visitAnswerSchema = z
  .strictObject({
    id,
    recordedAt: instant,
    status: z.enum(['open', 'checked', 'gaveUp', 'superseded']),
    attempts: z.int().min(0).max(500),
    lastAttemptAt: instant.nullable(),
    lastCode: z
      .string()
      .max(32)
      .nullable()
      .meta({ description: 'A decision code: why the last attempt left it open.' }),
    nextCheckAt,
    closesAt: instant,
    supersededBy: id.nullable(),
    outcome: verificationAnswerSchema.nullable().meta({ description: 'The verification that a later look-up gave.' }),
    legalRecord: legalRecordSchema.nullable(),
    desk: text,
    integrator: text,
    receipt: receiptSchema,
  })
  .meta({ id: 'UnverifiedVisit' })

type Plain<T> = T extends Brand<string, string> ? string : T extends object ? { [K in keyof T]: Plain<T[K]> } : T
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never
/** Fails to compile when an answer and its schema part. */
export const answersFitTheirSchemas: [
  Same<Plain<RecordedVisit>, z.infer<typeof recordedVisitSchema>>,
  Same<Plain<VisitAnswer>, z.infer<typeof visitAnswerSchema>>,
] = [true, true]
