import { describe, expect, test } from 'vitest'
import { openDesk, running, token, world } from '../support/desk.ts'
import {
  asking,
  card,
  cardScan,
  day,
  expectNoTrace,
  MARK,
  type Request,
  record,
  scan,
  secretsOf,
  send,
  sendRaw,
  typed,
} from './http-support.ts'
import { assertion, grant } from './oauth-support.ts'

/** `level` to `msg` are pino's; the rest is `RequestEvent`. A new field is a decision: it may not hold a person's data. */
const FIELDS = [
  'level',
  'time',
  'requestId',
  'method',
  'route',
  'status',
  'code',
  'client',
  'durationMs',
  'failure',
  'msg',
]
const ROUTES = [
  '/v1/verifications',
  '/v1/verifications/batch',
  '/v1/verifications/:id',
  '/oauth/token',
  '/health/live',
  '/health/ready',
  '*',
]

const someone = record()
const secrets = [...secretsOf(someone), encodeURIComponent(someone.fullName), 'Bearer', 'eyJ']
const citizenId = someone.citizenId ?? ''
const good = asking(scan(someone))

openDesk([someone])

/** The events that these requests left: one each, of the closed list of fields, naming nobody. */
async function eventsOf(...requests: Request[]): Promise<Record<string, unknown>[]> {
  const from = running.log.length
  const ids: (string | null)[] = []
  for (const request of requests) ids.push((await send(running.url, request)).headers.get('x-request-id'))
  const lines = running.log.slice(from)
  expectNoTrace(lines, secrets)
  const events = lines.map((line) => JSON.parse(line))
  expect(events.map((event) => event.requestId)).toEqual(ids)
  for (const event of events) {
    expect(Object.keys(event)).toEqual(FIELDS)
    expect(ROUTES).toContain(event.route)
    expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(event.durationMs).toBeGreaterThanOrEqual(0)
    expect(event.level).toBe(event.status >= 500 ? 50 : 30)
    expect(event.failure === null).toBe(event.status < 500)
  }
  return events
}

describe('a request would leave no event, two, or one that says too much', () => {
  const cases: [string, () => Request, Record<string, unknown>][] = [
    ['an answer', () => ({ token, body: good }), { status: 200, code: 'valid', client: 'facility:38001' }],
    ['a card number', () => ({ token, body: asking(card(someone)) }), { status: 200, code: 'valid' }],
    ['a card', () => ({ token, body: asking(cardScan(someone)) }), { status: 200, code: 'valid' }],
    [
      'a mismatch',
      () => ({ token, body: asking(typed({ ...someone, fullName: 'Quách Thị Hạnh' })) }),
      { code: 'no_match' },
    ],
    [
      'a bad body',
      () => ({ token, body: `{"${MARK}` }),
      { status: 400, code: 'invalid_json', client: 'facility:38001' },
    ],
    ['a bad token', () => ({ token: MARK, body: good }), { status: 401, code: 'token_malformed', client: null }],
    ['a bad date', () => ({ token, body: { ...good, serviceDate: day(9) } }), { status: 400, code: 'invalid_request' }],
    ['no route', () => ({ path: `/${MARK}/${citizenId}` }), { status: 404, code: 'route_not_found', route: '*' }],
    ['no method', () => ({ method: 'DELETE' }), { status: 405, code: 'method_not_allowed', client: null }],
    ['a health check', () => ({ method: 'GET', path: '/health/live' }), { status: 200, code: null, client: null }],
    ['a form', () => grant(null), { status: 400, code: 'assertion_missing', route: '/oauth/token', client: null }],
  ]
  for (const [name, request, wanted] of cases) {
    test(name, async () => {
      expect(await eventsOf(request())).toEqual([expect.objectContaining(wanted)])
    })
  }
  test('the same under load', async () => {
    const from = running.log.length
    await Promise.all(Array.from({ length: 60 }, () => send(running.url, { token, body: good })))
    const ids = running.log.slice(from).map((line) => JSON.parse(line).requestId)
    expect(ids).toHaveLength(60)
    expect(new Set(ids).size).toBe(60)
  })
  test('a token that was granted', async () => {
    const jwt = await assertion(world, 'facility:38001')
    expect(await eventsOf(grant(jwt))).toEqual([expect.objectContaining({ status: 200, code: null, failure: null })])
    expectNoTrace(running.log, jwt.split('.'))
  })
})

describe('what a caller writes beside the body would be logged', () => {
  const headers = {
    'user-agent': `${MARK}/${citizenId}`,
    'idempotency-key': `${citizenId}-${MARK}`,
    'x-request-id': `${MARK}-${citizenId}`,
    'x-forwarded-for': MARK,
    referer: `https://his.example/${citizenId}?name=${encodeURIComponent(someone.fullName)}`,
    cookie: `session=${MARK}`,
    'audit-case': citizenId,
    'audit-purpose': `${MARK}`,
    traceparent: `00-${citizenId.padStart(32, '0')}-0000000000000001-01`,
    [`x-${MARK}`]: someone.cardNumber,
  }
  test('in headers', async () => {
    const [event] = await eventsOf({ token, body: good, headers })
    expect(event).toMatchObject({ status: 200 })
    expect(event?.['requestId']).not.toContain(citizenId)
    await eventsOf({ method: 'GET', path: '/v1/verifications/v1-0', token, headers })
    await eventsOf({ method: 'GET', path: '/health/ready', headers })
  })
  test('in the query', async () => {
    const query = `?citizenId=${citizenId}&name=${encodeURIComponent(someone.fullName)}&card=${someone.cardNumber}#${MARK}`
    const events = await eventsOf(
      { path: `/v1/verifications${query}`, token, body: good },
      { method: 'GET', path: `/v1/verifications/v1-0${query}`, token },
      { method: 'GET', path: `/nowhere${query}` },
      { path: `/oauth/token${query}` },
    )
    expect(events.map((event) => event['status'])).toEqual([200, 200, 404, 415])
  })
  test('in the path', async () => {
    const events = await eventsOf(
      { method: 'GET', path: `/v1/verifications/${citizenId}`, token },
      { method: 'GET', path: `/v1/verifications/${encodeURIComponent(someone.fullName)}`, token },
      { method: 'GET', path: `/v1/verifications/${someone.cardNumber}`, token: null },
      { method: 'GET', path: `/v1/people/${citizenId}` },
      { method: 'PUT', path: `/v1/verifications/${citizenId}`, token, body: good },
    )
    expect(events.map((event) => [event['route'], event['status']])).toEqual([
      ['/v1/verifications/:id', 404],
      ['/v1/verifications/:id', 404],
      ['/v1/verifications/:id', 401],
      ['*', 404],
      ['*', 405],
    ])
  })
  test('in a line break that would begin a line of its own', async () => {
    const from = running.log.length
    const path = `/v1/verifications/v1-0%0A%7B%22level%22%3A60%7D`
    await send(running.url, { method: 'GET', path, token })
    await sendRaw(running, `GET ${path} HTTP/1.1\nHost: x\nUser-Agent: ${MARK}\nConnection: close\n\n`)
    const lines = running.log.slice(from)
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(line.trimEnd()).not.toContain('\n')
    expectNoTrace(lines, ['"level":60', MARK])
  })
})

describe('a failure of ours would be logged with what was asked', () => {
  test('the log cannot be written', async () => {
    await world.owner`revoke insert on entry_detail from kiemthe_app`
    const events = await eventsOf({ token, body: good }, { token, body: asking(card(someone)) })
    await world.owner`grant insert on entry_detail to kiemthe_app`
    for (const event of events) {
      expect(event).toMatchObject({
        level: 50,
        status: 503,
        code: 'log_unavailable',
        failure: { name: 'PostgresError', sqlState: '42501' },
      })
      const failure = event['failure'] as { frames: string[] }
      expect(Object.keys(failure)).toEqual(['name', 'sqlState', 'frames'])
      expect(failure.frames.every((frame) => frame.startsWith('at '))).toBe(true)
    }
  })
  test('a row of the log was damaged', async () => {
    const { json } = await send(running.url, { token, body: good })
    const index = json.receipt?.index ?? -1
    await world.owner`update entry_detail set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) where leaf_index = ${index}`
    const [event] = await eventsOf({ method: 'GET', path: `/v1/verifications/${json.id}`, token })
    expect(event).toMatchObject({ level: 50, status: 500, code: 'internal', client: 'facility:38001' })
  })
})

test('the lines beside the requests would say more than that the service began', () => {
  const others = running.log.map((line) => JSON.parse(line)).filter((event) => event.msg !== 'request')
  expect(others.map((event) => [event.msg, Object.keys(event)])).toEqual([
    ['serving', ['level', 'time', 'port', 'msg']],
  ])
})
