import { setTimeout as sleep } from 'node:timers/promises'
import { type Logger, pino } from 'pino'
import { LOG_ID } from '../audit/log.ts'
import { rebuild } from '../claim-share/send/follow.ts'
import { type SendCounts, Sender, type SendJob } from '../claim-share/send/sender.ts'
import { countWaiting } from '../claim-share/send/store.ts'
import { ConfigError } from '../config.ts'
import { describeFailure } from '../event.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { dataKeysFileOf } from './owner-keys.ts'
import { sendUrlOf } from './owner-url.ts'
import { readSendConfig } from './send-config.ts'
import { listDead, retryDead } from './send-dead.ts'
import { openSenderDatabase, openSendJob } from './send-job.ts'
import { UsageError } from './usage-error.ts'

const USAGE = `send [--once] [--rebuild]
       send list
       send retry ID… --reason "why" | --all --reason "why"`

const POLL_MS = 500
const PROGRESS_EVERY_MS = 10_000
/** Counted up to here for people; more are "more than". */
const COUNTED_MAX = 100_000

/**
 * `kiemthe send`, with the role `kiemthe_sender`: sends the claims that facilities share for forwarding (INSURER_GATEWAY_URL),
 * each with its own account. As many of them as one likes. `--once`: until nothing is due; `--rebuild`: makes its rows
 * anew from the log first. `list` shows dead letters, `retry` lets them wait again.
 */
export async function send(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    {
      data: { type: 'string', default: DATA_FOLDER },
      once: { type: 'boolean', default: false },
      rebuild: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      reason: { type: 'string', default: '' },
    },
    true,
  )
  const [verb, ...ids] = positionals
  const config = readSendConfig(process.env)
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(1),
  )
  if (verb !== undefined && verb !== 'list' && verb !== 'retry') throw new UsageError(USAGE)
  if (verb === 'retry' && (values.reason.trim() === '' || values.all === ids.length > 0)) throw new UsageError(USAGE)
  const { gatewayUrl } = config
  if (verb === undefined && gatewayUrl === null && !values.rebuild) {
    throw new ConfigError(['INSURER_GATEWAY_URL: is not set'])
  }
  const folder = dataFolder(values.data)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  process.on('disconnect', () => stop.abort()) // whoever started us is gone
  const database = await openSenderDatabase(await sendUrlOf(folder), dataKeysFileOf(folder), log)
  try {
    if (verb === 'list') return await listDead(database)
    if (verb === 'retry') return await retryDead(database, values.all ? null : ids, values.reason.trim())
    if (values.rebuild) await rebuild({ query: database.query, now: () => new Date() })
    if (gatewayUrl === null) return
    const { job, close } = await openSendJob(database, { ...config, gatewayUrl }, log)
    try {
      const sender = new Sender(job)
      if (values.once) {
        await sender.pass(stop.signal)
        log.info({ ...sender.counts }, 'sent')
      } else await sendLoop(job, sender, log, stop.signal)
    } finally {
      await close()
    }
  } finally {
    await database.close()
  }
  // postgres.js only half-closes a connection that fell silent: it would keep a stopped process alive for minutes
  process.exit()
}

/** A pass that fails is told and tried again: all that it knows is in the database. A stop waits for what is under way. */
export async function sendLoop(
  job: SendJob,
  sender: Sender,
  log: Pick<Logger, 'info' | 'error'>,
  signal: AbortSignal,
): Promise<void> {
  const progress = setInterval(() => void tell(job, sender, log), PROGRESS_EVERY_MS)
  try {
    while (!signal.aborted) {
      try {
        await sender.pass(signal)
      } catch (error) {
        log.error({ failure: describeFailure(error) }, 'send failed; tried again')
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => {}) // rejects when it is time to stop
    }
  } finally {
    clearInterval(progress)
    await sender.ended()
  }
}

const told = new WeakMap<Sender, SendCounts>()

/** Each 10 s in which something was done, or waits. */
async function tell(job: SendJob, sender: Sender, log: Pick<Logger, 'info'>): Promise<void> {
  const waiting = await job.query((sql) => countWaiting(sql, LOG_ID, COUNTED_MAX)).catch(() => null)
  const counts = { ...sender.counts }
  const former = told.get(sender)
  told.set(sender, counts)
  const perSecond = (counts.received - (former?.received ?? 0)) / (PROGRESS_EVERY_MS / 1_000)
  if (waiting === 0 && perSecond === 0) return
  const minutesLeft = waiting !== null && perSecond > 0 ? Math.ceil(waiting / perSecond / 60) : null
  const insurer = job.breaker.state() === 'closed' ? 'there' : 'away'
  log.info({ waiting, running: sender.running, perSecond, minutesLeft, insurer, ...counts }, 'claims')
}
