import { setTimeout as sleep } from 'node:timers/promises'
import { type Logger, pino } from 'pino'
import { z } from 'zod'
import { openDetails } from '../audit/log.ts'
import { entryAt, LOG_ID } from '../audit/log-id.ts'
import { type ProjectJob, projectPass, rebuild } from '../audit/project/project.ts'
import { mayProject, newestDetails } from '../audit/project/store.ts'
import { ConfigError, type Environment } from '../config.ts'
import { type DataKeys, dataKeysSchema, deriveDataKeys } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import { createPool, type Query } from '../db/pool.ts'
import { oddSession, powersOverTheLog } from '../db/readiness.ts'
import { PROJECTOR_ROLE } from '../db/roles.ts'
import { describeFailure } from '../event.ts'
import { StartError } from '../host/start-error.ts'
import { watchFiles } from '../host/watch-files.ts'
import { readArguments } from './arguments.ts'
import { readSecret } from './data-folder.ts'

/** An entry is searched a second after it was recorded; two look-ups by a key each time. */
const POLL_MS = 1_000
/** A stretch of 2,000 entries is kept in some 100 ms; half a minute is a database in trouble. */
const STATEMENT_TIMEOUT_MS = 30_000

const projectConfigSchema = z.object({
  /** As `kiemthe_projector`. */
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, 'is not a postgres:// address'),
  DATA_KEYS_FILE: z.string().min(1),
  LOG_LEVEL: z.enum(['info', 'warn', 'error', 'silent']).default('info'),
})

export type ProjectConfig = z.infer<typeof projectConfigSchema>

export function readProjectConfig(environment: Environment): ProjectConfig {
  const parsed = projectConfigSchema.safeParse(environment, { reportInput: true })
  if (parsed.success) return parsed.data
  throw new ConfigError(
    parsed.error.issues.map(
      (issue) => `${issue.path.join('.')}: ${issue.input === undefined ? 'is not set' : issue.message}`,
    ),
  )
}

/**
 * `kiemthe project`, as the database's `kiemthe_projector`: makes the tables that auditors search, until it is stopped.
 * Several at once do no harm. `--once`: until nothing is left; `--rebuild`: from nothing, beside what is served.
 */
export async function projectCommand(args: string[]): Promise<void> {
  const { values } = readArguments(args, {
    once: { type: 'boolean', default: false },
    rebuild: { type: 'boolean', default: false },
  })
  const config = readProjectConfig(process.env)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  process.on('disconnect', () => stop.abort()) // whoever started us is gone
  const log = pino(
    { level: config.LOG_LEVEL, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(1),
  )
  const { job, close } = await openProjectJob(config, log)
  try {
    if (values.rebuild) await rebuild(job)
    // the pass that switches leaves the former generation to the next one
    if (values.once) {
      const passes = [await projectPass(job, stop.signal), await projectPass(job, stop.signal)]
      log.info({ entries: passes[0] }, 'projected')
    } else await projectLoop(job, log, stop.signal)
  } finally {
    await close()
  }
  // postgres.js only half-closes a connection that fell silent: it would keep a stopped process alive for minutes
  process.exit()
}

export interface OpenProjectJob {
  readonly job: ProjectJob
  readonly close: () => Promise<void>
}

/** A role that could change the log, one that may keep nothing, or keys that open nothing: refused at the start. */
export async function openProjectJob(config: ProjectConfig, log: Pick<Logger, 'error'>): Promise<OpenProjectJob> {
  const keys = { current: await readKeys(config.DATA_KEYS_FILE) }
  const pool = createPool(
    () =>
      connect(config.DATABASE_URL, {
        connectionsMax: 1, // one step after the other
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
        applicationName: 'kiemthe project',
      }),
    STATEMENT_TIMEOUT_MS + 1_000,
  )
  const refuse = async (candidate: DataKeys) => {
    const problems = await unfitness(pool.query, candidate)
    if (problems.length > 0) throw new StartError(problems)
  }
  try {
    await refuse(keys.current)
  } catch (error) {
    await pool.end()
    throw error
  }
  const useKeys = async () => {
    const fresh = await readKeys(config.DATA_KEYS_FILE)
    await refuse(fresh)
    keys.current = fresh
  }
  const watch = await watchFiles([config.DATA_KEYS_FILE], useKeys, (error) =>
    log.error({ failure: describeFailure(error) }, 'keys were not renewed; the former ones stay'),
  )
  const job: ProjectJob = {
    logId: LOG_ID,
    query: pool.query,
    keys,
    notOpened: (place, failure) => {
      const { logId, index } = entryAt(place)
      log.error({ log: logId, index, failure }, 'details do not open')
    },
  }
  const close = () => {
    watch.stop()
    return pool.end()
  }
  return { job, close }
}

async function readKeys(path: string): Promise<DataKeys> {
  const file = await readSecret(path, dataKeysSchema)
  if (file === null) throw new ConfigError([`DATA_KEYS_FILE: there is no file ${path}`])
  return deriveDataKeys(file)
}

async function unfitness(query: Query, keys: DataKeys): Promise<string[]> {
  const powers = await query(powersOverTheLog)
  if (powers.length > 0) {
    const lines = powers.map((power) => `  ${power}`)
    return [`the database role could change the log; use ${PROJECTOR_ROLE}:`, ...lines]
  }
  if (!(await query(mayProject))) return [`the database role cannot keep what it reads; use ${PROJECTOR_ROLE}`]
  const session = await query(oddSession)
  if (session !== null) return [`the database's session has ${session}, not UTC and ISO`]
  const newest = await query(newestDetails)
  if (newest === null || newest.sealed === null) return []
  try {
    openDetails(keys, newest.subject, newest.sealed)
    return []
  } catch {
    return ['the data keys are not those that this log was sealed with']
  }
}

/** A pass that fails has kept nothing of its stretch, and is tried again: the cursor is in the database. */
export async function projectLoop(
  job: ProjectJob,
  log: Pick<Logger, 'info' | 'error'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await projectPass(job, signal)
    } catch (error) {
      log.error({ failure: describeFailure(error) }, 'projecting failed; tried again')
    }
    await sleep(POLL_MS, null, { signal }).catch(() => {}) // rejects when it is time to stop
  }
}
