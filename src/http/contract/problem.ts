import { z } from 'zod'
import { ERROR_CODES, type FieldIssue } from '../../errors.ts'
import { FIELD_ISSUES } from '../field-issue-text.ts'

const said = z.string().min(1).max(400)
const fieldIssues = Object.keys(FIELD_ISSUES) as [FieldIssue, ...FieldIssue[]]

const faultSchema = z
  .strictObject({
    pointer: z.string().max(200).meta({ description: 'RFC 6901; empty for the whole body.' }),
    code: z.enum(fieldIssues).meta({ description: 'Each is told at /docs/problems.' }),
    desk: said,
    integrator: said,
  })
  .meta({ id: 'Fault', description: 'One fault of a member. Never its value.' })

/** RFC 9457, as `problem.ts` renders it. */
export const problemSchema = z
  .strictObject({
    type: z
      .string()
      .max(100)
      .regex(/^\/docs\/problems#[a-z0-9_]+$/)
      .meta({ description: 'Where the code is explained, relative to this service.' }),
    title: said,
    status: z.int().min(400).max(599),
    code: z.enum(ERROR_CODES).meta({ description: 'Stable; for programs.' }),
    detail: said.optional().meta({ description: 'Names and limits, never a value of the request.' }),
    requestId: z.uuid().max(36).meta({ description: 'As in `X-Request-Id`; quote it to the operator.' }),
    desk: said.meta({ description: 'Vietnamese: what the front desk does.' }),
    integrator: said.meta({ description: 'English: what the developer does.' }),
    errors: z.array(faultSchema).min(1).max(20).optional().meta({ description: 'The faults of an invalid request.' }),
  })
  .meta({ id: 'Problem', description: 'A failure (RFC 9457).' })

/** The same with the members of RFC 6749 §5.2. */
export const oauthProblemSchema = problemSchema
  .extend({
    error: z.enum(['invalid_request', 'invalid_client', 'unsupported_grant_type', 'invalid_scope', 'server_error']),
    error_description: said,
  })
  .meta({ id: 'OAuthProblem', description: 'A failure at the token endpoint (RFC 9457 and RFC 6749 §5.2).' })
