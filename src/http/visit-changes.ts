import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { readVisitChanges } from '../visit/changes.ts'
import { cursorSchema, LIMIT_DEFAULT, limitSchema } from './contract/visit-changes.ts'
import type { Answer } from './endpoint.ts'

/** `GET /v1/visit-changes`: visits under way about which the copy says something else than it did. */
export async function listVisitChanges(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const limit = limitSchema.safeParse(c.req.query('limit') ?? String(LIMIT_DEFAULT))
  const cursor = cursorSchema.optional().safeParse(c.req.query('cursor'))
  if (!limit.success || !cursor.success) throw new ServiceError('page_invalid')
  const changes = await readVisitChanges(scope, caller, cursor.data ?? null, Number(limit.data))
  return { status: 200, body: JSON.stringify(changes) }
}
