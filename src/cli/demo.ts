import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { DEMO_AGREEMENT } from '../../mocks/population-registry/start.ts'
import type { Mocks } from '../../mocks/start.ts'
import { type LogLine, readLogs } from '../audit/succession/store.ts'
import { type IsoDate, parseIsoDate, todayInVietnam } from '../calendar.ts'
import { type Config, readConfig } from '../config.ts'
import type { DataKeysFile } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import { ensureDatabase } from '../db/database.ts'
import { migrateSchema } from '../db/migrate.ts'
import { ensureRoles, lacking } from '../db/roles.ts'
import { showCrewMetrics } from '../host/metrics-server.ts'
import { holdsFinishedLoad } from '../sync/store.ts'
import { readArguments, wholeNumber } from './arguments.ts'
import { startCrew } from './crew.ts'
import {
  DATA_FOLDER,
  type DataFolder,
  dataFolder,
  dataKeysOf,
  makeDataFolder,
  readOrMake,
  readSecret,
  rolePasswordsOf,
  sealKeyOf,
  tokenKeysOf,
  writeSecret,
} from './data-folder.ts'
import { saveDemoClients } from './demo-clients.ts'
import { pullBeside, startDemoMocks } from './demo-feed.ts'
import { saveDemoLogins, senderEnvironment } from './demo-sender.ts'
import { witnessEnvironment } from './demo-witness.ts'
import { EmbeddedError } from './embedded/error.ts'
import { withLock } from './embedded/lock.ts'
import { startEmbedded } from './embedded/start.ts'
import { openJob } from './job.ts'
import { loadProvince } from './load-province.ts'
import { appUrlOf, embeddedUrl, projectorUrlOf, sealerUrlOf, senderUrlOf, syncUrlOf } from './owner-url.ts'
import { recheckLoop } from './recheck.ts'
import { startBeside } from './sealer-process.ts'
import { UsageError } from './usage-error.ts'
import { count, printWelcome } from './welcome.ts'

/** The province's own report: 3,256,000 cards synced to chip IDs. */
const CARDS_DEFAULT = 3_256_000
const CARDS_MAX = 100_000_000
const SEED_DEFAULT = 'thanh-hoa'
const PORT_DEFAULT = 8787
/**
 * One core is left to PostgreSQL and to whoever reads the log along: on two, one process answers half as much again as two do
 * (`loadtest -- ratio`, in turn). One log takes what four can ask.
 */
export const DEMO_PROCESSES = Math.min(4, Math.max(1, availableParallelism() - 1))
/** The insurer's day, as long as somebody who looks on has patience. */
const DELTA_EVERY_SECONDS = 60
/** A demo that stood still for weeks, or was not run, answers all the same: nobody made a feed meanwhile. */
export const DEMO_COPY_HOURS = '87600'

/** What the province was made of; kept, so that "expired" stays expired. */
const demoSchema = z.strictObject({
  seed: z.string().min(1).max(64),
  baseDate: z.string().transform((text, context): IsoDate => {
    const date = parseIsoDate(text)
    if (date !== null) return date
    context.addIssue('not a day YYYY-MM-DD')
    return z.NEVER
  }),
  cards: z.int().min(1).max(CARDS_MAX),
})

export type Demo = z.infer<typeof demoSchema>

export function readDemo(folder: DataFolder): Promise<Demo | null> {
  return readSecret(folder.demoFile, demoSchema)
}

export interface Options {
  readonly folder: DataFolder
  readonly port: number
  readonly cards: number | null
  readonly seed: string | null
  /** Between two deltas of the insurer; null: the copy stays as it is. */
  readonly deltaEveryMs: number | null
}

/** `kiemthe demo` (`npm start`): the whole province on this machine, from nothing or as it was left. */
export async function demo(args: string[]): Promise<void> {
  const options = readOptions(args, PORT_DEFAULT)
  try {
    await withProvince(options, signalled(), serveProvince)
  } catch (error) {
    if (error instanceof EmbeddedError && error.code === 'busy') {
      throw new UsageError(`a demo already runs in ${options.folder.path}; end it, or choose another --data`)
    }
    throw error
  }
}

class Stopped extends Error {}

/** Aborted when the user ends the command. */
export function signalled(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort(new Stopped()))
  return stop.signal
}

export interface Province {
  readonly options: Options
  readonly known: Demo
  readonly appUrl: string
  readonly syncUrl: string
  readonly sealerUrl: string
  readonly senderUrl: string
  readonly projectorUrl: string
  readonly dataKeys: DataKeysFile
}

/** Works on the folder's province, made whole first, until the signal; nobody else opens the folder meanwhile. */
export async function withProvince(
  options: Options,
  signal: AbortSignal,
  work: (province: Province, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await makeDataFolder(options.folder)
  try {
    await withLock(
      options.folder.path,
      0,
      () => {},
      () => run(options, signal, work),
    )
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    say('stopped; the next start goes on from here')
  }
}

async function run(options: Options, signal: AbortSignal, work: Parameters<typeof withProvince>[2]): Promise<void> {
  const { folder } = options
  const kept = await demoOf(options)
  const database = await openDatabase(folder)
  try {
    signal.throwIfAborted()
    const known = await reconcile(options, kept, database.ownerUrl)
    const urls = await prepareDatabase(database.ownerUrl, folder)
    signal.throwIfAborted()
    const dataKeys = await dataKeysOf(folder)
    await saveDemoLogins(database.ownerUrl, dataKeys, new Date())
    const loaded = await loadProvince({
      ownerUrl: database.ownerUrl,
      dataKeys,
      province: { seed: known.seed, baseDate: known.baseDate },
      records: known.cards,
      say,
      signal,
    })
    if (!loaded.alreadyThere)
      say(`${count(loaded.rows)} insurance records are in, ${loaded.seconds.toFixed(0)} s in all`)
    signal.throwIfAborted()
    await work({ options, known, ...urls, dataKeys }, signal)
  } finally {
    await database.stop()
  }
  throw new Stopped()
}

async function serveProvince(province: Province, signal: AbortSignal): Promise<void> {
  const { options, known } = province
  const mocks = options.deltaEveryMs === null ? null : await startDemoMocks(options.folder, known, options.deltaEveryMs)
  try {
    await serveBeside(province, mocks, signal)
  } finally {
    await mocks?.close()
  }
}

async function serveBeside(province: Province, mocks: Mocks | null, signal: AbortSignal): Promise<void> {
  const { options, known, appUrl, syncUrl, dataKeys } = province
  // another one may be asked instead; its agreement is then the caller's
  const registryUrl = process.env['REGISTRY_URL'] ? null : (mocks?.urlOf('populationRegistry') ?? null)
  const { folder } = options
  const environment = await environmentOf(options, folder, appUrl, registryUrl)
  const config = readConfig(environment)
  const figures = await showCrewMetrics(config)
  const crew = await startCrew(config.processes, environment)
  if (figures !== null) say(`metrics http://${config.metrics?.host}:${figures.port}/metrics`)
  const rechecks = await recheckBeside(config, dataKeys, signal)
  const deltas = mocks && (await pullBeside(options, syncUrl, mocks.urlOf('insurer'), say, signal))
  // a database of the user's own has another log under the same name: this witness would call it a fork
  const witness = process.env['DATABASE_URL']
    ? null
    : startBeside('witness', await witnessEnvironment(folder, await logsOf(appUrl)))
  const sealer = startBeside('seal', await sealerEnvironment(province, witness !== null))
  const sends = mocks && startBeside('send', senderEnvironment(folder, province.senderUrl, mocks.urlOf('insurer')))
  const projector = startBeside('project', projectorEnvironment(province))
  printWelcome(
    known,
    options.port,
    folder,
    registryUrl,
    mocks?.says ?? ['still: no mocks run, the copy stays as it is'],
  )
  await aborted(signal)
  say('finishing what was accepted …')
  await Promise.all([crew.stop(), figures?.close()])
  await Promise.all([
    ...[rechecks.ended, deltas?.ended, sealer.stop(), projector.stop(), witness?.stop(), sends?.stop()],
  ])
}

export function projectorEnvironment({ options: { folder }, projectorUrl }: Province): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    LOG_LEVEL: 'warn',
    DATABASE_URL: projectorUrl,
    DATA_KEYS_FILE: folder.dataKeysFile,
  }
}

export function readOptions(args: string[], portDefault: number): Options {
  const { values } = readArguments(args, {
    cards: { type: 'string' },
    port: { type: 'string', default: String(portDefault) },
    data: { type: 'string', default: DATA_FOLDER },
    seed: { type: 'string' },
    still: { type: 'boolean', default: false },
    'delta-every': { type: 'string', default: String(DELTA_EVERY_SECONDS) },
  })
  const deltaEvery = wholeNumber('--delta-every', values['delta-every'], 1, 86_400)
  return {
    folder: dataFolder(values.data),
    port: wholeNumber('--port', values.port, 1, 65_535),
    cards: values.cards === undefined ? null : wholeNumber('--cards', values.cards, 1, CARDS_MAX),
    seed: values.seed ?? null,
    deltaEveryMs: values.still ? null : deltaEvery * 1_000,
  }
}

/** The folder's own province. */
function demoOf({ folder, cards, seed }: Options): Promise<Demo> {
  return readOrMake(folder.demoFile, demoSchema, async () => ({
    seed: seed ?? SEED_DEFAULT,
    baseDate: todayInVietnam(new Date()),
    cards: cards ?? CARDS_DEFAULT,
  }))
}

/**
 * Options that contradict a whole province are refused, never mixed in. Before it is whole nobody has used it: the
 * options are taken, and what was loaded for the former ones goes (`loadProvince` finds it to be of another source).
 */
async function reconcile({ folder, cards, seed }: Options, kept: Demo, ownerUrl: string): Promise<Demo> {
  const wanted = { seed: seed ?? kept.seed, baseDate: todayInVietnam(new Date()), cards: cards ?? kept.cards }
  if (wanted.cards === kept.cards && wanted.seed === kept.seed) return kept
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe demo' })
  try {
    if (await holdsFinishedLoad(sql)) {
      throw new UsageError(
        `${folder.path} holds ${kept.cards} cards of seed ${kept.seed}; leave --cards and --seed out, or choose another --data`,
      )
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
  await writeSecret(folder.demoFile, wanted)
  return wanted
}

interface OwnedDatabase {
  readonly ownerUrl: string
  readonly stop: () => Promise<void>
}

/** The user's own (DATABASE_URL), or PostgreSQL in the data folder, found again if it outlived us. */
async function openDatabase(folder: DataFolder): Promise<OwnedDatabase> {
  const own = process.env['DATABASE_URL']
  if (own !== undefined && own !== '') {
    say('using the database of DATABASE_URL')
    return { ownerUrl: own, stop: async () => {} }
  }
  const cluster = await startEmbedded({ folder: folder.clusterFolder, onEvent: (event) => say(event.text) })
  await ensureDatabase(embeddedUrl(cluster.password, cluster.port, 'postgres'), 'kiemthe')
  return { ownerUrl: embeddedUrl(cluster.password, cluster.port, 'kiemthe'), stop: () => cluster.stop() }
}

/** Roles, schema, facilities and clients: each step is safe to repeat. Returns how server, loader, sealer and sender connect. */
async function prepareDatabase(
  ownerUrl: string,
  folder: DataFolder,
): Promise<Pick<Province, 'appUrl' | 'syncUrl' | 'sealerUrl' | 'senderUrl' | 'projectorUrl'>> {
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe demo' })
  try {
    const lacks = await lacking(sql)
    if (lacks.length > 0) throw new UsageError(`the database of DATABASE_URL lacks:\n  ${lacks.join('\n  ')}`)
    const passwords = await rolePasswordsOf(folder)
    const kept = await ensureRoles(sql, passwords)
    for (const role of kept) say(`${role}, made by somebody else, keeps its password: roles.json must have it`)
    await migrateSchema(ownerUrl)
    await saveDemoClients(sql, folder, new Date())
    return {
      appUrl: appUrlOf(ownerUrl, passwords),
      syncUrl: syncUrlOf(ownerUrl, passwords),
      sealerUrl: sealerUrlOf(ownerUrl, passwords),
      senderUrl: senderUrlOf(ownerUrl, passwords),
      projectorUrl: projectorUrlOf(ownerUrl, passwords),
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function logsOf(appUrl: string): Promise<LogLine[]> {
  const sql = connect(appUrl, { connectionsMax: 1, statementTimeoutMs: 10_000, applicationName: 'kiemthe demo' })
  return readLogs(sql).finally(() => sql.end())
}

/** All that `kiemthe seal` is told: no key of the service's own. */
export async function sealerEnvironment(
  { options: { folder }, sealerUrl }: Province,
  witnessed: boolean,
): Promise<NodeJS.ProcessEnv> {
  await sealKeyOf(folder)
  const { DATABASE_URL: own, PATH } = process.env
  return {
    PATH,
    LOG_LEVEL: 'warn',
    DATABASE_URL: sealerUrl,
    SEAL_KEY_FILE: folder.sealKeyFile,
    // of the folder's own database; another one has another log
    ...(own
      ? {}
      : { SEAL_MARK_FILE: folder.sealMarkFile, ...(witnessed && { WITNESS_POLICY_FILE: folder.witnessPolicyFile }) }),
  }
}

/** `kiemthe recheck` in this process, which has nothing else to do, until the signal. */
async function recheckBeside(
  config: Config,
  keys: DataKeysFile,
  signal: AbortSignal,
): Promise<{ ended: Promise<void> }> {
  const log = { info: () => {}, error: () => say('looking visits up again failed; tried again') }
  const { job, close } = await openJob(config, keys, log, 'recheck')
  return { ended: recheckLoop(job, log, signal).finally(close) }
}

/** As in production, `kiemthe serve` with all by environment. */
async function environmentOf(options: Options, folder: DataFolder, appUrl: string, registryUrl: string | null) {
  await tokenKeysOf(folder)
  if (registryUrl !== null) await writeSecret(folder.agreementFile, DEMO_AGREEMENT)
  return {
    COPY_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
    COPY_STALE_AFTER_HOURS: DEMO_COPY_HOURS,
    CATALOGUE_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
    LOG_LEVEL: 'warn',
    PROCESSES: String(DEMO_PROCESSES),
    PUBLIC_URL: `http://127.0.0.1:${options.port}`,
    // of the folder's own database; another one has another log
    ...(process.env['DATABASE_URL'] ? {} : { LOG_MARK_FILE: folder.logMarkFile }),
    ...(registryUrl === null ? {} : { REGISTRY_URL: registryUrl, REGISTRY_AGREEMENT_FILE: folder.agreementFile }),
    ...process.env,
    PORT: String(options.port),
    DATABASE_URL: appUrl,
    DATA_KEYS_FILE: folder.dataKeysFile,
    TOKEN_KEYS_FILE: folder.tokenKeysFile,
  }
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** To people, on stderr: stdout ends with the `ready` line. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
