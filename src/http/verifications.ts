import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { readVerification, readVerificationForAudit } from '../verification/read.ts'
import { verificationRequestSchema } from '../verification/request.ts'
import { verify } from '../verification/verify.ts'
import { readAuditReason } from './audit-reason.ts'
import { knownAtSchema } from './contract/verifications.ts'
import type { Answer } from './endpoint.ts'
import { readIdempotencyKey, readJson, readRequestTimeoutMs } from './request.ts'

/** `POST /v1/verifications`. A refused patient is a 200 with a decision code. */
export async function postVerification(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const key = readIdempotencyKey(c)
  const timeoutMs = readRequestTimeoutMs(c)
  const untilMs = timeoutMs === null ? null : scope.now().getTime() + timeoutMs
  const { text, value } = await readJson(c, verificationRequestSchema)
  const answer = await verify(scope, caller, value, key === null ? null : { key, request: text }, untilMs)
  return { status: 200, body: JSON.stringify(answer), code: answer.code }
}

/** `GET /v1/verifications/{id}`: the facility's own, or an auditor's read, which is itself an entry of the log. */
export async function getVerification(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const id = c.req.param('id') ?? ''
  const knownAt = readKnownAt(c)
  const answer =
    caller.role === 'auditor'
      ? await readVerificationForAudit(scope, caller, id, readAuditReason(c), knownAt)
      : await readVerification(scope, caller, id, knownAt)
  return { status: 200, body: JSON.stringify(answer), code: answer.code }
}

/** Null: the stored answer alone. */
function readKnownAt(c: Context): string | null {
  const text = c.req.query('knownAt')
  if (text === undefined) return null
  const instant = knownAtSchema.safeParse(text)
  if (!instant.success) throw new ServiceError('known_at_invalid')
  return instant.data
}
