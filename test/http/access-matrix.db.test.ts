import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import { asking, expectNoTrace, expectProblem, type Request, record, scan, secretsOf, send } from './http-support.ts'
import { grant } from './oauth-support.ts'

const CALLERS = ['facility', 'otherFacility', 'auditor', 'feed', 'ops', 'noToken', 'expiredToken'] as const
type Caller = (typeof CALLERS)[number]

interface Row {
  readonly request: () => Request
  readonly status: Readonly<Record<Caller, number>>
}

const someone = record()
let ownId = ''

const forAll = (status: number) =>
  Object.fromEntries(CALLERS.map((caller) => [caller, status])) as Record<Caller, number>
const granted = (status: Partial<Record<Caller, number>>) => ({
  ...forAll(403),
  noToken: 401,
  expiredToken: 401,
  ...status,
})

/** Who may what. A new route stands here first: one that is missing fails the test below. */
const MATRIX: Record<string, Row> = {
  'POST /oauth/token': { request: () => grant(null), status: forAll(400) },
  'GET /.well-known/jwks.json': { request: () => ({}), status: forAll(200) },
  'POST /v1/verifications': {
    request: () => ({ body: asking(scan(someone)) }),
    status: granted({ facility: 200, otherFacility: 200 }),
  },
  'POST /v1/verifications/batch': {
    request: () => ({ path: '/v1/verifications/batch', body: { items: [asking(scan(someone))] } }),
    status: granted({ facility: 200, otherFacility: 200 }),
  },
  'GET /v1/verifications/:id': {
    request: () => ({ path: `/v1/verifications/${ownId}`, headers: { 'audit-purpose': 'claimReview' } }),
    status: granted({ facility: 200, otherFacility: 404, auditor: 200 }),
  },
  'GET /health/live': { request: () => ({}), status: forAll(200) },
  'GET /health/ready': { request: () => ({}), status: forAll(200) },
}

/** The application's own routes; it is never asked to serve here. */
const routes = createApp(() => {
  throw new Error('no request is made')
}).routes.map(({ method, path }) => ({ method, path, name: `${method} ${path}` }))

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
  const own = await send(running.url, { token: tokens.get('facility') ?? null, body: asking(scan(someone)) })
  ownId = own.json.id ?? ''
})

afterAll(() => world?.close())

test('a route would be open to whoever: it has no row in this matrix', () => {
  expect(routes.map((route) => route.name).sort()).toEqual(Object.keys(MATRIX).sort())
})

for (const { method, path, name } of routes) {
  const row = MATRIX[name]
  if (row === undefined) continue
  for (const caller of CALLERS) {
    test(`${name} would not answer ${row.status[caller]} to ${caller}`, async () => {
      const reply = await send(running.url, { method, path, token: tokens.get(caller) ?? null, ...row.request() })
      expect(reply.status).toBe(row.status[caller])
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
