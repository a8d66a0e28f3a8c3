import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createGateway } from '../claim-share/send/client.ts'
import { GatewayFailure } from '../claim-share/send/failure.ts'
import { openLogin } from '../claim-share/send/login.ts'
import type { SendJob } from '../claim-share/send/sender.ts'
import { findSealedLogin } from '../claim-share/send/store.ts'
import { Tokens } from '../claim-share/send/tokens.ts'
import type { DataKeys } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import { createPool, type Query } from '../db/pool.ts'
import { describeFailure } from '../event.ts'
import { senderUnfitness } from '../host/fitness.ts'
import { StartError } from '../host/start-error.ts'
import { watchFiles } from '../host/watch-files.ts'
import { createBreaker } from '../population/breaker.ts'
import { dataKeysIn } from './owner-keys.ts'
import type { SendConfig } from './send-config.ts'

/** Eight in a row, of whichever facilities, are no chance; a file that fails alone stands among others that do not. */
const FAILURES_MAX = 8
/** Then one file in 15 s tries for all: an outage is over for everybody 15 s after it is over. */
const OPEN_MS = 15_000
/** Appends and takes are milliseconds; the reader's stretch of 5,000 entries some 50. */
const STATEMENT_TIMEOUT_MS = 10_000
/** Two of them for entries, the others for dossiers: one of 8 MiB takes some 0.1 s. */
const CONNECTIONS_MAX = 4

export interface SenderDatabase {
  readonly query: Query
  readonly keys: () => DataKeys
  readonly close: () => Promise<void>
}

/** With connections of its own; a role or keys that do not fit are refused. Its keys are renewed beside the loop. */
export async function openSenderDatabase(
  databaseUrl: string,
  dataKeysFile: string,
  log: Pick<Logger, 'error'>,
): Promise<SenderDatabase> {
  const held = { keys: await dataKeysIn(dataKeysFile) }
  const pool = createPool(
    () =>
      connect(databaseUrl, {
        connectionsMax: CONNECTIONS_MAX,
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
        applicationName: 'kiemthe send',
      }),
    STATEMENT_TIMEOUT_MS + 1_000,
  )
  const refuse = async (keys: DataKeys) => {
    const problems = await senderUnfitness(pool.query, keys)
    if (problems.length > 0) throw new StartError(problems)
  }
  try {
    await refuse(held.keys)
    const useKeys = async () => {
      const keys = await dataKeysIn(dataKeysFile)
      await refuse(keys)
      held.keys = keys
    }
    const watch = await watchFiles([dataKeysFile], useKeys, (error) =>
      log.error({ failure: describeFailure(error) }, 'keys were not renewed; the former ones stay'),
    )
    const close = () => {
      watch.stop()
      return pool.end()
    }
    return { query: pool.query, keys: () => held.keys, close }
  } catch (error) {
    await pool.end()
    throw error
  }
}

export interface OpenSend {
  readonly job: SendJob
  readonly close: () => Promise<void>
}

export async function openSendJob(
  { query, keys }: SenderDatabase,
  config: SendConfig & { readonly gatewayUrl: string },
  log: Pick<Logger, 'info' | 'warn' | 'error'>,
  { openMs = OPEN_MS, now = () => new Date() }: { readonly openMs?: number; readonly now?: () => Date } = {},
): Promise<OpenSend> {
  const ca = config.caFile === null ? null : await readFile(config.caFile, 'utf8')
  const { gatewayUrl: url, timeoutMs, runningMax, facilityMax, bytesMax } = config
  const gateway = createGateway({ url, timeoutMs, connectionsMax: runningMax, ca })
  const findLogin = async (facility: string) => {
    const sealed = await query((sql) => findSealedLogin(sql, facility))
    return sealed === null ? null : openLogin(keys(), facility, sealed)
  }
  const job: SendJob = {
    query,
    keys,
    now,
    random: Math.random,
    gateway,
    tokens: new Tokens({ findLogin, take: gateway.takeToken, now }),
    breaker: createBreaker({
      failuresMax: FAILURES_MAX,
      openMs,
      counts: (error) => error instanceof GatewayFailure,
      opened: (error) => log.warn({ failure: describeFailure(error), fault: faultOf(error) }, 'the insurer is away'),
      now,
    }),
    timeoutMs,
    openMs,
    limits: { runningMax, facilityMax, bytesMax },
    pause: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}), // rejects when it is time to stop
    report: (what, error) => log.error({ what, failure: describeFailure(error) }, 'tried again after its lease'),
  }
  return { job, close: gateway.close }
}

function faultOf(error: unknown): string | null {
  return error instanceof GatewayFailure ? error.fault : null
}
