import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'
import type { Scope } from '../scope.ts'
import { readUnverifiedVisit } from '../unverified-visit/read.ts'
import { recordUnverifiedVisit } from '../unverified-visit/record.ts'
import { unverifiedVisitRequestSchema } from '../unverified-visit/request.ts'
import type { Answer } from './endpoint.ts'
import { readIdempotencyKey, readJson } from './request.ts'

/** `POST /v1/unverified-visits`: the desk could not look somebody up (NĐ 188/2025 Đ38 k2). A repetition is a 201 too. */
export async function postUnverifiedVisit(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const key = readIdempotencyKey(c)
  const { text, value } = await readJson(c, unverifiedVisitRequestSchema)
  const visit = await recordUnverifiedVisit(scope, caller, value, key === null ? null : { key, request: text })
  return { status: 201, body: JSON.stringify(visit) }
}

/** `GET /v1/unverified-visits/{id}`: the facility's own. */
export async function getUnverifiedVisit(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const visit = await readUnverifiedVisit(scope, caller, c.req.param('id') ?? '')
  return { status: 200, body: JSON.stringify(visit) }
}
