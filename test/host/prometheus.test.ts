import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ClientId, readClientId } from '../../src/access/principal.ts'
import { event, fullMetrics, samples, sumOf, WATCHED } from '../support/full-metrics.ts'

const PAGE = readFileSync(join(import.meta.dirname, '..', '..', 'ops', 'README.md'), 'utf8')

test('the number of series could grow without a bound, or past the one that ops/README.md states', async () => {
  const metrics = fullMetrics()
  const lines = async () => samples(await metrics.registry.metrics()).length
  const all = await lines()
  const stated = Number(/at most ([\d,]+) series/.exec(PAGE)?.[1]?.replace(',', ''))
  expect(all).toBeLessThanOrEqual(stated)
  expect(all).toBeGreaterThan(stated * 0.7)
  // what callers make up adds none
  for (let n = 0; n < 50; n++) metrics.request(event({ method: `M${n}`, route: '*', status: 400 + n }))
  expect(await lines()).toBe(all)
})

test('a label could name a client, a facility or a person', async () => {
  const metrics = fullMetrics()
  metrics.request(event({ client: readClientId('facility:38001')?.clientId ?? null, requestId: '038090001234' }))
  const text = await metrics.registry.metrics()
  const own = samples(text).filter(({ name }) => name.startsWith('kiemthe_'))
  const labels = new Set(own.flatMap((each) => Object.keys(each.labels)))
  expect([...labels].sort()).toEqual([
    'assurance',
    'code',
    'feed',
    'key_ends',
    'lane',
    'le',
    'method',
    'outcome',
    'priority',
    'reason',
    'route',
    'state',
    'statement',
    'trouble',
    'version',
  ])
  expect(text).not.toMatch(/38001|038090001234/)
})

test('requests would be counted under the wrong outcome or code', async () => {
  const metrics = fullMetrics()
  const before = await metrics.registry.metrics()
  metrics.request(event({ status: 200, code: 'valid', durationMs: 7 }))
  metrics.request(event({ status: 401, code: 'token_expired' }))
  metrics.request(event({ status: 503, code: 'overloaded' }))
  metrics.refusedUnread({ refused: 9, room: 4, part: { ['facility:38001' as ClientId]: 3 }, late: 2 })
  metrics.service.decided('valid', 'unsigned')
  const text = await metrics.registry.metrics()
  const grew = (name: string, labels: Record<string, string>) => sumOf(text, name, labels) - sumOf(before, name, labels)
  const route = '/v1/verifications'
  for (const outcome of ['ok', 'refused', 'failed']) {
    expect(grew('kiemthe_http_request_duration_seconds_count', { route, outcome })).toBe(1)
  }
  expect(grew('kiemthe_http_request_duration_seconds_bucket', { route, outcome: 'ok', le: '0.005' })).toBe(0)
  expect(grew('kiemthe_http_request_duration_seconds_bucket', { route, outcome: 'ok', le: '0.01' })).toBe(1)
  expect(grew('kiemthe_http_problems_total', {})).toBe(11) // a decision is no problem
  expect(grew('kiemthe_http_problems_total', { code: 'overloaded' })).toBe(10)
  expect(['room', 'part', 'late'].map((reason) => grew('kiemthe_requests_refused_unread_total', { reason }))).toEqual([
    4, 3, 2,
  ])
  expect(grew('kiemthe_http_problems_total', { code: 'token_expired' })).toBe(1)
  expect(grew('kiemthe_decisions_total', { code: 'valid', assurance: 'unsigned' })).toBe(1)
})

test('the figures of the host would not be those of the moment somebody looks', async () => {
  const pool = { underWay: 9, silent: 2 }
  const metrics = fullMetrics({ ...WATCHED, pool, limits: { ...WATCHED.limits, inFlight: 5 } })
  metrics.statements.single.append.waiting = 300
  metrics.batches.running = 2
  metrics.batches.waiting = 1
  const text = await metrics.registry.metrics()
  const figures = {
    used: sumOf(text, 'kiemthe_db_connections_used'),
    waiting: sumOf(text, 'kiemthe_db_waiting'),
    silent: sumOf(text, 'kiemthe_db_silent_total'),
    backlog: sumOf(text, 'kiemthe_backlog_items', { statement: 'append', lane: 'single' }),
    single: sumOf(text, 'kiemthe_requests_in_flight', { lane: 'single' }),
    batch: sumOf(text, 'kiemthe_requests_in_flight', { lane: 'batch' }),
    batchesWaiting: sumOf(text, 'kiemthe_batches', { state: 'waiting' }),
  }
  expect(figures).toEqual({ used: 6, waiting: 3, silent: 2, backlog: 300, single: 2, batch: 3, batchesWaiting: 1 })
  pool.underWay = 1
  expect(sumOf(await metrics.registry.metrics(), 'kiemthe_db_waiting')).toBe(0)
})

test('the registry’s breaker would not be seen where it stands, or shown without an agreement', async () => {
  const states = async (registry: (typeof WATCHED)['registry']) => {
    const text = await fullMetrics({ ...WATCHED, registry }).registry.metrics()
    return samples(text)
      .filter(({ name }) => name === 'kiemthe_registry_breaker')
      .map(({ labels, value }) => `${labels['state']} ${value}`)
  }
  expect(await states(() => 'open')).toEqual(['closed 0', 'open 1', 'halfOpen 0'])
  expect(await states(() => 'closed')).toEqual(['closed 1', 'open 0', 'halfOpen 0'])
  expect(await states(null)).toEqual([])
})

test('a database that does not answer would show old figures, or hide all others', async () => {
  let up = true
  const metrics = fullMetrics({ ...WATCHED, database: async () => (up ? WATCHED.database() : null) })
  const names = async () => new Set(samples(await metrics.registry.metrics()).map(({ name }) => name))
  const ofDatabase = [
    'kiemthe_feed_age_seconds',
    'kiemthe_log_writable',
    'kiemthe_feed_incomplete',
    'kiemthe_feed_quarantined_rows',
    'kiemthe_clients',
    'kiemthe_client_key_expiry_days',
  ]
  expect([...(await names())]).toEqual(expect.arrayContaining(ofDatabase))
  up = false
  const left = await names()
  for (const name of ofDatabase) expect(left).not.toContain(name)
  expect(left).toContain('kiemthe_backlog_items')
  expect(sumOf(await metrics.registry.metrics(), 'kiemthe_database_up')).toBe(0)
})
