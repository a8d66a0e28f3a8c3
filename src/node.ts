import { type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createAdaptorServer } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { type DestinationStream, pino } from 'pino'
import { noRevocationsYet } from './access/revocations.ts'
import { importTokenKeys, type TokenKeysFile } from './access/token-keys.ts'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import { type DataKeysFile, deriveDataKeys } from './data-keys.ts'
import { connect } from './db/connect.ts'
import { createLane } from './db/lane.ts'
import { createPool, type Pool, type Query } from './db/pool.ts'
import { ServiceError } from './errors.ts'
import { describeFailure } from './event.ts'
import { boundConnections, unusedConnections } from './host/connections.ts'
import { unfitness } from './host/fitness.ts'
import { behindWitness, keepMark } from './host/log-mark.ts'
import { keepRefused } from './host/refused-calls.ts'
import { sharedStatements } from './host/statements.ts'
import { SWEEP_EVERY_MS, sweep } from './host/sweep.ts'
import type { AddressOf } from './http/admission.ts'
import { toProblem } from './http/problem.ts'
import { clientAddress, parseNetwork } from './limits/client-address.ts'
import { createLimits } from './limits/limits.ts'
import type { Scope, Service } from './scope.ts'
import { PART_ITEMS_MAX } from './verification/batch.ts'

/**
 * Callers that may wait for a shared statement. An append took 25–46 µs a row (measured), so 256 rows about 10 ms: 1,024
 * waiting are 4 statements, some 40 ms. More than that is not a queue but an outage; the next caller is told at once.
 */
const READ_GROUP = { itemsMax: 256, waitingMax: 1024 }
const APPEND_GROUP = { itemsMax: 256, waitingMax: 1024 }
/**
 * Batches have a lane of their own. Two at once: while one waits for PostgreSQL the other has the processor. Eight may
 * wait: a batch of 1,000 took 0.8–1.2 s beside a busy desk (measured), so the last one waits for four such times, some 5 s.
 * Two parts are the most that ask for a statement at once, so nobody is refused there.
 */
const LANE = { runningMax: 2, waitingMax: 8 }
const LANE_GROUP = { itemsMax: PART_ITEMS_MAX, waitingMax: 2 * PART_ITEMS_MAX, gathers: true }
/** Idle connections of a proxy live longer than its own keep-alive (60 s is common), so that it never meets a closed one. */
const KEEP_ALIVE_MS = 65_000
const HEADERS_TIMEOUT_MS = 10_000
/** Node looks for requests past their time only this often: with 15 s to send one it ends within 16 s; with Node's own 30 s, within 45. */
const CONNECTIONS_CHECK_EVERY_MS = 1_000
/** A request waits for this many statements one after the other at the most (revocations, copy, log, its earlier answer): no byte moves meanwhile. */
const STATEMENTS_IN_TURN = 4
/** PostgreSQL ends a statement first, unless it is gone. */
const DEAD_CONNECTION_MS = 1_000

export interface RunningServer {
  readonly port: number
  /** Stops accepting, lets every accepted request end, closes the database. Later calls share the first. */
  readonly close: () => Promise<void>
}

/** Why `serve` refuses to start; each line is for the operator. */
export class StartError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

export async function startServer(
  config: Config,
  keys: { readonly data: DataKeysFile; readonly token: TokenKeysFile },
  logTo: DestinationStream & { flushSync?: () => void },
): Promise<RunningServer> {
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, logTo)
  const pool = openPool(config)
  const service: Service = {
    config,
    dataKeys: deriveDataKeys(keys.data),
    tokenKeys: await importTokenKeys(keys.token),
    tokens: new Map(),
    revocations: noRevocationsYet(),
    limits: createLimits(config),
  }
  await refuseUnfit(pool.query, service, config).catch(async (error: unknown) => {
    await pool.end()
    throw error
  })
  const scope = nodeScope(service, pool.query, {
    record: (event) => {
      if (event.status >= 500) log.error(event, 'request')
      else log.info(event, 'request')
    },
    report: (trouble, failure) => log.error({ trouble, failure }, 'trouble'),
  })
  const server = createAdaptorServer({
    fetch: createApp(() => scope, addressBehind(config.trustedProxies)).fetch,
    serverOptions: { connectionsCheckingInterval: CONNECTIONS_CHECK_EVERY_MS },
  }) as Server
  server.requestTimeout = config.requestTimeoutMs
  server.headersTimeout = Math.min(HEADERS_TIMEOUT_MS, config.requestTimeoutMs)
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.timeout = silenceMaxMs(config)
  // a client that says it will send no more (FIN) still reads: without this Node ends its side too, and drops the answer
  Object.assign(server, { httpAllowHalfOpen: true })
  boundConnections(server, config.connectionsMax, (refused) =>
    log.warn({ refused, connectionsMax: config.connectionsMax }, 'connections refused: CONNECTIONS_MAX are open'),
  )
  server.on('clientError', refuseUnparsed(scope, busyConnections(server)))
  const unused = unusedConnections(server)
  const port = await listen(server, config).catch(async (error: unknown) => {
    await pool.end()
    throw error
  })
  log.info({ port }, 'serving')

  const sweeping = setInterval(() => {
    sweep(pool.query).catch(() => log.warn('sweep failed; the next one tries again'))
  }, SWEEP_EVERY_MS)
  sweeping.unref()
  const markFailed = (error: unknown) => log.error({ failure: describeFailure(error) }, 'the log mark was not written')
  const refused = keepRefused(service, pool.query, (error) =>
    scope.report('refusedCallsNotRecorded', describeFailure(error)),
  )
  const mark = config.logMarkFile === null ? null : keepMark(pool.query, config.logMarkFile, markFailed)

  let closing: Promise<void> | null = null
  return {
    port,
    close: () => {
      closing ??= (async () => {
        clearInterval(sweeping)
        await drain(server, unused, config.drainTimeoutMs)
        await refused.stop()
        await mark?.stop()
        await pool.end()
        log.info('drained')
        logTo.flushSync?.()
      })()
      return closing
    },
  }
}

/** For a client that never reads: without a byte for longer than it may take to send a request and to answer it, a connection is closed (Node lets that pass once more when it could write a part). */
export function silenceMaxMs(config: Pick<Config, 'requestTimeoutMs' | 'dbStatementTimeoutMs'>): number {
  return config.requestTimeoutMs + STATEMENTS_IN_TURN * (config.dbStatementTimeoutMs + DEAD_CONNECTION_MS)
}

function addressBehind(trustedProxies: readonly string[]): AddressOf {
  const trusted = trustedProxies.map(parseNetwork).filter((network) => network !== null)
  return (c) => clientAddress(getConnInfo(c).remote.address, c.req.header('x-forwarded-for'), trusted)
}

function openPool(config: Config): Pool {
  const open = () =>
    connect(config.databaseUrl, {
      connectionsMax: config.dbConnectionsMax,
      statementTimeoutMs: config.dbStatementTimeoutMs,
      applicationName: 'kiemthe serve',
    })
  return createPool(open, config.dbStatementTimeoutMs + DEAD_CONNECTION_MS)
}

/** On Node all requests share one scope: what differs between two requests is not in it. */
function nodeScope(service: Service, query: Query, log: Pick<Scope, 'record' | 'report'>): Scope {
  const single = {
    service,
    query,
    now: () => new Date(),
    ...sharedStatements(service, query, READ_GROUP, APPEND_GROUP),
    background: (work: Promise<unknown>) => {
      work.catch(() => {}) // background work reports its own failures
    },
    ...log,
  }
  const lane: Scope = {
    ...single,
    ...sharedStatements(service, query, LANE_GROUP, LANE_GROUP),
    inLane: (work) => work(lane),
  }
  const enter = createLane(LANE)
  return { ...single, inLane: (work) => enter(() => work(lane)) }
}

/** The law, the keys and the log's mark are checked before the first request, not at it. */
export async function refuseUnfit(
  query: Query,
  service: Pick<Service, 'dataKeys'>,
  config: Pick<Config, 'logMarkFile'>,
): Promise<void> {
  const problems = await unfitness(query, service.dataKeys)
  if (config.logMarkFile !== null) problems.push(...(await behindWitness(query, config.logMarkFile)))
  if (problems.length > 0) throw new StartError(problems)
}

/** What Node's parser refused never reaches the app: it gets a problem, a request id and an event all the same. */
function refuseUnparsed(scope: Scope, busy: WeakSet<Duplex>): (error: NodeJS.ErrnoException, socket: Duplex) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const code =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? 'http_headers_too_large'
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? 'http_timeout'
          : 'http_malformed'
    const requestId = crypto.randomUUID()
    const { status, headers, body } = toProblem(new ServiceError(code), requestId)
    // a request whose body breaks off is in the app's hands, which tells it
    if (!busy.has(socket))
      scope.record({ requestId, method: '-', route: '*', status, code, client: null, durationMs: 0, failure: null })
    const all = {
      ...headers,
      'content-length': Buffer.byteLength(body),
      'x-request-id': requestId,
      connection: 'close',
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
  }
}

/** Connections whose request the app works on. */
function busyConnections(server: Server): WeakSet<Duplex> {
  const busy = new WeakSet<Duplex>()
  server.on('request', ({ socket }, response) => {
    busy.add(socket)
    response.once('close', () => busy.delete(socket))
  })
  return busy
}

function listen(server: Server, config: Config): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new StartError([`port ${config.port} is taken: choose another one`]) : error)
    })
    server.listen(config.port, config.host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : config.port)
    })
  })
}

/** Every request whose head was read gets its answer; connections that carry none are closed at once. */
async function drain(server: Server, unused: ReadonlySet<Socket>, timeoutMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  // a client that never pauses would keep its connection busy: one more answer each, and it is told to leave
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  for (const socket of unused) socket.destroy()
  server.closeIdleConnections()
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const forced = setTimeout(() => server.closeAllConnections(), timeoutMs)
  await closed
  clearInterval(idle)
  clearTimeout(forced)
}
