import { createLane } from '../db/lane.ts'
import type { Query } from '../db/pool.ts'
import type { Registry } from '../population/client.ts'
import type { Scope, Service } from '../scope.ts'
import { PART_ITEMS_MAX } from '../verification/batch.ts'
import type { NodeMetrics } from './prometheus.ts'
import { sharedStatements } from './statements.ts'

/**
 * Callers that may wait for a shared statement. An append took 25–46 µs a row (measured), so 256 rows about 10 ms: 1,024
 * waiting are 4 statements, some 40 ms. More than that is not a queue but an outage; the next caller is told at once.
 */
const READ_GROUP = { itemsMax: 256, waitingMax: 1024 }
export const APPEND_GROUP = { itemsMax: 256, waitingMax: 1024 }
/**
 * Batches have a lane of their own. Two at once: while one waits for PostgreSQL the other has the processor. Eight may
 * wait: a batch of 1,000 took 0.8–1.2 s beside a busy desk (measured), so the last one waits for four such times, some 5 s.
 * Two parts are the most that ask for a statement at once, so nobody is refused there.
 */
const LANE = { runningMax: 2, waitingMax: 8 }
const LANE_GROUP = { itemsMax: PART_ITEMS_MAX, waitingMax: 2 * PART_ITEMS_MAX }
/**
 * Dossiers: some 5–20 ms of processor each for the usual one (estimated), in pieces of some ms. Two at once keep the database busy while one
 * is read; 64 may wait, a second or two.
 */
const SHARE_LANE = { runningMax: 2, waitingMax: 64 }
/**
 * Auditors have a lane and connections of their own: two pages at once, some 20 ms each, while 32 wait, half a second. A
 * stream takes a place for a chunk, not for its length.
 */
const AUDIT_LANE = { runningMax: 2, waitingMax: 32 }
export const AUDIT_CONNECTIONS = AUDIT_LANE.runningMax
const AUDIT_GROUP = { itemsMax: 32, waitingMax: 64 }

/** On Node all requests share one scope: what differs between two requests is not in it. */
export function nodeScope(
  service: Service,
  query: Query,
  auditQuery: Query,
  registry: Registry | null,
  metrics: NodeMetrics | null,
  log: Pick<Scope, 'record' | 'report'>,
): Scope {
  const single = {
    service,
    query,
    now: () => new Date(),
    registry,
    ...sharedStatements(service, query, READ_GROUP, APPEND_GROUP, metrics?.statements.single, (ms) =>
      service.limits.gate.took(ms, performance.now()),
    ),
    background: (work: Promise<unknown>) => {
      work.catch(() => {}) // background work reports its own failures
    },
    ...log,
  }
  const auditor: Scope = {
    ...single,
    query: auditQuery,
    registry: null,
    ...sharedStatements(service, auditQuery, AUDIT_GROUP, AUDIT_GROUP),
    inLane: (work) => work(auditor),
    inShareLane: (work) => work(auditor),
    inAuditLane: (work) => work(auditor),
  }
  const enterAudit = createLane(AUDIT_LANE)
  const inAuditLane: Scope['inAuditLane'] = (work) => enterAudit(() => work(auditor))
  const lane: Scope = {
    ...single,
    registry: null,
    inAuditLane,
    ...sharedStatements(service, query, LANE_GROUP, LANE_GROUP, metrics?.statements.batch),
    inLane: (work) => work(lane),
    inShareLane: (work) => work(lane),
  }
  const shares: Scope = { ...lane, ...sharedStatements(service, query, LANE_GROUP, LANE_GROUP) }
  const enter = createLane(LANE, metrics?.batches)
  const enterShares = createLane(SHARE_LANE)
  return {
    ...single,
    inAuditLane,
    inLane: (work) => enter(() => work(lane)),
    inShareLane: (work) => enterShares(() => work(shares)),
  }
}
