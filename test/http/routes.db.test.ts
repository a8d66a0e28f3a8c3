import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problemSchema } from '../../src/http/contract/problem.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import { asking, expectRefused, logState, MARK, record, scan, secretsOf, send, sendRaw } from './http-support.ts'

const someone = record()
const secrets = secretsOf(someone)

let world: World
let running: Running
let token: string

beforeAll(async () => {
  world = await createWorld([someone])
  running = await world.start()
  token = await world.token('facility:38001')
  await send(running.url, { token, body: asking(scan(someone)) })
})

afterAll(() => world?.close())

describe('a path that nobody serves would be answered', () => {
  const paths = [
    '/',
    '/v1',
    '/v1/',
    '/v1/verifications/',
    '/v2/verifications',
    '/V1/Verifications',
    '/v1/verifications/v1-0/',
    '/v1/verifications/v1-0/evidence',
    '/v1/verification',
    '//v1/verifications',
    '/v1//verifications',
    '/v1/verifications.json',
    '/health',
    '/health/live/',
    '/oauth',
    '/oauth/token/x',
    '/.well-known/',
    '/.env',
    '/metrics',
    '/v1/people/038090000001',
    `/${MARK}`,
    '/%2e%2e/%2e%2e/etc/passwd',
    '/%',
    '/%00',
    '/%ff%fe',
    '/__proto__',
    '/constructor',
    '/v1/verifications%2Fv1-0',
    `/${'x'.repeat(4_000)}`,
  ]
  for (const path of paths) {
    test(path.slice(0, 60), async () => {
      const wanted = { status: 404, code: 'route_not_found' } as const
      await expectRefused(world, running, { path, token, body: asking(scan(someone)) }, wanted, secrets)
      await expectRefused(world, running, { path, method: 'GET' }, wanted, secrets)
      expect(JSON.parse(running.log.at(-1) ?? '{}').route).not.toMatch(/[%.]|people|x{9}|proto|passwd/)
    })
  }
})

describe('a method that a path does not take would be answered, or its methods would not be named', () => {
  const paths: [string, string[], string][] = [
    ['/v1/verifications', ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'], 'POST'],
    ['/v1/verifications/v1-0', ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], 'GET, HEAD'],
    ['/oauth/token', ['GET', 'PUT', 'DELETE', 'OPTIONS'], 'POST'],
    ['/.well-known/jwks.json', ['POST', 'DELETE', 'OPTIONS'], 'GET, HEAD'],
    ['/health/live', ['POST', 'PUT', 'OPTIONS'], 'GET, HEAD'],
    ['/health/ready', ['POST', 'DELETE', 'OPTIONS'], 'GET, HEAD'],
  ]
  for (const [path, methods, allow] of paths) {
    for (const method of methods) {
      test(`${method} ${path}`, async () => {
        const body = ['GET', 'OPTIONS'].includes(method) ? {} : { body: asking(scan(someone)) }
        const wanted = { status: 405, code: 'method_not_allowed' } as const
        const reply = await expectRefused(world, running, { method, path, token, ...body }, wanted, secrets)
        expect(reply.headers.get('allow')).toBe(allow)
      })
    }
  }
  test('TRACE would send back what came in', async () => {
    const head = `TRACE /v1/verifications HTTP/1.1\nHost: x\nConnection: close\nAuthorization: Bearer ${token}\n\n`
    const answer = await sendRaw(running, head)
    expect(answer).toMatch(/^HTTP\/1\.1 405 /)
    expect(answer).not.toContain(token)
  })
  test('CORS would be granted', async () => {
    const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' }
    const reply = await send(running.url, { method: 'OPTIONS', headers })
    expect(reply.status).toBe(405)
    expect([...reply.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

describe('HEAD would differ from GET in more than the body', () => {
  const requests: [string, string | null, number][] = [
    ['/health/live', null, 200],
    ['/health/ready', null, 200],
    ['/.well-known/jwks.json', null, 200],
    ['/v1/verifications/v1-0', 'facility', 200],
    ['/v1/verifications/v1-0', null, 401],
    ['/v1/verifications/v1-777', 'facility', 404],
    ['/v1/verifications', 'facility', 405],
    ['/nowhere', null, 404],
  ]
  for (const [path, caller, status] of requests) {
    test(`${path}, ${status}`, async () => {
      const from = running.log.length
      const before = await logState(world)
      const request = { path, token: caller === null ? null : token }
      const [get, head] = [
        await send(running.url, { ...request, method: 'GET' }),
        await send(running.url, { ...request, method: 'HEAD' }),
      ]
      expect([get.status, head.status]).toEqual([status, status])
      expect(head.text).toBe('')
      for (const name of ['content-type', 'cache-control', 'allow', 'www-authenticate']) {
        expect(head.headers.get(name)).toBe(get.headers.get(name))
      }
      expect(head.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
      expect(running.log.slice(from).map((line) => JSON.parse(line).method)).toEqual(['GET', 'HEAD'])
      expect(await logState(world)).toEqual(before)
    })
  }
})

describe('a request that is hardly one would take the server down', () => {
  const heads: [string, string, number][] = [
    ['no Host', 'GET /health/live HTTP/1.1\n\n', 400],
    ['a Host that is none', 'GET /health/live HTTP/1.1\nHost: a b\nConnection: close\n\n', 400],
    ['a Host with a path', 'GET /health/live HTTP/1.1\nHost: x/../y\nConnection: close\n\n', 400],
    ['a method that is none', 'FETCH /health/live HTTP/1.1\nHost: x\nConnection: close\n\n', 400],
    ['a length that is none', 'POST /v1/verifications HTTP/1.1\nHost: x\nContent-Length: x\n\n', 400],
    [
      'a length and chunks at once',
      'POST /v1/verifications HTTP/1.1\nHost: x\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\n',
      400,
    ],
    ['a header of 20 KiB', `GET /health/live HTTP/1.1\nHost: x\nX: ${'y'.repeat(20_480)}\n\n`, 431],
    ['a target with a bar', `GET /v1/verifications/a|b HTTP/1.1\nHost: x\nConnection: close\n\n`, 401],
    ['an absolute target', 'GET http://x/health/live HTTP/1.1\nHost: x\nConnection: close\n\n', 200],
    ['a target of another host', 'GET http://y/health/live HTTP/1.1\nHost: x\nConnection: close\n\n', 200],
    ['an asterisk', 'OPTIONS * HTTP/1.1\nHost: x\nConnection: close\n\n', 400],
    ['HTTP/1.0', 'GET /health/live HTTP/1.0\nHost: x\n\n', 200],
    ['an upgrade', 'GET /health/live HTTP/1.1\nHost: x\nConnection: Upgrade, close\nUpgrade: websocket\n\n', 200],
  ]
  for (const [name, head, status] of heads) {
    test(name, async () => {
      const answer = await sendRaw(running, head)
      expect(Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])).toBe(status)
      expect((await send(running.url, { method: 'GET', path: '/health/live' })).status).toBe(200)
    })
  }
  const unparsed: [string, string, number, string][] = [
    ['a method that is none', 'FETCH /health/live HTTP/1.1\nHost: x\n\n', 400, 'http_malformed'],
    [
      'a header of 20 KiB',
      `GET /health/live HTTP/1.1\nHost: x\nX: ${'y'.repeat(20_480)}\n\n`,
      431,
      'http_headers_too_large',
    ],
  ]
  for (const [name, head, status, code] of unparsed) {
    test(`${name}: no problem, request id or event`, async () => {
      const from = running.log.length
      const [top = '', body = ''] = (await sendRaw(running, head)).split('\r\n\r\n')
      const problem = problemSchema.parse(JSON.parse(body))
      expect(problem).toMatchObject({ status, code })
      expect(top).toContain(`x-request-id: ${problem.requestId}`)
      expect(top).toContain('content-type: application/problem+json')
      const events = running.log.slice(from).map((line) => JSON.parse(line))
      expect(events).toEqual([expect.objectContaining({ status, code, requestId: problem.requestId })])
    })
  }
  test('a request that never arrives: no problem', async () => {
    const slow = await world.start({ REQUEST_TIMEOUT_MS: '1000' })
    const answer = await sendRaw(slow, 'GET /health/live HTTP/1.1\nHost: x\n')
    expect(problemSchema.parse(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''))).toMatchObject({ code: 'http_timeout' })
  })
  test('two requests in one packet would get one answer', async () => {
    const get = (more: string) => `GET /health/live HTTP/1.1\nHost: x\n${more}\n`
    const answer = await sendRaw(running, get('') + get('Connection: close\n'))
    expect(answer.match(/HTTP\/1\.1 200 /g)).toHaveLength(2)
    expect(new Set(answer.match(/x-request-id: .*/gi)).size).toBe(2)
  })
})
