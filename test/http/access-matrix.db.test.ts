import { afterAll, beforeAll, expect, test } from 'vitest'
import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../../src/access/access-token.ts'
import { ROLE_SCOPES } from '../../src/access/principal.ts'
import { importTokenKeys, makeSigningKey } from '../../src/access/token-keys.ts'
import { ROUTES } from '../../src/app.ts'
import { CHECK_IN_EXAMPLE } from '../../src/http/contract/claim-share-example.ts'
import { projectorOn } from '../support/projecting.ts'
import { sealAll, sealerOn } from '../support/sealing.ts'
import { createWorld, type Running, SERVICE_ID, type World } from '../support/service.ts'
import { asking, expectNoTrace, expectProblem, type Request, record, scan, secretsOf, send } from './http-support.ts'
import { grant } from './oauth-support.ts'

const CALLERS = [
  'facility',
  'otherFacility',
  'auditor',
  'feed',
  'ops',
  'noToken',
  'expiredToken',
  'foreignKey',
] as const
type Caller = (typeof CALLERS)[number]

interface Row {
  readonly request: () => Request
  readonly status: Readonly<Record<Caller, number>>
}

const someone = record()
const reason = { 'audit-purpose': 'claimReview' }
let ownId = ''
let ownVisitId = ''
const now = new Date().toISOString()
let ownShareId = ''
const checkIn = { kind: 'checkIn', visitId: '38001-2411-0042', dossier: CHECK_IN_EXAMPLE }
const claimReceipt = { maKetQua: '200', maGiaoDich: 'GD-1', thoiGianTiepNhan: '20261102081502' }
const visit = { visitId: 'M-1', presentedAt: now, failures: [{ at: now, code: '500' }] }

const readAnswer = ({ headers, text, json }: Awaited<ReturnType<typeof send>>) =>
  headers.get('content-type')?.startsWith('application/json') ? json : text

const forAll = (status: number) =>
  Object.fromEntries(CALLERS.map((caller) => [caller, status])) as Record<Caller, number>
const granted = (status: Partial<Record<Caller, number>>) => ({
  ...forAll(403),
  noToken: 401,
  expiredToken: 401,
  foreignKey: 401,
  ...status,
})

/** Who may what. A new route stands here first: one that is missing fails the test below. */
const MATRIX: Record<string, Row> = {
  'POST /oauth/token': { request: () => grant(null), status: forAll(400) },
  'POST /v1/enrolments': { request: () => ({ body: '{}' }), status: forAll(400) },
  'GET /.well-known/jwks.json': { request: () => ({}), status: forAll(200) },
  'POST /v1/verifications': {
    request: () => ({ body: asking(scan(someone)) }),
    status: granted({ facility: 200, otherFacility: 200 }),
  },
  'POST /v1/verifications/batch': {
    request: () => ({ body: { items: [asking(scan(someone))] } }),
    status: granted({ facility: 200, otherFacility: 200 }),
  },
  'GET /v1/verifications/{id}': {
    request: () => ({ path: `/v1/verifications/${ownId}`, headers: { 'audit-purpose': 'claimReview' } }),
    status: granted({ facility: 200, otherFacility: 404, auditor: 200 }),
  },
  'POST /v1/unverified-visits': {
    request: () => ({ body: visit }),
    status: granted({ facility: 201, otherFacility: 201 }),
  },
  'GET /v1/unverified-visits/{id}': {
    request: () => ({ path: `/v1/unverified-visits/${ownVisitId}` }),
    status: granted({ facility: 200, otherFacility: 404 }),
  },
  'GET /v1/visit-changes': { request: () => ({}), status: granted({ facility: 200, otherFacility: 200 }) },
  'POST /v1/claim-shares': {
    // each caller its own facility's: of 38001 it is, of 38002 it is refused as another one's
    request: () => ({ body: checkIn }),
    status: granted({ facility: 202, otherFacility: 422 }),
  },
  'GET /v1/claim-shares': { request: () => ({}), status: granted({ facility: 200, otherFacility: 200 }) },
  'GET /v1/claim-shares/{id}': {
    request: () => ({ path: `/v1/claim-shares/${ownShareId}` }),
    status: granted({ facility: 200, otherFacility: 404 }),
  },
  'POST /v1/claim-shares/{id}/withdrawal': {
    request: () => ({ path: `/v1/claim-shares/${ownShareId}/withdrawal`, body: { reason: 'sai lượt khám' } }),
    status: granted({ facility: 201, otherFacility: 404 }),
  },
  'POST /v1/claim-shares/{id}/receipts': {
    request: () => ({ path: `/v1/claim-shares/${ownShareId}/receipts`, body: claimReceipt }),
    status: granted({ facility: 201, otherFacility: 404 }),
  },
  'GET /v1/audit/verifications': {
    request: () => ({ path: '/v1/audit/verifications?facility=38001', headers: reason }),
    status: granted({ auditor: 200 }),
  },
  'GET /v1/audit/claim-shares': {
    request: () => ({ path: '/v1/audit/claim-shares?facility=38001', headers: reason }),
    status: granted({ auditor: 200 }),
  },
  'GET /v1/audit/flags': { request: () => ({ headers: reason }), status: granted({ auditor: 200 }) },
  'POST /v1/audit/search': {
    request: () => ({ body: { citizenId: someone.citizenId }, headers: { ...reason, 'audit-case': 'K-1' } }),
    status: granted({ auditor: 200 }),
  },
  'GET /v1/audit/logs/{log}/entries/{index}': {
    request: () => ({ path: '/v1/audit/logs/1/entries/0', headers: reason }),
    status: granted({ auditor: 200 }),
  },
  'GET /v1/audit/logs/{log}/entries/{index}/evidence': {
    request: () => ({ path: '/v1/audit/logs/1/entries/0/evidence', headers: { ...reason, 'audit-case': 'K-1' } }),
    status: granted({ auditor: 200 }),
  },
  'GET /v1/log/keys': { request: () => ({}), status: forAll(200) },
  'GET /v1/log/{log}/checkpoint': { request: () => ({ path: '/v1/log/1/checkpoint' }), status: forAll(200) },
  'GET /v1/log/{log}/proof/{index}': { request: () => ({ path: '/v1/log/1/proof/0' }), status: forAll(200) },
  'GET /v1/log/{log}/consistency': {
    request: () => ({ path: '/v1/log/1/consistency?from=1&to=2' }),
    status: forAll(200),
  },
  'GET /v1/log/{log}/tile/{tile}': { request: () => ({ path: '/v1/log/1/tile/0/000.p/1' }), status: forAll(200) },
  'POST /v1/sync/batches': {
    request: () => ({ body: '{}\n', headers: { 'content-type': 'application/octet-stream' } }),
    status: granted({ feed: 400 }),
  },
  'GET /v1/sync/status': { request: () => ({}), status: granted({ feed: 200, ops: 200 }) },
  'GET /v1/facilities': {
    request: () => ({}),
    status: granted({ facility: 200, otherFacility: 200, auditor: 200, feed: 200, ops: 200 }),
  },
  'GET /v1/facilities/{code}': {
    request: () => ({ path: '/v1/facilities/38004' }),
    status: granted({ facility: 200, otherFacility: 200, auditor: 200, feed: 200, ops: 200 }),
  },
  'GET /health/live': { request: () => ({}), status: forAll(200) },
  'GET /health/ready': { request: () => ({}), status: forAll(200) },
  'GET /openapi.json': { request: () => ({}), status: forAll(200) },
  'GET /docs': { request: () => ({}), status: forAll(200) },
  'GET /docs/problems': { request: () => ({}), status: forAll(200) },
}

const routes = ROUTES.map((route) => ({ ...route, name: `${route.method} ${route.path}` }))

let world: World
let running: Running
const tokens = new Map<Caller, string | null>()

beforeAll(async () => {
  world = await createWorld([someone])
  running = await world.start()
  tokens.set('facility', await world.token('facility:38001'))
  tokens.set('otherFacility', await world.token('facility:38002'))
  tokens.set('auditor', await world.token('auditor:test'))
  tokens.set('feed', await world.token('feed:vss'))
  tokens.set('ops', await world.token('ops:test'))
  tokens.set('noToken', null)
  tokens.set('expiredToken', await world.token('facility:38001', { now: new Date(Date.now() - 3_600_000) }))
  const foreign = await importTokenKeys({ keys: [await makeSigningKey('token-1')] }) // our kid, another key
  const claims = { clientId: 'facility:38001', keyId: 'key-1', scopes: ROLE_SCOPES.facility }
  const lifeSeconds = TOKEN_LIFE_SECONDS
  tokens.set('foreignKey', await issueAccessToken(foreign, SERVICE_ID, new Date(), { ...claims, lifeSeconds }))
  const own = await send(running.url, { token: tokens.get('facility') ?? null, body: asking(scan(someone)) })
  ownId = own.json.id ?? ''
  const path = '/v1/unverified-visits'
  const ownVisit = await send(running.url, { path, token: tokens.get('facility') ?? null, body: visit })
  ownVisitId = ownVisit.json.id ?? ''
  const shares = { path: '/v1/claim-shares', token: tokens.get('facility') ?? null, body: checkIn }
  ownShareId = (await send(running.url, shares)).json.id ?? ''
  const projector = projectorOn(world)
  await projector.all()
  await projector.close()
  await sealAll(await sealerOn(world.owner))
})

afterAll(() => world?.close())

test('a route would be open to whoever: it has no row in this matrix', () => {
  expect(routes.map((route) => route.name).sort()).toEqual(Object.keys(MATRIX).sort())
})

test('who may call a route would differ from the scopes it is declared with', () => {
  for (const { name, access } of routes) {
    const row = MATRIX[name]?.status
    if (row === undefined) continue
    const roles = { facility: row.facility, auditor: row.auditor, feed: row.feed, ops: row.ops }
    for (const [role, status] of Object.entries(roles)) {
      const scopes: readonly string[] = ROLE_SCOPES[role as keyof typeof ROLE_SCOPES]
      const may = access === 'public' || access.some((scope) => scopes.includes(scope))
      expect({ name, role, may: status !== 403 }).toEqual({ name, role, may })
    }
    for (const status of [row.noToken, row.expiredToken, row.foreignKey])
      expect(status === 401).toBe(access !== 'public')
  }
})

for (const { method, path, name, contract } of routes) {
  const row = MATRIX[name]
  if (row === undefined) continue
  for (const caller of CALLERS) {
    test(`${name} would not answer ${row.status[caller]} to ${caller}`, async () => {
      const reply = await send(running.url, { method, path, token: tokens.get(caller) ?? null, ...row.request() })
      expect(reply.status).toBe(row.status[caller])
      if (reply.status < 400) contract.answers[reply.status]?.schema.parse(readAnswer(reply))
      if (reply.status >= 400) {
        expect(reply.json.requestId).toBe(reply.headers.get('x-request-id'))
        expectNoTrace([reply.text], secretsOf(someone))
      }
      const codes: Record<number, 'scope_missing'> = { 403: 'scope_missing' }
      const code = codes[reply.status]
      if (code !== undefined) expectProblem(reply, { status: 403, code })
    })
  }
}

test('a facility with the scope of an auditor would still read its own only', async () => {
  const odd = await world.token('facility:38002', { scopes: ['verify', 'audit', 'audit:hiv'] })
  const headers = { 'audit-purpose': 'claimReview' }
  const reply = await send(running.url, { method: 'GET', path: `/v1/verifications/${ownId}`, token: odd, headers })
  expectProblem(reply, { status: 404, code: 'verification_not_found' })
})

test('an auditor with the scope of a facility would write a verification of no facility', async () => {
  const odd = await world.token('auditor:test', { scopes: ['verify', 'audit'] })
  const reply = await send(running.url, { token: odd, body: asking(scan(someone)) })
  expectProblem(reply, { status: 403, code: 'scope_missing' })
})
