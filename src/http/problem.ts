import { type ErrorCode, ServiceError } from '../errors.ts'
import { FIELD_ISSUES } from './field-issue-text.ts'
import type { ProblemRow } from './problem-row.ts'
import { PROBLEMS } from './problem-text.ts'

/** A failure as the outside sees it (RFC 9457), ready to send. The only place that renders one. */
export interface Problem {
  readonly status: number
  readonly code: ErrorCode
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Anything thrown becomes a problem; what is not a `ServiceError` is `internal` and tells nothing but the request id. */
export function toProblem(error: unknown, requestId: string, oauth = false): Problem {
  const known = error instanceof ServiceError ? error : new ServiceError('internal', { cause: error })
  const row = PROBLEMS[known.code]
  const first = known.faults[0]
  const texts = first === undefined ? row : FIELD_ISSUES[first.issue]
  const body = {
    type: `/docs/problems#${known.code}`,
    title: row.title,
    status: row.status,
    code: known.code,
    detail: known.detail ?? undefined,
    requestId,
    desk: texts.desk,
    integrator: first === undefined ? row.integrator : `${texts.integrator} ${row.integrator}`,
    errors:
      known.faults.length === 0
        ? undefined
        : known.faults.map((fault) => ({
            pointer: fault.pointer,
            code: fault.issue,
            ...FIELD_ISSUES[fault.issue],
          })),
    error: oauth ? oauthError(row) : undefined,
    error_description: oauth ? row.integrator : undefined,
  }
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' }
  if (row.retryAfterSeconds !== undefined) headers['retry-after'] = String(row.retryAfterSeconds)
  if (row.status === 401) headers['www-authenticate'] = 'Bearer'
  if (row.status === 405 && known.detail !== null) headers['allow'] = known.detail.replace('GET', 'GET, HEAD') // Hono's
  if (row.status === 413) headers['connection'] = 'close' // the rest of the body is not read
  return { status: row.status, code: known.code, headers, body: JSON.stringify(body) }
}

/** RFC 6749 §5.2 has no word for a failure of ours; those of the authorization endpoint (§4.1.2.1) are understood. */
function oauthError(row: ProblemRow): string {
  return row.oauth ?? (row.status >= 500 ? 'server_error' : 'invalid_request')
}
