import cluster from 'node:cluster'
import { once } from 'node:events'
import { createAdaptorServer } from '@hono/node-server'
import { pino } from 'pino'
import { noRevocationsYet } from '../../src/access/revocations.ts'
import { importTokenKeys, tokenKeysSchema } from '../../src/access/token-keys.ts'
import { createApp } from '../../src/app.ts'
import { readSecret } from '../../src/cli/data-folder.ts'
import { readConfig } from '../../src/config.ts'
import { dataKeysSchema, deriveDataKeys } from '../../src/data-keys.ts'
import { connect } from '../../src/db/connect.ts'
import { createPool } from '../../src/db/pool.ts'
import { sharedStatements } from '../../src/host/statements.ts'
import { createLimits } from '../../src/limits/limits.ts'
import { NO_METRICS } from '../../src/metrics/metrics.ts'
import type { Scope, Service } from '../../src/scope.ts'

/**
 * The control "without the log": the same app over the same copy, whose entries are built and sealed as always, but never
 * appended: what the promise "durable before answered" costs. Environment as of `kiemthe serve`. Never to be used otherwise.
 */
const config = readConfig(process.env)

if (cluster.isPrimary) {
  cluster.setupPrimary({ stdio: ['ignore', 2, 2, 'ipc'] })
  const crew = Array.from({ length: config.processes }, () => cluster.fork(process.env))
  process.on('SIGTERM', () => {
    for (const worker of crew) worker.process.kill('SIGKILL')
    process.exit()
  })
  await Promise.all(crew.map((worker) => once(worker, 'listening')))
  process.stderr.write(`ready http://${config.host}:${config.port}\n`)
} else {
  const [data, token] = await Promise.all([
    readSecret(config.dataKeysFile, dataKeysSchema),
    readSecret(config.tokenKeysFile, tokenKeysSchema),
  ])
  if (data === null || token === null) throw new Error('the keys of the province')
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 1, sync: false }),
  )
  const service: Service = {
    config,
    dataKeys: deriveDataKeys(data),
    tokenKeys: await importTokenKeys(token),
    tokens: new Map(),
    revocations: noRevocationsYet(),
    limits: createLimits(config),
    metrics: NO_METRICS,
  }
  const open = () =>
    connect(config.databaseUrl, {
      connectionsMax: config.dbConnectionsMax,
      statementTimeoutMs: config.dbStatementTimeoutMs,
      applicationName: 'without log',
    })
  const { query } = createPool(open, config.dbStatementTimeoutMs + 1_000)
  const groups = { itemsMax: 256, waitingMax: 1_024 } // as in node.ts
  let index = 0
  const scope: Scope = {
    service,
    query,
    now: () => new Date(),
    findCoverage: sharedStatements(service, query, groups, groups).findCoverage,
    append: async () => ({ outcome: 'appended', logId: 1, index: index++ }),
    registry: null,
    inLane: (work) => work(scope),
    inShareLane: (work) => work(scope),
    inAuditLane: (work) => work(scope),
    background: () => {},
    record: (event) => log.info(event, 'request'),
    report: (trouble, failure) => log.error({ trouble, failure }, 'trouble'),
  }
  createAdaptorServer({
    fetch: createApp(
      () => scope,
      () => '127.0.0.1',
    ).fetch,
  }).listen(config.port, config.host)
}
