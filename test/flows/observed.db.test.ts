import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServe } from '../../loadtest/serve-process.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { asking, expectNoTrace, record, scan, secretsOf, send, typed } from '../http/http-support.ts'
import { samples, sumOf } from '../support/full-metrics.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { createWorld, type World } from '../support/service.ts'

/** What operators see of a running service: figures of one process and of a crew, and traces. */

const someone = record()
const nobody = record()
let world: World
let token: string

beforeAll(async () => {
  world = await createWorld([someone])
  token = await world.token('facility:38001')
})

afterAll(() => world?.close())

const scrape = async (port: number | null) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()

test('the figures would not be those of what was asked', async () => {
  const { url, server } = await world.start({ METRICS_PORT: '0' })
  const key = { 'idempotency-key': 'once' }
  for (const headers of [key, key]) await send(url, { token, headers, body: asking(scan(someone)) })
  await send(url, { token, body: asking(typed(nobody)) })
  const items = [asking(scan(someone)), asking(scan(nobody)), { evidence: 1 }]
  await send(url, { token, path: '/v1/verifications/batch', body: { items } })
  await send(url, { body: asking(scan(someone)) })
  await send(url, { token, method: 'GET', path: '/v1/verifications/v1-0' })
  await send(url, { method: 'GET', path: '/metrics' })

  const text = await scrape(server.metricsPort)
  const requests = (labels: Record<string, string>) =>
    sumOf(text, 'kiemthe_http_request_duration_seconds_count', labels)
  expect(requests({ route: '/v1/verifications', method: 'POST', outcome: 'ok' })).toBe(3)
  expect(requests({ route: '/v1/verifications', outcome: 'refused' })).toBe(1)
  expect(requests({ route: '/v1/verifications/:id', method: 'GET', outcome: 'ok' })).toBe(1)
  expect(requests({ route: '*', outcome: 'refused' })).toBe(1) // the service itself has no /metrics
  // what stands in the log, no more: neither a repetition nor a reading is a decision
  expect(sumOf(text, 'kiemthe_decisions_total', { code: 'valid', assurance: 'unsigned' })).toBe(2)
  expect(sumOf(text, 'kiemthe_decisions_total', { code: 'no_match' })).toBe(1)
  expect(sumOf(text, 'kiemthe_decisions_total', { code: 'not_found' })).toBe(1)
  expect(sumOf(text, 'kiemthe_decisions_total')).toBe(4)
  expect(sumOf(text, 'kiemthe_http_problems_total', { code: 'token_missing' })).toBe(1)
  expect(sumOf(text, 'kiemthe_batch_items_sum')).toBe(3)
  expect(sumOf(text, 'kiemthe_statement_items_sum', { statement: 'append', lane: 'batch' })).toBe(2)
  expect(sumOf(text, 'kiemthe_statement_items_sum', { statement: 'append', lane: 'single' })).toBe(3)
  expect(sumOf(text, 'kiemthe_database_up')).toBe(1)
  expect(sumOf(text, 'kiemthe_log_writable')).toBe(1)
  expect(sumOf(text, 'kiemthe_feed_age_seconds')).toBeGreaterThan(0)
  // five clients whose key ends tomorrow
  expect(sumOf(text, 'kiemthe_clients', { key_ends: '7d' })).toBe(5)
  expect(sumOf(text, 'kiemthe_client_key_expiry_days')).toBeGreaterThan(0.9)
  expect(sumOf(text, 'process_resident_memory_bytes')).toBeGreaterThan(1e6)
  expectNoTrace([text], [...secretsOf(someone), ...secretsOf(nobody), '38001'])
  const elsewhere = await fetch(`http://127.0.0.1:${server.metricsPort}/v1/verifications`)
  expect(elsewhere.status).toBe(404)
})

test('rows in quarantine would be those of nobody, or of a feed that a caller made up', async () => {
  await world.owner`
    insert into quarantine (feed, sequence, position, reason, sealed, resolved)
    select feed, 1, position, 'row_shape', '', position = 9
      from (values ('vss', 1), ('vss', 2), ('vss', 9), ('other', 1), ('never-loaded', 1)) as q(feed, position)`
  await world.owner`
    insert into feed_watermark (feed, sequence, as_of, loaded_at, rows)
    select name, 1, now(), now(), 0 from unnest(array['other', 'x1', 'x2']) as name`
  const { server } = await world.start({ METRICS_PORT: '0' })
  const text = await scrape(server.metricsPort)
  const byFeed = samples(text).filter(({ name }) => name === 'kiemthe_feed_quarantined_rows')
  // four feeds at the most; the total has all
  const figures = Object.fromEntries(byFeed.map((each) => [each.labels['feed'], each.value]))
  expect(figures).toEqual({ other: 1, vss: 2, 'vss-facilities': 0, x1: 0 })
  expect(sumOf(text, 'kiemthe_quarantined_rows')).toBe(4)
  await world.owner`delete from quarantine`
  await world.owner`delete from feed_watermark where feed not like 'vss%'`
})

test('a port that is taken would be told as something else', async () => {
  const { server } = await world.start({ METRICS_PORT: '0' })
  const METRICS_PORT = String(server.metricsPort)
  await expect(world.start({ METRICS_PORT })).rejects.toThrow(`METRICS_PORT: port ${METRICS_PORT} is taken`)
})

test('a key that was renewed would still be counted as ending', async () => {
  const renew = (until: string) => world.owner`
    insert into client_key (client_id, key_id, public_jwk, expires_at)
    values ('ops:test', ${until}, '{}', now() + ${until}::interval)`
  await renew('20 days')
  await renew('3 days')
  await world.owner`update client set disabled_at = now() where client_id = 'auditor:test'`
  const { server } = await world.start({ METRICS_PORT: '0' })
  const text = await scrape(server.metricsPort)
  const clients = samples(text).filter(({ name }) => name === 'kiemthe_clients')
  expect(Object.fromEntries(clients.map((each) => [each.labels['key_ends'], each.value]))).toEqual({
    expired: 0,
    '7d': 3,
    '30d': 1,
    later: 0,
  })
})

test('one process of a crew would answer for itself alone', async () => {
  const keys = await keysFolder(world)
  const env = { PROCESSES: '2', METRICS_PORT: '0', SERVICE_ID: 'urn:kiemthe:test' }
  const port = await anyFreePort()
  const serve = await startServe({ databaseUrl: world.appUrl, keysFolder: keys.path, port, env })
  try {
    const metricsPort = Number(/^metrics http:\/\/127\.0\.0\.1:(\d+)\/metrics$/m.exec(serve.said())?.[1])
    // a connection each: the system spreads them over the processes
    const headers = { connection: 'close' }
    for (let n = 0; n < 20; n++) await send(serve.url, { token, headers, body: asking(scan(someone)) })
    const text = await scrape(metricsPort)
    expect(sumOf(text, 'kiemthe_decisions_total', { code: 'valid' })).toBe(20)
    expect(sumOf(text, 'kiemthe_db_connections_max')).toBe(12)
    expect(sumOf(text, 'kiemthe_database_up')).toBe(1)
    expect(sumOf(text, 'kiemthe_build_info')).toBe(1)
  } finally {
    await serve.terminate()
    await keys.remove()
  }
})

interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly status: { readonly code?: number }
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[]
}

describe('traces', () => {
  const bodies: string[] = []
  const paths: string[] = []
  const receiver = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      paths.push(`${request.method} ${request.url}`)
      bodies.push(body)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  afterAll(() => receiver.close())

  test('a request and what it waited for would not be told to the collector, or with somebody in it', async () => {
    receiver.listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const address = receiver.address()
    const OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`
    const { url, server } = await world.start({ OTEL_EXPORTER_OTLP_ENDPOINT })
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
    const caller = '00f067aa0ba902b7'
    const traceparent = `00-${trace}-${caller}-01`
    const asked = await send(url, { token, headers: { traceparent }, body: asking(scan(someone)) })
    await send(url, { token: 'no', body: asking(scan(someone)) })
    await send(url, { headers: { traceparent: `00-${trace}-${caller}-00` }, method: 'GET', path: '/health/live' })
    await server.close() // what waits is sent before the end

    const spans: SentSpan[] = bodies.flatMap((body) =>
      JSON.parse(body).resourceSpans.flatMap((resource: { scopeSpans: { spans: SentSpan[] }[] }) =>
        resource.scopeSpans.flatMap((each) => each.spans),
      ),
    )
    expect(new Set(paths)).toEqual(new Set(['POST /v1/traces']))
    const own = spans.filter((span) => span.traceId === trace)
    const root = own.find((span) => span.parentSpanId === caller)
    // the caller did not want the third request traced
    expect(spans.map((span) => span.name).sort()).toEqual([
      'POST /v1/verifications',
      'POST /v1/verifications',
      'append to log',
      'read coverage',
    ])
    expect(own.map((span) => span.parentSpanId).sort()).toEqual([caller, root?.spanId, root?.spanId].sort())
    expect(Object.fromEntries(root?.attributes.map(({ key, value }) => [key, Object.values(value)[0]]) ?? [])).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/verifications',
      'http.response.status_code': 200,
      'kiemthe.code': 'valid',
      'kiemthe.request_id': asked.headers.get('x-request-id'),
    })
    expect(JSON.stringify(spans)).toContain('token_malformed')
    expectNoTrace(bodies, [...secretsOf(someone), '38001'])
  })

  test('a collector that is away would cost an answer, or hold the end up', async () => {
    const endpoint = `http://127.0.0.1:${await anyFreePort()}`
    const { url, server } = await world.start({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
    const asked = await send(url, { token, body: asking(scan(someone)) })
    expect(asked.status).toBe(200)
    await server.close()
  })
})
