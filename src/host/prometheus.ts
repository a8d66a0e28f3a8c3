import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import packageJson from '../../package.json' with { type: 'json' }
import type { LaneSeen } from '../db/lane.ts'
import type { PoolSeen } from '../db/pool.ts'
import { DECISION_CODES } from '../entitlement/decision-code.ts'
import { ERROR_CODES } from '../errors.ts'
import type { RequestEvent } from '../event.ts'
import { ASSURANCES } from '../identity/assurance.ts'
import { PRIORITIES } from '../limits/gate.ts'
import type { Limits } from '../limits/limits.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { BREAKER_STATES, type BreakerState } from '../population/breaker.ts'
import type { Trouble } from '../scope.ts'
import { gaugesOf, watchDatabase } from './database-gauges.ts'
import type { DatabaseReport } from './database-report.ts'
import type { RefusedUnread } from './door.ts'
import type { StatementWatch, StatementWatches } from './statements.ts'

/**
 * What `/metrics` shows of one process (`ops/README.md`). Every label is a word of a closed list: no client,
 * no facility, no person, so the number of series has a bound:
 *
 *   requests     61 routes and methods (24 GET with HEAD, 9 POST, 4 of no route) × 3 outcomes × 16 = 2,928
 *   statements   2 × 2 lanes × (16 for seconds + 12 for items + 2 for the backlog)                 =   120
 *   decisions    21 codes × 3 assurances                                                           =    63
 *   refusals     83 codes                                                                          =    83
 *   registry     16 for seconds, 3 for the breaker                                             =    19
 *   others       troubles 7, batches 9 + 2, in flight 2, gate 5, unread 3, pool 4, database 19, guessing 1, build 1  =    53
 *   of Node      memory, processor, files, event loop, garbage                                     =   100
 *
 * some 3,375, of which a province uses a third. `test/host/prometheus.test.ts` counts them.
 */
export interface NodeMetrics {
  readonly registry: Registry
  readonly service: Metrics
  readonly statements: Readonly<Record<Lane, StatementWatches>>
  readonly batches: LaneSeen
  readonly request: (event: RequestEvent) => void
  readonly refusedUnread: (refused: RefusedUnread) => void
  readonly trouble: (trouble: Trouble) => void
  /** From then on a scrape shows these too. */
  readonly watch: (watched: Watched) => void
}

const LANES = ['single', 'batch'] as const
type Lane = (typeof LANES)[number]

/** What is looked at when somebody scrapes. */
export interface Watched {
  readonly limits: Limits
  readonly pool: Readonly<PoolSeen>
  readonly connectionsMax: number
  readonly database: () => Promise<DatabaseReport | null>
  /** Null without an agreement. */
  readonly registry: (() => BreakerState) | null
  readonly now: () => Date
}

const TROUBLES: Readonly<Record<Trouble, true>> = {
  copyUnreadable: true,
  visitNotChecked: true,
  batchItemFailed: true,
  refusedCallsNotRecorded: true,
  feedBatchHeld: true,
  registryOpened: true,
  auditStreamBroken: true,
}
const PROBLEM_CODES: ReadonlySet<string> = new Set(ERROR_CODES)

/** A verification takes 1 to 10 ms; a desk waits for 3 s at the most, a batch may take 5. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const GROUP_ITEMS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
const BATCH_ITEMS = [1, 10, 32, 100, 320, 1000]

export function createMetrics(): NodeMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const requests = new Histogram({
    name: 'kiemthe_http_request_duration_seconds',
    help: 'Requests by route pattern, method and outcome (ok, refused: 4xx, failed: 5xx), from head read to answer made; measured in whole milliseconds',
    labelNames: ['method', 'route', 'outcome'],
    buckets: SECONDS,
    registers,
  })
  const refusals = new Counter({
    name: 'kiemthe_http_problems_total',
    help: 'Requests that were answered with a problem, by its code',
    labelNames: ['code'],
    registers,
  })
  const decisions = new Counter({
    name: 'kiemthe_decisions_total',
    help: 'Verifications that stand in the log, by decision code and how strongly the person was proven',
    labelNames: ['code', 'assurance'],
    registers,
  })
  // each series is there from the start, at 0: of one that begins with 1 Prometheus sees no increase
  for (const code of ERROR_CODES) refusals.inc({ code }, 0)
  for (const code of Object.keys(DECISION_CODES)) {
    for (const assurance of ASSURANCES) decisions.inc({ code, assurance }, 0)
  }
  const batchItems = new Histogram({
    name: 'kiemthe_batch_items',
    help: 'Items of accepted batches',
    buckets: BATCH_ITEMS,
    registers,
  })
  const registrySeconds = new Histogram({
    name: 'kiemthe_registry_duration_seconds',
    help: 'Questions to the population registry, sent to over, whatever came of them',
    buckets: SECONDS,
    registers,
  })
  const troubles = new Counter({
    name: 'kiemthe_trouble_total',
    help: 'Failures behind answers that were given all the same',
    labelNames: ['trouble'],
    registers,
  })
  for (const trouble of Object.keys(TROUBLES)) troubles.inc({ trouble }, 0)
  const unread = new Counter({
    name: 'kiemthe_requests_refused_unread_total',
    help: 'Requests refused before anything of them was read: no room, their client had its part, or a crowd of unknown ones',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of ['room', 'part', 'late']) unread.inc({ reason }, 0)
  const groupItems = new Histogram({
    name: 'kiemthe_statement_items',
    help: 'Callers that one shared statement served',
    labelNames: ['statement', 'lane'],
    buckets: GROUP_ITEMS,
    registers,
  })
  const statementSeconds = new Histogram({
    name: 'kiemthe_statement_duration_seconds',
    help: 'Shared statements, sent to answered, well or not',
    labelNames: ['statement', 'lane'],
    buckets: SECONDS,
    registers,
  })
  new Gauge({
    name: 'kiemthe_build_info',
    help: '1; the version that runs',
    labelNames: ['version'],
    aggregator: 'first',
    registers,
  }).set({ version: packageJson.version }, 1)

  const watchOf = (statement: string, lane: Lane): StatementWatch => ({
    waiting: 0,
    running: 0,
    ran: (items, seconds) => {
      groupItems.observe({ statement, lane }, items)
      statementSeconds.observe({ statement, lane }, seconds)
    },
  })
  const watchesOf = (lane: Lane) => ({ read: watchOf('read', lane), append: watchOf('append', lane) })
  const statements = { single: watchesOf('single'), batch: watchesOf('batch') }
  new Gauge({
    name: 'kiemthe_backlog_items',
    help: 'Callers that wait for a shared statement that has not been sent yet',
    labelNames: ['statement', 'lane'],
    registers,
    collect() {
      for (const lane of LANES) {
        this.set({ statement: 'read', lane }, statements[lane].read.waiting)
        this.set({ statement: 'append', lane }, statements[lane].append.waiting)
      }
    },
  })
  const batches: LaneSeen = { running: 0, waiting: 0 }
  new Gauge({
    name: 'kiemthe_batches',
    help: 'Batches being worked on, and waiting for that',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'running' }, batches.running)
      this.set({ state: 'waiting' }, batches.waiting)
    },
  })

  return {
    registry,
    service: {
      decided: (code, assurance) => decisions.inc({ code, assurance }),
      batch: (items) => batchItems.observe(items),
      registryAsked: (seconds) => registrySeconds.observe(seconds),
    },
    statements,
    batches,
    request: ({ method, route, status, code, durationMs }) => {
      requests.observe({ method: methodLabel(method), route, outcome: outcomeOf(status) }, durationMs / 1000)
      if (code !== null && PROBLEM_CODES.has(code)) refusals.inc({ code })
    },
    refusedUnread: ({ refused, room, late }) => {
      refusals.inc({ code: 'overloaded' }, refused)
      unread.inc({ reason: 'room' }, room)
      unread.inc({ reason: 'late' }, late)
      unread.inc({ reason: 'part' }, refused - room - late)
    },
    trouble: (trouble) => troubles.inc({ trouble }),
    watch: (watched) => watchHost(registry, batches, watched),
  }
}

/** A caller may send any method that Node's parser knows. */
function methodLabel(method: string): string {
  return method === 'GET' || method === 'POST' || method === 'HEAD' ? method : 'other'
}

function outcomeOf(status: number): 'ok' | 'refused' | 'failed' {
  return status < 400 ? 'ok' : status < 500 ? 'refused' : 'failed'
}

function watchHost(registry: Registry, batches: LaneSeen, watched: Watched): void {
  const { limits, pool, connectionsMax, database, now } = watched
  const registers = [registry]
  const gauge = gaugesOf(registry)
  new Gauge({
    name: 'kiemthe_requests_in_flight',
    help: 'Requests being answered; `batch` are those that hold a batch, waiting or not',
    labelNames: ['lane'],
    registers,
    collect() {
      const batch = batches.running + batches.waiting
      this.set({ lane: 'batch' }, batch)
      this.set({ lane: 'single' }, Math.max(0, limits.inFlight - batch))
    },
  })
  gauge(
    'kiemthe_requests_under_way_max',
    'Requests of clients that are let in at once: falls while shared statements take longer than they should',
    () => limits.gate.seen.limit,
  )
  new Counter({
    name: 'kiemthe_requests_shed_total',
    help: 'Requests that were not let in, by what they were for',
    labelNames: ['priority'],
    registers,
    collect() {
      this.reset()
      for (const priority of PRIORITIES) this.inc({ priority }, limits.gate.seen.shed[priority])
    },
  })
  const breakerState = watched.registry
  if (breakerState !== null) {
    new Gauge({
      name: 'kiemthe_registry_breaker',
      help: 'Processes whose breaker before the population registry is in that state',
      labelNames: ['state'],
      registers,
      collect() {
        for (const state of BREAKER_STATES) this.set({ state }, breakerState() === state ? 1 : 0)
      },
    })
  }
  gauge(
    'kiemthe_guessing_suspected',
    'Facilities whose typed evidence is refused now, each counted by each process',
    () => limits.guessing.suspected(now().getTime()),
  )

  gauge('kiemthe_db_connections_max', 'Connections to the database at the most', () => connectionsMax)
  gauge('kiemthe_db_connections_used', 'Connections on which an answer is awaited', () =>
    Math.min(pool.underWay, connectionsMax),
  )
  gauge('kiemthe_db_waiting', 'Works that share a connection with another one because all are used', () =>
    Math.max(0, pool.underWay - connectionsMax),
  )
  new Counter({
    name: 'kiemthe_db_silent_total',
    help: 'Times the database did not answer within the deadline and all connections were given up',
    registers,
    collect() {
      this.reset()
      this.inc(pool.silent)
    },
  })
  watchDatabase(registry, gauge, database)
}
