import { z } from 'zod'
import { MRZ_CHARS_MAX } from '../identity/mrz.ts'

/**
 * The shape of a verification request (contract: Verifications). Shapes only: what a number or a QR says is read by
 * `identity/`, with its own faults. Every text has a bound; unknown members are refused.
 */
const name = text(1, 255) // HO_TEN is S255 (QĐ 3176)
const birthDate = z
  .string()
  .min(4)
  .max(10)
  .meta({ description: '`YYYY-MM-DD`, `YYYY-MM` or `YYYY`; compared at the coarser precision.' })
/** A QR code of version 40 at level L holds 2,953 bytes; cards carry under 400. */
const qrText = text(1, 2048)
const mrzText = text(1, MRZ_CHARS_MAX)

export const evidenceSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('chipIdQr'), text: qrText }),
    z.strictObject({ kind: z.literal('chipIdMrz'), text: mrzText }),
    z.strictObject({
      kind: z.literal('chipIdTyped'),
      number: text(1, 32),
      fullName: name,
      dateOfBirth: birthDate,
    }),
    z.strictObject({
      kind: z.literal('insuranceCard'),
      number: text(1, 32),
      fullName: name,
      dateOfBirth: birthDate,
    }),
    z.strictObject({ kind: z.literal('insuranceCardQr'), text: qrText }),
    z.strictObject({
      kind: z.literal('document'),
      document: z.enum(['vneid', 'birthCertificate', 'passport']),
      number: text(1, 32).optional(),
      fullName: name,
      dateOfBirth: birthDate,
    }),
  ])
  .meta({ id: 'Evidence', description: 'What the person showed.' })

const day = z
  .string()
  .max(10)
  .meta({ description: 'A day, `YYYY-MM-DD`; a past one is answered as of that day, a future one for `appointment`.' })
export const instant = z.iso.datetime({ offset: true }).max(35)

export const verificationRequestSchema = z
  .strictObject({
    evidence: evidenceSchema,
    serviceDate: day,
    purpose: z.enum(['arrival', 'during', 'end', 'appointment']),
    visit: z
      .strictObject({
        visitId: text(1, 100), // MA_LK is S100
        route: z
          .string()
          .regex(/^\d{1,2}(\.\d{1,2})?$/)
          .meta({ maxLength: 5 })
          .optional(), // MA_DOITUONG_KCB, "1.10" is not "1.1"
        inpatient: z.boolean().optional(),
      })
      .optional(),
    officer: text(1, 64)
      .optional()
      .meta({ description: 'Who asks. The population registry is told, so it is not asked without.' }),
    registryConsent: z
      .strictObject({
        method: z.enum(['signedForm', 'vneid', 'sms', 'spoken']),
        reference: text(1, 128),
        givenAt: instant,
      })
      .optional()
      .meta({
        description:
          'The person agreed that the population registry is asked for this one check; at most 24 hours old. Asked only with it, with an `officer`, for evidence with a personal number that the policy wants confirmed, never in a batch.',
      }),
    portalAnswer: z
      .strictObject({
        askedAt: instant,
        code: z
          .string()
          .regex(/^\d{3}$/)
          .meta({ maxLength: 3 }),
        digest: text(1, 128),
      })
      .optional()
      .meta({
        description: 'The look-up of the VSS portal (TT 12/2026), at most 24 hours old: it wins over our copy.',
      }),
  })
  .meta({ id: 'VerificationRequest' })

/** Bounded, and such that UTF-8 can hold it: an escape like `\ud83d` alone stands for no character, so it is refused. */
export function text(charsMin: number, charsMax: number) {
  return z
    .string()
    .min(charsMin)
    .max(charsMax)
    .refine((value) => value.isWellFormed())
}

export type VerificationRequest = z.infer<typeof verificationRequestSchema>
export type EvidenceRequest = VerificationRequest['evidence']
