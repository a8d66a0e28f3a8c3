import { createWriteStream } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Context, Hono } from 'hono'
import { pino } from 'pino'
import { person } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { issueAccessToken, readBearer } from '../src/access/access-token.ts'
import { readClientId } from '../src/access/principal.ts'
import { noRevocationsYet } from '../src/access/revocations.ts'
import { importTokenKeys, makeSigningKey } from '../src/access/token-keys.ts'
import { createApp } from '../src/app.ts'
import { isoDate } from '../src/calendar.ts'
import { readConfig } from '../src/config.ts'
import { deriveDataKeys, lookupKey } from '../src/data-keys.ts'
import type { RequestEvent } from '../src/event.ts'
import { createMetrics } from '../src/host/prometheus.ts'
import { startTracing } from '../src/host/tracing.ts'
import { type Admission, admit } from '../src/http/admission.ts'
import { type Answer, endpoint } from '../src/http/endpoint.ts'
import { readJson } from '../src/http/request.ts'
import { createLimits } from '../src/limits/limits.ts'
import { NO_METRICS } from '../src/metrics/metrics.ts'
import type { Scope, Service } from '../src/scope.ts'
import { verificationRequestSchema } from '../src/verification/request.ts'
import { verify } from '../src/verification/verify.ts'

/** One request through the layers up to here; what a layer adds is the difference to the one before. */
interface Layer {
  readonly name: string
  readonly fetch: (request: Request) => Response | Promise<Response>
}

/**
 * What each step of a request costs, in this process and without sockets or a database: the same request through the
 * layers up to the first, the second, … in turn, so that a noisy machine disturbs all alike. Each round tells a mean for
 * each layer; shown are the medians over the rounds.
 */
export async function middleware(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { rounds: { type: 'string', default: '5' }, requests: { type: 'string', default: '20000' } },
  })
  const rounds = Number(values.rounds)
  const requests = Number(values.requests)
  const { layers, request, stop } = await build()
  const means = layers.map((): number[] => [])
  for (let round = 0; round <= rounds; round++) {
    // slices of a round take turns too: what disturbs for a second disturbs all
    const spentMs = layers.map(() => 0)
    const slices = 20
    for (let slice = 0; slice < slices; slice++) {
      for (const [i, layer] of layers.entries()) {
        const began = performance.now()
        for (let n = 0; n < requests / slices; n++) {
          const response = await layer.fetch(request())
          if (response.status !== 200) throw new Error(`${layer.name}: ${response.status} ${await response.text()}`)
        }
        spentMs[i] = (spentMs[i] ?? 0) + performance.now() - began
      }
    }
    // the first round only warms up
    if (round > 0) for (const [i, mean] of means.entries()) mean.push(((spentMs[i] ?? 0) * 1000) / requests)
  }
  await stop()
  const added = means.map((mean, i) => mean.map((value, round) => value - (i === 0 ? 0 : (means[i - 1]?.[round] ?? 0))))
  process.stdout.write('| layer | adds µs (median, spread) | with all before it |\n| --- | --- | --- |\n')
  layers.forEach(({ name }, i) => {
    process.stdout.write(`| ${name} | ${shown(added[i] ?? [])} | ${median(means[i] ?? []).toFixed(1)} |\n`)
  })
}

function shown(values: readonly number[]): string {
  return `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)})`
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

async function build() {
  const { service, token, body, findCoverage } = await world()
  const url = 'http://127.0.0.1/v1/verifications'
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const request = () => new Request(url, { method: 'POST', headers, body })
  const now = () => new Date()
  const scope: Scope = {
    service,
    now,
    query: async () => [] as never, // nothing was revoked
    findCoverage,
    append: async () => ({ outcome: 'appended', logId: 1, index: 1 }),
    registry: null,
    inAuditLane: async () => {
      throw new Error('not asked')
    },
    inLane: (work) => work(scope),
    inShareLane: (work) => work(scope),
    background: () => {},
    record: () => {},
    report: () => {},
  }
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, createWriteStream('/dev/null'))
  const metrics = createMetrics()
  const logged = { ...scope, record: (event: RequestEvent) => log.info(event, 'request') }
  const measured: Scope = {
    ...scope,
    service: { ...service, metrics: metrics.service },
    record: (event) => {
      metrics.request(event)
      log.info(event, 'request')
    },
  }
  const answer: Answer = { status: 200, body: '{}', code: 'valid' }
  const address = () => '192.0.2.1'
  const admission = (): Admission => ({ caller: null, rateLimit: {} })
  const { tokenKeys, tokens, limits, config } = service
  const bearer = (c: Context) => {
    const presented = { authorization: c.req.header('authorization'), certificate: null, beforeProof: () => {} }
    return readBearer(presented, tokenKeys, tokens, config.serviceId, new Date())
  }
  const serving = (at: Scope, work: (c: Context, at: Scope) => Promise<Answer>) =>
    mounted(endpoint(() => at, address, { access: 'public', work }))
  const access = ['verify'] as const
  // no collector there: spans are made, kept, and dropped
  const tracing = startTracing({ endpoint: 'http://127.0.0.1:9', ratio: 1 })
  const layers: Layer[] = [
    { name: 'a `Request` made, and a `Response`', fetch: () => new Response('{}') },
    { name: 'Hono finds the path', fetch: mounted(async () => new Response('{}')) },
    { name: 'request id, clock, security headers, an event', fetch: serving(scope, async () => answer) },
    { name: 'the event written (pino)', fetch: serving(logged, async () => answer) },
    { name: 'the event counted (`METRICS_PORT`)', fetch: serving(measured, async () => answer) },
    {
      name: 'token, its decision cached',
      fetch: serving(measured, async (c) => {
        await bearer(c)
        return answer
      }),
    },
    {
      name: 'rate limit of the client',
      fetch: serving(measured, async (c) => {
        const caller = await bearer(c)
        limits.rate.take(caller.clientId, Date.now())
        return answer
      }),
    },
    {
      name: 'room, revocation, scope, `RateLimit` headers',
      fetch: serving(measured, async (c, at) => {
        const to = admission()
        await admit(c, at, access, address, to)
        return { ...answer, headers: to.rateLimit }
      }),
    },
    {
      name: 'body read, UTF-8, JSON, repeated members, schema',
      fetch: serving(measured, async (c, at) => {
        const to = admission()
        await admit(c, at, access, address, to)
        await readJson(c, verificationRequestSchema)
        return { ...answer, headers: to.rateLimit }
      }),
    },
    {
      name: 'the work: evidence, keys, decision, entry sealed (statements left out)',
      fetch: serving(measured, async (c, at) => {
        const to = admission()
        const caller = await admit(c, at, access, address, to)
        const { value } = await readJson(c, verificationRequestSchema)
        const verified = await verify(at, caller, value, null)
        return { status: 200, body: JSON.stringify(verified), code: verified.code, headers: to.rateLimit }
      }),
    },
    { name: 'the app itself, as it is served', fetch: (each) => createdOnce(each) },
    { name: 'a trace of three spans, all kept', fetch: (each) => tracedOnce(each, {}) },
  ]
  const createdOnce = createApp(() => measured, address).fetch
  const tracedOnce = tracing.around((open) => createApp(open, address), measured)
  return { layers, request, stop: tracing.stop }
}

function mounted(handler: (c: Context) => Promise<Response>): Layer['fetch'] {
  const app = new Hono()
  app.on('POST', '/v1/verifications', handler)
  return (request) => app.fetch(request)
}

/** A service with one person in its copy. */
async function world() {
  const config = readConfig({
    PUBLIC_URL: 'https://kiemthe.test',
    DATABASE_URL: 'postgres://none',
    DATA_KEYS_FILE: 'none',
    TOKEN_KEYS_FILE: 'none',
    RATE_LIMIT_PER_SECOND: '1000000',
    RATE_LIMIT_BURST: '1000000',
  })
  const key = Buffer.alloc(32, 7).toString('base64')
  const dataKeys = deriveDataKeys({ lookup: key, log: key, seal: { current: 1, generations: { '1': key } } })
  const tokenKeys = await importTokenKeys({ keys: [await makeSigningKey('token-1')] })
  const service: Service = {
    config,
    dataKeys,
    tokenKeys,
    tokens: new Map(),
    revocations: noRevocationsYet(),
    limits: createLimits(config),
    metrics: NO_METRICS,
  }
  const client = readClientId('facility:38001')
  if (client === null) throw new TypeError('not a client id')
  const token = await issueAccessToken(tokenKeys, config.serviceId, new Date(), {
    clientId: client.clientId,
    keyId: 'key-1',
    scopes: ['verify'],
    lifeSeconds: 600,
  })
  const serviceDate = new Date().toISOString().slice(0, 10)
  const someone = person({ seed: 'thanh-hoa', baseDate: isoDate(serviceDate) }, 0)
  const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
  const subject = lookupKey(dataKeys, someone.citizenId)
  return {
    service,
    token,
    body: JSON.stringify({ evidence, serviceDate, purpose: 'arrival' }),
    findCoverage: async () => ({
      subject,
      watermark: { feedSequence: 1, asOf: new Date(), loadedAt: '2026-01-01 00:00:00+00', incomplete: false },
      checkpoint: null,
      coverages: [],
    }),
  }
}
