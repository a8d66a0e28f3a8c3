import { ROUTES } from '../../src/app.ts'
import type { RequestEvent } from '../../src/event.ts'
import { createMetrics, type NodeMetrics, type Watched } from '../../src/host/prometheus.ts'
import { routePattern } from '../../src/http/route.ts'
import { createLimits } from '../../src/limits/limits.ts'

export const WATCHED: Watched = {
  limits: createLimits({
    rateLimitPerSecond: 1,
    rateLimitBurst: 1,
    guessingMissesPerHour: 1,
    badCredentialsPerSecond: 1,
    badCredentialsBurst: 1,
    publicReadsPerSecond: 1,
    publicReadsBurst: 1,
    refusedCallsWindowMs: 60_000,
    requestsInFlightMax: 16,
  }),
  pool: { underWay: 0, silent: 0 },
  connectionsMax: 6,
  database: async () => ({
    logWritable: true,
    feedAgeSeconds: 60,
    feedIncomplete: { gap: false, refused: false },
    quarantined: 0,
    quarantinedByFeed: { vss: 0, a: 0, b: 0, c: 0 },
    unpublishedSeconds: 0,
    uncosignedSeconds: 0,
    unprojectedSeconds: 0,
    claims: { waiting: 3, waitingSeconds: 5, givenUp: 0 },
    keys: { firstDays: 20, clients: { expired: 0, '7d': 0, '30d': 1, later: 2 } },
  }),
  registry: () => 'closed',
  now: () => new Date('2026-11-24T03:00:00Z'),
}

export function event(overrides: Partial<RequestEvent> = {}): RequestEvent {
  return {
    requestId: 'id',
    method: 'POST',
    route: '/v1/verifications',
    status: 200,
    code: 'valid',
    client: null,
    durationMs: 7,
    failure: null,
    ...overrides,
  }
}

/** A process that has met all there is: every route with every method and outcome, each statement, every code. */
export function fullMetrics(watched: Watched = WATCHED): NodeMetrics {
  const metrics = createMetrics()
  const known = ROUTES.flatMap((route) =>
    (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]).map((each) => [each, routePattern(route)] as const),
  )
  const unknown = ['GET', 'POST', 'HEAD', 'PUT', 'PROPFIND', '-'].map((method) => [method, '*'] as const)
  for (const [method, route] of [...known, ...unknown]) {
    for (const status of [200, 201, 404, 429, 500, 503]) metrics.request(event({ method, route, status }))
  }
  for (const lane of [metrics.statements.single, metrics.statements.batch]) {
    lane.read.ran(3, 0.002)
    lane.append.ran(3, 0.004)
  }
  metrics.service.batch(1000)
  metrics.service.registryAsked(0.4)
  metrics.watch(watched)
  return metrics
}

/** Name, labels and value of each line of an exposition. */
export function samples(text: string): { name: string; labels: Record<string, string>; value: number }[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', inside = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (name === '') throw new Error(`not a sample: ${line}`)
      const labels = Object.fromEntries([...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]))
      return { name, labels, value: Number(value) }
    })
}

/** The sum of a metric over all series that have these labels. */
export function sumOf(text: string, name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels)
  return samples(text)
    .filter((each) => each.name === name && wanted.every(([key, value]) => each.labels[key] === value))
    .reduce((sum, each) => sum + each.value, 0)
}
