import { describe, expect, test } from 'vitest'
import { ROUTES } from '../../src/app.ts'
import { errandsOf } from '../../src/http/first-line.ts'

const errandOf = errandsOf(ROUTES)

describe('what is refused first would be told wrongly by the first line', () => {
  test.each([
    ['POST', '/v1/verifications', 'single'],
    ['POST', '/v1/verifications?x=1', 'single'],
    ['GET', '/v1/verifications/v1-0', 'single'],
    ['POST', '/v1/claim-shares', 'claim'],
    ['GET', '/v1/claim-shares', 'single'],
    ['POST', '/v1/claim-shares/s1-1/receipts', 'claim'],
    ['POST', '/v1/sync/batches', 'claim'],
    ['POST', '/v1/verifications/batch', 'batch'],
    ['POST', '/v1/audit/search', 'audit'],
    ['GET', '/v1/audit/verifications?facility=38001&limit=50', 'audit'],
    ['HEAD', '/v1/audit/flags', 'audit'],
    ['GET', '/v1/audit/logs/1/entries/7/evidence', 'audit'],
    ['GET', '/v1/facilities/38001', 'single'],
  ] as const)('%s %s', (method, url, priority) => {
    expect(errandOf(method, url)).toEqual({ priority, always: false, oauth: false })
  })

  test.each([
    ['GET', '/v1/log/1/tile/0/x001/234'],
    ['GET', '/v1/log/keys'],
    ['GET', '/docs'],
    ['PUT', '/v1/verifications'],
    ['GET', '/v1/audit'],
    ['GET', '/v1/audit/logs/1/entries/7/evidence/more'],
    ['GET', '/constructor'],
    ['GET', 'http://127.0.0.1/v1/verifications'],
    ['', ''],
  ])('%s %s needs no token, or is not ours', (method, url) => {
    expect(errandOf(method, url)).toEqual({ priority: null, always: false, oauth: false })
  })

  test.each(['/health/live', '/health/ready', '/health/ready?from=balancer'])('%s', (url) => {
    expect(errandOf('GET', url).always).toBe(true)
  })
})

test('every route with a token would not have its priority', () => {
  for (const route of ROUTES) {
    const url = route.path.replaceAll(/\{\w+\}/g, 'x')
    const { priority, always, oauth } = errandOf(route.method, url)
    expect([url, priority === null, oauth]).toEqual([url, route.access === 'public', url === '/oauth/token'])
    expect(always).toBe(url.startsWith('/health/'))
  }
})
