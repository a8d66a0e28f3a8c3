import { appendBatch } from '../audit/log.ts'
import { findSealed, openRead } from '../coverage/store.ts'
import { connect } from '../db/connect.ts'
import { createPool, type Pool, type Query } from '../db/pool.ts'
import { outcomeUnknown } from '../host/append.ts'
import { sharedStatements } from '../host/statements.ts'
import type { Registry } from '../population/client.ts'
import type { Scope, Service } from '../scope.ts'
import { PART_ITEMS_MAX } from '../verification/batch.ts'
import type { ExecutionContext } from './bindings.ts'
import { writeLog } from './log.ts'

/** A batch has one part of its items under way. */
const PART = { itemsMax: PART_ITEMS_MAX, waitingMax: PART_ITEMS_MAX }

/** Read and write follow one another; what runs beside them (a renewal of the revocations) is pipelined. */
const CONNECTIONS_MAX = 1

/** One request. Its connection is its own, opened at its first statement: no socket may serve two requests here. */
export interface RequestScope extends Scope {
  /** Lets go of the connection, once the work that outlives the answer is done. */
  readonly close: () => Promise<void>
}

export function openScope(
  service: Service,
  databaseUrl: string,
  context: ExecutionContext,
  admit: (query: Query) => Promise<void>,
  registry: Registry | null = null,
): RequestScope {
  const { config, dataKeys } = service
  const later: Promise<unknown>[] = []
  let pool: Pool | null = null
  const open = () =>
    connect(databaseUrl, {
      connectionsMax: CONNECTIONS_MAX,
      statementTimeoutMs: config.dbStatementTimeoutMs,
      applicationName: 'kiemthe worker',
    })
  // PostgreSQL ends the statement first, unless it is gone
  const unchecked: Query = (work) => {
    pool ??= createPool(open, config.dbStatementTimeoutMs + 1_000)
    return pool.query(work)
  }
  const query: Query = async (work) => {
    await admit(unchecked)
    return unchecked(work)
  }
  const scope: RequestScope = {
    service,
    query,
    now: () => new Date(),
    findCoverage: async (names) => {
      const [read] = await query((sql) => findSealed(sql, [names]))
      if (read === undefined) throw new Error('one number was asked for')
      return openRead(dataKeys, read)
    },
    append: async (row) => {
      const [appended] = await query((sql) => appendBatch(sql, dataKeys, [row])).catch(outcomeUnknown)
      if (appended === undefined || appended instanceof Error) throw appended ?? new Error('one row was appended')
      return appended
    },
    // the statements of a part are shared within this one request; nobody waits behind it
    registry,
    inLane: (work) => work({ ...scope, registry: null, ...sharedStatements(service, query, PART, PART) }),
    inShareLane: (work) => work(scope),
    inAuditLane: (work) => work(scope),
    background: (work) => {
      const settled = work.catch(() => {}) // background work reports its own failures
      later.push(settled)
      context.waitUntil(settled)
    },
    record: (event) => writeLog(config.logLevel, event.status >= 500 ? 'error' : 'info', { ...event }, 'request'),
    report: (trouble, failure) => writeLog(config.logLevel, 'error', { trouble, failure }, 'trouble'),
    close: async () => {
      await Promise.all(later)
      await pool?.end()
    },
  }
  return scope
}
