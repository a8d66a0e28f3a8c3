import { AsyncLocalStorage } from 'node:async_hooks'
import { noRevocationsYet } from './access/revocations.ts'
import { importTokenKeys } from './access/token-keys.ts'
import { createApp } from './app.ts'
import { ConfigError } from './config.ts'
import { deriveDataKeys } from './data-keys.ts'
import type { Query } from './db/pool.ts'
import { DatabaseUnfit } from './db/readiness.ts'
import { describeFailure } from './event.ts'
import { unfitness } from './host/fitness.ts'
import { areRefusedDue, recordRefused } from './host/refused-calls.ts'
import { clientAddress } from './limits/client-address.ts'
import { createLimits } from './limits/limits.ts'
import { NO_METRICS } from './metrics/metrics.ts'
import type { Registry } from './population/client.ts'
import type { Scope, Service } from './scope.ts'
import { type Bindings, type ExecutionContext, readBindings } from './worker/bindings.ts'
import { writeLog } from './worker/log.ts'
import { openRegistry } from './worker/registry.ts'
import { openScope } from './worker/scope.ts'

/**
 * The same app on Workers. What lives as long as the isolate (`Service`, whether this database is fit) holds no socket
 * and no promise: the platform lets neither pass from one request to another. Two first requests may both read the keys;
 * the first to finish is kept.
 */
let service: Service | null = null
let registry: Registry | null = null
let fit = false
/** Why not, and until when that is believed: each request would ask again. */
let unfit: { readonly problems: readonly string[]; readonly untilMs: number } | null = null
const ASK_AGAIN_AFTER_MS = 5_000

const requests = new AsyncLocalStorage<Scope>()
const app = createApp(
  () => {
    const scope = requests.getStore()
    if (scope === undefined) throw new Error('no request is open')
    return scope
  },
  // the platform writes it, whatever the caller sent
  (c) => clientAddress(c.req.header('cf-connecting-ip'), undefined, []),
)

export default {
  async fetch(request: Request, bindings: Bindings, context: ExecutionContext): Promise<Response> {
    service ??= await openService(bindings)
    const scope = openScope(service, bindings.HYPERDRIVE?.connectionString ?? '', context, refuseUnfit, registry)
    const answered = requests.run(scope, async () => app.fetch(request))
    // a caller who goes away takes neither a half-done append nor an open connection with them
    context.waitUntil(answered.then(() => recordBehind(scope)).then(scope.close, scope.close))
    return answered
  },
}

/** A log that cannot be written is not asked behind each request. */
const RECORD_EVERY_MS = 5_000
let recordedMs = 0

/** There is no loop here: the first request after a minute writes what was refused in it, after its own answer. */
function recordBehind(scope: Scope): void {
  const nowMs = Date.now()
  if (nowMs - recordedMs < RECORD_EVERY_MS || !areRefusedDue(scope.service.limits.refused, nowMs)) return
  recordedMs = nowMs
  scope.background(
    recordRefused(scope.service, scope.query, scope.now()).catch((error: unknown) =>
      scope.report('refusedCallsNotRecorded', describeFailure(error)),
    ),
  )
}

async function openService(bindings: Bindings): Promise<Service> {
  try {
    const { config, data, token, agreement } = readBindings(bindings)
    const opened: Service = {
      config,
      dataKeys: deriveDataKeys(data),
      tokenKeys: await importTokenKeys(token),
      tokens: new Map(),
      revocations: noRevocationsYet(),
      limits: createLimits(config),
      metrics: NO_METRICS,
    }
    registry ??= openRegistry(config, agreement, (url, init) => (bindings.REGISTRY_MTLS ?? globalThis).fetch(url, init))
    return service ?? opened
  } catch (error) {
    if (error instanceof ConfigError) writeLog('error', 'error', { problems: error.problems }, error.message)
    throw error
  }
}

/** `serve` refuses to start; an isolate refuses each statement, so that it is not ready and answers nothing it must record. */
async function refuseUnfit(query: Query): Promise<void> {
  if (fit || service === null) return
  if (unfit === null || unfit.untilMs <= Date.now()) {
    const problems = await unfitness(query, service.dataKeys)
    fit = problems.length === 0
    if (fit) return
    unfit = { problems, untilMs: Date.now() + ASK_AGAIN_AFTER_MS }
    writeLog(service.config.logLevel, 'error', { problems }, 'unfit')
  }
  throw new DatabaseUnfit(unfit.problems.join('\n'))
}
