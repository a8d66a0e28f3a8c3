import { describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import type { RequestEvent } from '../../src/event.ts'
import type { Scope } from '../../src/scope.ts'

/** The app with nothing behind it: enough for what is refused before any work. */
function bareApp(publicUrl = 'http://127.0.0.1') {
  const events: RequestEvent[] = []
  const service = { config: { publicUrl }, limits: { inFlight: 0 } }
  const scope = {
    service,
    now: () => new Date('2026-11-24T03:00:00Z'),
    record: (event: RequestEvent) => events.push(event),
  }
  const app = createApp(
    () => scope as unknown as Scope,
    () => 'unknown',
  )
  return { app, events }
}

test.each([
  ['/health/live', 200],
  ['/nowhere', 404],
])('a caller that accepts HTML alone would be answered otherwise than in JSON: %s', async (path, status) => {
  const { app } = bareApp()
  const response = await app.request(path, { headers: { accept: 'text/html' } })
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toMatch(/json/)
  expect(JSON.parse(await response.text())).toBeTypeOf('object')
})

describe('a path or a method that is not there', () => {
  test.each([
    ['GET', '/', 404, null],
    ['GET', '/v1/verifications/', 404, null],
    ['GET', '/v1/persons/038090001234', 404, null],
    ['POST', '/v2/verifications', 404, null],
    ['GET', '/v1/verifications', 405, 'POST'],
    ['PUT', '/v1/verifications/batch', 405, 'POST, GET, HEAD'],
    ['DELETE', '/v1/verifications/v1-1', 405, 'GET, HEAD'],
    ['OPTIONS', '/v1/verifications', 405, 'POST'],
    ['POST', '/health/ready', 405, 'GET, HEAD'],
    ['GET', '/oauth/token', 405, 'POST'],
  ])('%s %s', async (method, path, status, allow) => {
    const { app, events } = bareApp()
    const response = await app.request(path, { method })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(response.headers.get('allow')).toBe(allow)
    const problem = JSON.parse(await response.text())
    expect(problem.code).toBe(status === 404 ? 'route_not_found' : 'method_not_allowed')
    // one event, and what somebody wrote into the path is not in it
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ method, status, code: problem.code })
    expect(JSON.stringify(events)).not.toContain('038090001234')
  })

  test('HEAD is answered as GET, without a body', async () => {
    const { app } = bareApp()
    const response = await app.request('/health/live', { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  })
})

describe('a browser would guess, tell on, or go without TLS', () => {
  test.each([
    ['http://127.0.0.1', null],
    ['https://kiemthe.test', 'max-age=63072000'],
  ])('%s', async (publicUrl, hsts) => {
    const { app } = bareApp(publicUrl)
    for (const path of ['/health/live', '/docs', '/openapi.json', '/nowhere', '/oauth/token']) {
      const { headers } = await app.request(path)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('strict-transport-security')).toBe(hsts)
      expect(headers.get('cache-control')).toMatch(/^(no-store|public, max-age=300)$/)
    }
  })
})
