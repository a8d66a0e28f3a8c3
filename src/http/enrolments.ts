import type { Context } from 'hono'
import { proveClient } from '../access/assertion.ts'
import { CLIENT_KEY_LIFE_MS, enrolmentDigest, keyIdOf, proveNewKey } from '../access/enrolment.ts'
import { readClientId } from '../access/principal.ts'
import { enrolKey } from '../access/store.ts'
import { appendDeed, prepare } from '../audit/log.ts'
import { invalid, ServiceError } from '../errors.ts'
import type { Scope, Service } from '../scope.ts'
import { enrolmentRequestSchema } from './contract/enrolments.ts'
import type { Answer } from './endpoint.ts'
import { readJson } from './request.ts'

/** `POST /v1/enrolments`: a client registers its public key. Who it is, it proves by code or by its present key. */
export async function postEnrolment(c: Context, scope: Scope): Promise<Answer> {
  const now = scope.now()
  if (!boundOf(scope.service).take(now.getTime())) throw new ServiceError('overloaded')
  const { value } = await readJson(c, enrolmentRequestSchema)
  const client = readClientId(value.clientId)
  if (client === null) throw invalid('/clientId', 'member_value')
  if ((value.code === undefined) === (value.assertion === undefined)) throw invalid('/code', 'member_missing')
  const { config, dataKeys } = scope.service
  const url = `${config.publicUrl}/v1/enrolments`
  const { clientId, facility } = client
  await proveNewKey(value.proof, value.publicJwk, clientId, url, now)
  let byKey: string | null = null
  if (value.assertion !== undefined) {
    const proven = await proveClient(scope.query, value.assertion, url, now)
    if (proven.clientId !== clientId) throw new ServiceError('enrolment_refused', { client: proven.clientId })
    byKey = proven.keyId
  }
  const keyId = keyIdOf(value.publicJwk)
  const expiresAt = new Date(now.getTime() + CLIENT_KEY_LIFE_MS)
  const row = prepare(dataKeys, {
    recordedAt: now,
    kind: 'clientKeyEnrolled',
    facility,
    outcome: { client: clientId, key: keyId, by: byKey === null ? 'code' : 'ownKey' },
    details: JSON.stringify({ v: 1, clientId, keyId, publicJwk: value.publicJwk, byKey, expiresAt }),
    client: clientId,
    subject: null,
    idempotency: null,
  })
  const code = value.code === undefined ? null : enrolmentDigest(dataKeys, clientId, value.code)
  const key = { keyId, publicJwk: value.publicJwk, expiresAt }
  const outcome = await scope.query((sql) =>
    appendDeed(sql, row, (with_) => enrolKey(with_, clientId, { code, byKey }, key)),
  )
  if (outcome === 'full') throw new ServiceError('too_many_keys')
  if (outcome !== 'done' && outcome !== 'again') throw new ServiceError('enrolment_refused')
  // the one that came again is in force since its first time; both answers hold at least this long
  return { status: outcome === 'done' ? 201 : 200, body: JSON.stringify({ clientId, keyId }) }
}

/**
 * The endpoint is public and costs signatures and a statement: 5 a second and 50 at once, for each process. 669
 * facilities that all come in the same hour are one every 5 s.
 */
const PER_SECOND = 5
const AT_ONCE = 50

interface Bound {
  take(nowMs: number): boolean
}

const bounds = new WeakMap<Service, Bound>()

function boundOf(service: Service): Bound {
  const known = bounds.get(service)
  if (known !== undefined) return known
  let left = AT_ONCE
  let atMs = 0
  const bound: Bound = {
    take(nowMs) {
      left = Math.min(AT_ONCE, left + (Math.max(0, nowMs - atMs) / 1000) * PER_SECOND)
      atMs = nowMs
      if (left < 1) return false
      left--
      return true
    },
  }
  bounds.set(service, bound)
  return bound
}
