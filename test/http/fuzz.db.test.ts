import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openDesk, running, token, world } from '../support/desk.ts'
import {
  asking,
  card,
  cardScan,
  day,
  document,
  expectNoTrace,
  expectProblem,
  logState,
  type Replied,
  record,
  scan,
  secretsOf,
  send,
  typed,
} from './http-support.ts'

/** Fixed, so that a failure is the same tomorrow; change it to look elsewhere. */
const SEED = 20_261_124
const RUNS = 300

const someone = record()
const ended = record({ validTo: day(-3) })
const secrets = [...secretsOf(someone), ...secretsOf(ended)]

const requests = [
  asking(scan(someone)),
  asking(typed(someone), { visit: { visitId: 'v-1', route: '1.1', inpatient: true }, officer: 'NV-1' }),
  asking(card(ended)),
  asking(cardScan(someone), {
    portalAnswer: { askedAt: new Date().toISOString(), code: '000', digest: 'x' },
    registryConsent: { method: 'sms', reference: 'r', givenAt: new Date().toISOString() },
  }),
  asking(document(someone, 'birthCertificate', someone.citizenId ?? '')),
]

openDesk([someone, ended])

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '|'.repeat(30),
    '038090000001|||||||',
    'GD4380000000001',
    '\ud800',
    '\u202e',
    '0'.repeat(12),
    '9'.repeat(5_000),
    "'; drop table log_entry; --",
    '2026-02-29',
    '0000-00-00',
    '9999-12-31',
    '1e400',
    '__proto__',
    'constructor',
  ),
)

const hostileValue: fc.Arbitrary<Json> = fc.oneof(
  hostileText,
  fc.constantFrom<Json>(null, true, 0, -1, 1e308, [], {}, [[[[]]]], { length: 1e9 }, { __proto__: 1 }),
  fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>,
)

/** One step that makes a request worse: where (a path by numbers), and what. */
const damage = fc.record({
  steps: fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
  act: fc.oneof(
    fc.constant({ kind: 'remove' as const }),
    hostileValue.map((value) => ({ kind: 'replace' as const, value })),
    fc.tuple(hostileText, hostileValue).map(([name, value]) => ({ kind: 'add' as const, name, value })),
    fc.tuple(fc.nat(400), hostileText).map(([at, text]) => ({ kind: 'splice' as const, at, text })),
  ),
})

function damaged(request: Json, { steps, act }: typeof damage extends fc.Arbitrary<infer T> ? T : never): Json {
  const copy = structuredClone(request)
  let holder = copy as { [name: string]: Json }
  let name = ''
  for (const step of steps) {
    const names = Object.keys(holder)
    name = names[step % names.length] ?? name
    const inner = holder[name]
    if (typeof inner !== 'object' || inner === null || Object.keys(inner).length === 0) break
    if (step !== steps.at(-1)) holder = inner as { [name: string]: Json }
  }
  const old = holder[name]
  if (act.kind === 'remove') delete holder[name]
  if (act.kind === 'replace') holder[name] = act.value
  if (act.kind === 'add') Object.defineProperty(holder, act.name, { value: act.value, enumerable: true })
  if (act.kind === 'splice' && typeof old === 'string') {
    const at = act.at % (old.length + 1)
    holder[name] = old.slice(0, at) + act.text + old.slice(at + act.text.length)
  }
  return copy
}

/** Damage below JSON: bytes changed, cut out or put in, in the text of a request. */
const bytesDamaged = fc
  .tuple(fc.constantFrom(...requests), fc.array(fc.tuple(fc.nat(700), fc.nat(255), fc.nat(2)), { maxLength: 6 }))
  .map(([request, changes]) => {
    const bytes = [...Buffer.from(JSON.stringify(request))]
    for (const [at, byte, how] of changes) {
      bytes.splice(at % bytes.length, how === 2 ? 0 : 1, ...(how === 1 ? [] : [byte]))
    }
    return Uint8Array.from(bytes)
  })

const hostileBody: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  { arbitrary: fc.uint8Array({ maxLength: 400 }), weight: 1 },
  { arbitrary: fc.json(), weight: 1 },
  { arbitrary: bytesDamaged, weight: 4 },
  {
    arbitrary: fc
      .tuple(fc.constantFrom(...requests), fc.array(damage, { maxLength: 3 }))
      .map(([request, steps]) => JSON.stringify(steps.reduce<Json>(damaged, request as Json))),
    weight: 8,
  },
)

const hostileHeaders: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { arbitrary: fc.constant({}), weight: 6 },
  { arbitrary: fc.string({ maxLength: 70 }).map((text) => ({ 'idempotency-key': text.trim() })), weight: 1 },
  { arbitrary: fc.string({ maxLength: 40 }).map((text) => ({ 'content-type': text.trim() })), weight: 1 },
)

function expectAnswerOrProblem(reply: Replied): void {
  expect(reply.status).toBeLessThan(500)
  if (reply.status !== 200) {
    const [fault] = reply.json.errors ?? []
    const code = reply.json.code as 'invalid_request'
    const at = fault === undefined ? {} : { at: fault.pointer, issue: fault.code as 'member_type' }
    expectProblem(reply, { status: reply.status, code, ...at })
    expect(reply.text).not.toMatch(/SyntaxError|Unexpected token|zod|node_modules|\.ts:/)
    expectNoTrace([reply.text], secrets)
    return
  }
  expect(reply.json).toMatchObject({
    id: expect.stringMatching(/^v1-\d+$/),
    decision: expect.stringMatching(/^(entitled|notEntitled|undetermined)$/),
    code: expect.stringMatching(/^[a-z_]+$/),
    identity: expect.any(Object),
    coverages: expect.any(Array),
    data: expect.any(Object),
    receipt: {
      checkCode: expect.any(String),
      log: '1',
      index: expect.any(Number),
      leafHash: expect.any(String),
      checkpoint: null,
    },
  })
}

test('a hostile body would be a failure of ours, an answer without an entry, or an entry without an answer', async () => {
  const statuses = new Map<number, number>()
  const before = await logState(world)
  await fc.assert(
    fc.asyncProperty(hostileBody, hostileHeaders, async (body, headers) => {
      const reply = await send(running.url, { token, body, headers })
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
      expectAnswerOrProblem(reply)
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  )
  const answered = statuses.get(200) ?? 0
  const after = await logState(world)
  expect(after.size).toBe(before.size + answered)
  expect({ ...after, keys: 0 }).toEqual({ size: after.size, entries: after.size, details: after.size, keys: 0 })
  expect(running.log).toHaveLength(1 + [...statuses.values()].reduce((sum, count) => sum + count, 0))
  expectNoTrace(running.log, secrets)
  // a fuzz that is always refused at the door, or never, tries nothing
  expect(answered).toBeGreaterThan(RUNS / 20)
  expect(statuses.get(400) ?? 0).toBeGreaterThan(RUNS / 3)
})

test('a hostile request to any path would be a failure of ours', async () => {
  const before = await logState(world)
  const path = fc.oneof(
    fc.webPath(),
    fc.constantFrom('/v1/verifications', '/oauth/token', '/health/ready', '/.well-known/jwks.json'),
    fc
      .string({ unit: 'binary', maxLength: 60 })
      .map((text) => `/v1/verifications/${encodeURIComponent(text.toWellFormed())}`),
  )
  const authorization = fc.oneof(
    fc.constant(null),
    fc.base64String({ maxLength: 80 }).map((text) => `Bearer ${text}`),
    fc.string({ maxLength: 60 }).map((text) => text.trim()),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
      path,
      authorization,
      fc.webQueryParameters(),
      async (method, where, credential, query) => {
        const headers: Record<string, string> = credential === null ? {} : { authorization: credential }
        const body = method === 'POST' ? { body: '{}' } : {}
        const reply = await send(running.url, { method, path: `${where || '/'}?${query}`, headers, ...body })
        expect(reply.status).toBeLessThan(500)
        expect(reply.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
        if (reply.status !== 200) expect(reply.headers.get('content-type')).toBe('application/problem+json')
      },
    ),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  )
  expect(await logState(world)).toEqual(before)
})
