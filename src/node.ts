import cluster from 'node:cluster'
import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { type DestinationStream, pino } from 'pino'
import { noRevocationsYet } from './access/revocations.ts'
import { importTokenKeys, type TokenKeysFile } from './access/token-keys.ts'
import { createApp, ROUTES } from './app.ts'
import { type Config, ConfigError } from './config.ts'
import { type DataKeysFile, deriveDataKeys } from './data-keys.ts'
import { connect } from './db/connect.ts'
import { createPool, type Pool } from './db/pool.ts'
import { ServiceError } from './errors.ts'
import { describeFailure } from './event.ts'
import { boundConnections, unusedConnections } from './host/connections.ts'
import { databaseReports } from './host/database-report.ts'
import { openDoor } from './host/door.ts'
import { unfitness } from './host/fitness.ts'
import { keepMark } from './host/log-mark.ts'
import { showMetrics } from './host/metrics-server.ts'
import { AUDIT_CONNECTIONS, nodeScope } from './host/node-scope.ts'
import { refuseUnfit } from './host/refuse-unfit.ts'
import { keepRefused } from './host/refused-calls.ts'
import type { openRegistry } from './host/registry.ts'
import { StartError } from './host/start-error.ts'
import { SWEEP_EVERY_MS, sweep } from './host/sweep.ts'
import { type Clients, readTls, type TlsFiles, tlsOptions, trackClients } from './host/tls.ts'
import type { AddressOf } from './http/admission.ts'
import type { Connection } from './http/client-certificate.ts'
import { errandsOf } from './http/first-line.ts'
import { toProblem } from './http/problem.ts'
import { clientAddress, parseNetwork } from './limits/client-address.ts'
import { createLimits } from './limits/limits.ts'
import { NO_METRICS } from './metrics/metrics.ts'
import type { Agreement } from './population/agreement.ts'
import type { OpenScope, Scope, Service } from './scope.ts'

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
  /** Where this process serves `/metrics`; null: it does not, or the first of its crew does. */
  readonly metricsPort: number | null
  /** Stops accepting, lets every accepted request end, closes the database. Later calls share the first. */
  readonly close: () => Promise<void>
}

export interface KeyFiles {
  readonly data: DataKeysFile
  readonly token: TokenKeysFile
  /** With the registry's settings. */
  readonly agreement?: Agreement | null
}

export interface NodeServer extends RunningServer {
  /** From now on these; throws why not, and the former ones stay. Rows sealed under a generation that is gone do not open. */
  readonly useKeys: (keys: KeyFiles) => Promise<void>
  /** Reads the files of TLS again; throws what is wrong with them, and the former ones stay. */
  readonly renewTls: () => Promise<void>
  /** For the log: what was to be taken up is not, the former one stays. */
  readonly renewalFailed: (error: unknown) => void
}

export async function startServer(
  config: Config,
  keys: KeyFiles,
  logTo: DestinationStream & { flushSync?: () => void },
): Promise<NodeServer> {
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, logTo)
  const pool = openPool(config, config.dbConnectionsMax, 'kiemthe serve')
  // auditors' statements wait for one another, never a desk's for them
  const auditPool = openPool(config, AUDIT_CONNECTIONS, 'kiemthe audit')
  // what a service does without is not loaded either: packages of a hundred modules, a quarter of its start
  const metrics = config.metrics === null ? null : (await import('./host/prometheus.ts')).createMetrics()
  const service: Service = {
    config,
    dataKeys: deriveDataKeys(keys.data),
    tokenKeys: await importTokenKeys(keys.token),
    tokens: new Map(),
    revocations: noRevocationsYet(),
    limits: createLimits(config),
    metrics: metrics?.service ?? NO_METRICS,
  }
  const [tls, population] = await Promise.all([
    readTlsOf(config),
    openRegistryOf(config, keys, {
      now: () => new Date(),
      asked: service.metrics.registryAsked,
      opened: (error) => scope.report('registryOpened', describeFailure(error)),
    }),
    refuseUnfit(pool.query, service, config),
  ]).catch(async (error: unknown) => {
    await Promise.all([pool.end(), auditPool.end()])
    throw error
  })
  metrics?.watch({
    limits: service.limits,
    pool: pool.seen,
    connectionsMax: config.dbConnectionsMax,
    registry: population?.registry.state ?? null,
    database: databaseReports(pool.query),
    now: () => new Date(),
  })
  const scope = nodeScope(service, pool.query, auditPool.query, population?.registry ?? null, metrics, {
    record: (event) => {
      metrics?.request(event)
      if (event.status >= 500) log.error(event, 'request')
      else log.info(event, 'request')
    },
    report: (trouble, failure) => {
      metrics?.trouble(trouble)
      log.error({ trouble, failure }, 'trouble')
    },
  })
  if (metrics !== null) (await import('./host/crew-figures.ts')).answerCrew(metrics.registry)
  const tracing = config.traces === null ? null : (await import('./host/tracing.ts')).startTracing(config.traces)
  const create = (open: OpenScope) => createApp(open, addressBehind(config.trustedProxies))
  const fetch = tracing === null ? create(() => scope).fetch : tracing.around(create, scope)
  const door = openDoor(service, errandsOf(ROUTES), (unread) => {
    metrics?.refusedUnread(unread)
    log.warn(unread, 'requests refused unread')
  })
  const { server, clients } = openServer(config, tls, fetch, door.before, (code) =>
    log.info({ code }, 'TLS handshake failed'),
  )
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
  const figures =
    metrics === null || cluster.isWorker ? null : await showMetrics(config, () => metrics.registry.metrics())
  const port = await listen(server, config).catch(async (error: unknown) => {
    await Promise.all([pool.end(), auditPool.end(), figures?.close()])
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
    metricsPort: figures?.port ?? null,
    useKeys: async (files) => {
      const fresh = { dataKeys: deriveDataKeys(files.data), tokenKeys: await importTokenKeys(files.token) }
      // a file of another service would find nobody, and tell everybody that there is no record
      const problems = await unfitness(pool.query, fresh.dataKeys)
      if (problems.length > 0) throw new StartError(problems)
      Object.assign(service, { ...fresh, tokens: new Map() } satisfies Partial<Service>)
      log.info('keys taken up')
    },
    renewTls: async () => {
      const files = await readTlsOf(config)
      if (files !== null) clients?.renew(files)
    },
    renewalFailed: (error) => {
      const told = error instanceof StartError || error instanceof ConfigError
      const why = told ? { problems: error.problems } : { failure: describeFailure(error) }
      log.error(why, 'keys or certificates were not renewed; the former ones stay')
    },
    close: () => {
      closing ??= (async () => {
        clearInterval(sweeping)
        await drain(server, unused, config.drainTimeoutMs)
        door.close()
        await refused.stop()
        await Promise.all([mark?.stop(), tracing?.stop(), figures?.close(), population?.close()])
        await Promise.all([pool.end(), auditPool.end()])
        log.info('drained')
        logTo.flushSync?.()
      })()
      return closing
    },
  }
}

async function readTlsOf(config: Config): Promise<TlsFiles | null> {
  if (config.tls === null) return null
  return readTls(config.tls).catch((error: unknown) => {
    throw new StartError([error instanceof Error ? error.message : 'the files of TLS cannot be read'])
  })
}

async function openRegistryOf(config: Config, keys: KeyFiles, hooks: Parameters<typeof openRegistry>[2]) {
  if (config.registry === null || keys.agreement == null) return null
  const { openRegistry } = await import('./host/registry.ts')
  return openRegistry(config.registry, keys.agreement, hooks).catch((error: unknown) => {
    throw new StartError([error instanceof Error ? error.message : 'the files of the registry cannot be read'])
  })
}

/** An app's; `host` is what it finds in `c.env`. */
type Fetch = (request: Request, host: object) => Response | Promise<Response>

/** Plain HTTP, or TLS with what is known of each client. */
function openServer(
  { tls: config }: Config,
  files: TlsFiles | null,
  fetch: Fetch,
  before: (app: RequestListener) => RequestListener,
  handshakeFailed: (code: string) => void,
): { readonly server: Server; readonly clients: Clients | null } {
  const every = { connectionsCheckingInterval: CONNECTIONS_CHECK_EVERY_MS }
  if (config === null || files === null) {
    return { server: createServer(every, before(getRequestListener(fetch))), clients: null }
  }
  const listener = getRequestListener((request, env) =>
    fetch(request, { ...env, clientCertificate: clients.certificateOf(env.incoming) } satisfies Connection),
  )
  const server = createSecureServer({ ...every, ...tlsOptions(files, config) }, before(listener))
  const clients = trackClients(server, files, handshakeFailed)
  return { server, clients }
}

/** For a client that never reads: without a byte for longer than it may take to send a request and to answer it, a connection is closed (Node lets that pass once more when it could write a part). */
export function silenceMaxMs(config: Pick<Config, 'requestTimeoutMs' | 'dbStatementTimeoutMs'>): number {
  return config.requestTimeoutMs + STATEMENTS_IN_TURN * (config.dbStatementTimeoutMs + DEAD_CONNECTION_MS)
}

function addressBehind(trustedProxies: readonly string[]): AddressOf {
  const trusted = trustedProxies.map(parseNetwork).filter((network) => network !== null)
  return (c) => clientAddress(getConnInfo(c).remote.address, c.req.header('x-forwarded-for'), trusted)
}

function openPool(config: Config, connectionsMax: number, applicationName: string): Pool {
  const open = () =>
    connect(config.databaseUrl, {
      connectionsMax,
      statementTimeoutMs: config.dbStatementTimeoutMs,
      applicationName,
    })
  return createPool(open, config.dbStatementTimeoutMs + DEAD_CONNECTION_MS)
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
    if (response.writableEnded) return // refused at the door
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
async function drain(server: Server, unused: ReadonlyMap<string, Socket>, timeoutMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  // a client that never pauses would keep its connection busy: one more answer each, and it is told to leave
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  for (const socket of unused.values()) socket.destroy()
  server.closeIdleConnections()
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const forced = setTimeout(() => server.closeAllConnections(), timeoutMs)
  await closed
  clearInterval(idle)
  clearTimeout(forced)
}
