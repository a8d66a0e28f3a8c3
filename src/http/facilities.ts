import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'
import { parseFacilityCode } from '../access/principal.ts'
import { todayInVietnam } from '../calendar.ts'
import { ServiceError } from '../errors.ts'
import { facilityAnswer } from '../facility/answer.ts'
import { writeCursor } from '../facility/cursor.ts'
import { findFacility, listFacilities } from '../facility/store.ts'
import type { Scope } from '../scope.ts'
import { facilityListQuerySchema, facilityQuerySchema } from './contract/facilities.ts'
import type { Answer } from './endpoint.ts'
import { readQuery } from './request.ts'

/** `GET /v1/facilities`: the catalogue by code, a page at a time. */
export async function showFacilities(c: Context, scope: Scope, _caller: Principal): Promise<Answer> {
  const { limit, cursor, on, province } = readQuery(c, facilityListQuerySchema)
  const query = {
    after: cursor?.after ?? '',
    knownAt: cursor?.knownAt ?? null,
    on: on ?? null,
    province: province ?? null,
    limit: limit + 1, // whether there is another page
  }
  const found = await scope.query((sql) => listFacilities(sql, query)).catch(unavailable)
  const page = found.facilities.slice(0, limit)
  const last = page.at(-1)
  const more = found.facilities.length > limit && last !== undefined && found.knownAt !== null
  const day = on ?? todayInVietnam(scope.now())
  return json({
    items: page.map((each) => facilityAnswer(each, day)),
    nextCursor: more ? writeCursor({ after: last.code, knownAt: found.knownAt }) : null,
  })
}

/** `GET /v1/facilities/{code}`: one facility, also of a code that ended. */
export async function getFacility(c: Context, scope: Scope, _caller: Principal): Promise<Answer> {
  const { on } = readQuery(c, facilityQuerySchema)
  const code = parseFacilityCode(c.req.param('code') ?? '')
  const found = code === null ? null : await scope.query((sql) => findFacility(sql, code)).catch(unavailable)
  if (found === null) throw new ServiceError('facility_not_found')
  return json(facilityAnswer(found, on ?? todayInVietnam(scope.now())))
}

function json(body: unknown): Answer {
  return { status: 200, body: JSON.stringify(body) }
}

function unavailable(cause: unknown): never {
  throw new ServiceError('database_unavailable', { cause })
}
