import type { Context } from 'hono'
import { z } from 'zod'
import type { AuditReason } from '../audit/read/record.ts'
import { ServiceError } from '../errors.ts'
import type { Parameter } from './route.ts'

export const auditPurposeSchema = z.enum(['claimReview', 'complaint', 'courtOrder', 'incident'])
export const auditCaseSchema = z
  .string()
  .max(64)
  .regex(/^[\x21-\x7e]{1,64}$/)

/** Every audit call says why it reads; all but a claim review name their case. */
export function readAuditReason(c: Context): AuditReason {
  const purpose = auditPurposeSchema.safeParse(c.req.header('audit-purpose')).data
  const auditCase = c.req.header('audit-case') ?? null
  const caseIsReadable = auditCaseSchema.safeParse(auditCase).success
  if (purpose === undefined || (purpose === 'claimReview' ? auditCase !== null && !caseIsReadable : !caseIsReadable)) {
    throw new ServiceError('audit_purpose_missing')
  }
  return { purpose, auditCase }
}

/** Of every route of auditors. */
export const AUDIT_REASON: readonly Parameter[] = [
  {
    in: 'header',
    name: 'Audit-Purpose',
    description: 'Why you read; it stands in the log.',
    required: true,
    schema: auditPurposeSchema,
    example: 'claimReview',
  },
  {
    in: 'header',
    name: 'Audit-Case',
    description:
      'The case; only `claimReview` may go without, in one facility. It stands sealed with the entry of the read.',
    required: false,
    schema: auditCaseSchema,
    example: 'KN-2026-118',
  },
]
