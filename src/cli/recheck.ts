import { setTimeout as sleep } from 'node:timers/promises'
import { type Logger, pino } from 'pino'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { dataKeysSchema } from '../data-keys.ts'
import { describeFailure } from '../event.ts'
import { SWEEP_EVERY_MS, sweep } from '../host/sweep.ts'
import type { Job } from '../scope.ts'
import { rebuild, recheckPass } from '../unverified-visit/recheck.ts'
import { followVisits, forgetVisits } from '../visit/follow.ts'
import { readArguments } from './arguments.ts'
import { readSecret } from './data-folder.ts'
import { openJob } from './job.ts'

/** The first look-up is due a minute after the visit; five seconds more are nothing to it. */
const POLL_MS = 5_000

/**
 * `kiemthe recheck`: looks visits up again whose look-up failed. The environment of `serve`; as many of them as one
 * likes. It also keeps which visits are under way, for `GET /v1/visit-changes`. Beside that it sweeps what is dead, for a service on Workers alone. `--once`: one pass, for tests and timers; `--rebuild`: makes the queue anew from the log first.
 */
export async function recheck(args: string[]): Promise<void> {
  const { values } = readArguments(args, {
    once: { type: 'boolean', default: false },
    rebuild: { type: 'boolean', default: false },
  })
  const config = readConfig(process.env)
  const keys = await readSecret(config.dataKeysFile, dataKeysSchema)
  if (keys === null) throw new ConfigError([`DATA_KEYS_FILE: there is no file ${config.dataKeysFile}`])
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const log = recheckLog(config)
  const { job, close } = await openJob(config, keys, log, 'recheck')
  try {
    if (values.rebuild) {
      await rebuild(job)
      await forgetVisits(job)
    }
    if (values.once) {
      log.info(await recheckPass(job, Math.random, stop.signal), 'recheck')
      await followVisits(job)
      await sweep(job.query)
    } else await recheckLoop(job, log, stop.signal)
  } finally {
    await close()
  }
  // postgres.js only half-closes a connection that fell silent: it would keep a stopped process alive for minutes
  process.exit()
}

export function recheckLog(config: Config): Logger {
  return pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(1))
}

/** A pass that fails is told and tried again: the queue is in the database, nothing is lost. */
export async function recheckLoop(job: Job, log: Pick<Logger, 'info' | 'error'>, signal: AbortSignal): Promise<void> {
  let sweptAtMs = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    try {
      if (performance.now() - sweptAtMs >= SWEEP_EVERY_MS) {
        sweptAtMs = performance.now()
        await sweep(job.query)
      }
      const pass = await recheckPass(job, Math.random, signal)
      if (pass.checked + pass.waiting + pass.closed > 0) log.info(pass, 'recheck')
      await followVisits(job)
    } catch (error) {
      log.error({ failure: describeFailure(error) }, 'recheck failed; tried again')
    }
    await sleep(POLL_MS, null, { signal }).catch(() => {}) // rejects when it is time to stop
  }
}
