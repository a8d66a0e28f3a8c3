import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { type Account, serverAccount } from './account.ts'
import { type Binaries, installedBinaries, reachableBinaries } from './binaries.ts'
import { EmbeddedError, failureIn, systemCode } from './error.ts'
import type { OnEvent } from './event.ts'
import { initialize, isInitialized } from './initialize.ts'
import { withLock } from './lock.ts'
import { keptPassword, superuserPassword } from './password.ts'
import { claimFolder, formerHomes, knownPlace, type Place, settle } from './place.ts'
import { anyServerPort, isFree, keptPort } from './port.ts'
import { findPostmaster, launch, logFrom, type Postmaster, postmasterFile, stopPostmaster } from './postmaster.ts'
import { isAlive, processIdentity } from './processes.ts'

export interface EmbeddedOptions {
  /** The cluster's own folder; made if missing. Relative to the working directory. */
  readonly folder: string
  readonly onEvent?: OnEvent
  /** Server settings, over `defaultSettings`. They count for a server that this call starts, not for one it finds. */
  readonly settings?: Record<string, string>
  /** Default: the installed npm package of this platform. */
  readonly binaries?: Binaries
  /** As root: where clusters and binaries go that the account of PostgreSQL cannot reach. Default `/var/lib/kiemthe`. */
  readonly shared?: string
}

export interface EmbeddedPostgres {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly superuser: 'postgres'
  readonly password: string
  readonly pid: number
  /** It was found running: it outlived the process that started it, or that process still uses it. */
  readonly wasRunning: boolean
  /** Fast shutdown, also of a server that was found; returns when it is gone. */
  stop(): Promise<void>
}

/**
 * How long a start may take, recovery and the wait for another start included. Measured here: redo of 1.07 GB of WAL in 6.6 s, so
 * about a minute for a full 8 GB; a slow disk may need ten times that. When it passes, the server is left to go on: killing it
 * would begin the recovery again.
 */
const START_MS_MAX = 15 * 60_000
const PORT_ATTEMPTS_MAX = 5
/** Backends of a killed postmaster look for it at every wait, one that computes may need some seconds to leave; a fast shutdown, too. */
const IN_THE_WAY_MS_MAX = 30_000

/** Starts the cluster of a folder, making it first if need be, or joins the server that already runs on it. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  try {
    return await start(options)
  } catch (cause) {
    const code = systemCode(cause)
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause
    throw new EmbeddedError('diskFull', `no space left for the cluster of ${options.folder}`, { cause })
  }
}

async function start(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { onEvent = () => {}, settings = {}, shared = '/var/lib/kiemthe' } = options
  const installed = options.binaries ?? (await installedBinaries())
  const folder = await claimFolder(resolve(options.folder))
  return withLock(folder, START_MS_MAX, onEvent, async () => {
    const known = await knownPlace(folder)
    const account = await serverAccount(known.data)
    const place = await settle(known, account, shared, onEvent)
    const binaries = await reachableBinaries(installed, account, shared, onEvent)
    const password = await passwordOf(place, binaries, account, onEvent)
    const { running, wasRunning } = await joinOrLaunch(place, binaries, account, password, settings, onEvent)
    // Whatever a crash leaves of it: a port that cannot be used is replaced by the next start.
    await writeFile(join(folder, 'port'), String(running.port), { mode: 0o600 })
    return handle(running, password, wasRunning, onEvent)
  })
}

/** Stops the server of a folder if one runs, whoever started it; false if none did. */
export async function stopEmbedded(wanted: string, onEvent: OnEvent = () => {}): Promise<boolean> {
  const running = await findPostmaster((await knownPlace(resolve(wanted))).data, onEvent)
  if (running === null) return false
  await stopPostmaster(running.pid, processIdentity(running.pid), onEvent)
  return true
}

async function passwordOf(
  place: Place,
  binaries: Binaries,
  account: Account | null,
  onEvent: OnEvent,
): Promise<string> {
  if (!(await isInitialized(place, binaries))) {
    await retire(await formerHomes(place), onEvent)
    const password = await superuserPassword(place.folder)
    await initialize(place, binaries, account, password, onEvent)
    return password
  }
  const kept = await keptPassword(place.folder)
  if (kept !== null) return kept
  throw new EmbeddedError(
    'passwordLost',
    `${join(place.folder, 'password')} is missing, nothing else opens ${place.data}`,
  )
}

/** Servers whose folder was deleted under them; one that lives in its folder notices within a minute and ends by itself. */
async function retire(former: Place[], onEvent: OnEvent): Promise<void> {
  for (const { home, data } of former) {
    onEvent({ step: 'moved', text: `${home} holds a former cluster of this folder; delete it if it is not needed` })
    const left = await findPostmaster(data, onEvent)
    if (left !== null) await stopPostmaster(left.pid, processIdentity(left.pid), onEvent)
  }
}

type Running = Postmaster & { readonly port: number }

async function joinOrLaunch(
  place: Place,
  binaries: Binaries,
  account: Account | null,
  password: string,
  settings: Record<string, string>,
  onEvent: OnEvent,
): Promise<{ running: Running; wasRunning: boolean }> {
  const began = Date.now()
  let portAttempts = 0
  let launchedPid: number | null = null
  let refusedSince: number | null = null
  for (;;) {
    const found = await findPostmaster(place.data, onEvent)
    if (found !== null) {
      const running = await untilReady(place, found.pid, () => !isAlive(found.pid), began, onEvent)
      if (running === null) continue // it was on its way out
      const refusal = await knock(running.port, password)
      if (refusal === null) {
        const wasRunning = running.pid !== launchedPid
        const at = `on port ${running.port} (process ${running.pid})`
        const text = wasRunning ? `already runs ${at}` : `is ready ${at} after ${Date.now() - began} ms`
        onEvent({ step: 'ready', text: `PostgreSQL ${text}` })
        return { running, wasRunning }
      }
      // Most likely somebody is stopping it and postmaster.pid does not say so yet.
      refusedSince ??= Date.now()
      if (Date.now() - refusedSince > IN_THE_WAY_MS_MAX) throw refusal
      await sleep(50)
      continue
    }

    const port = await choosePort(place, portAttempts, onEvent)
    onEvent({ step: 'starting', text: `starting PostgreSQL on port ${port}` })
    const launched = await launch(place, binaries, account, port, settings)
    launchedPid = launched.pid
    const ready = await untilReady(place, launched.pid, () => launched.exited() !== null, began, onEvent)
    if (ready !== null) continue // the next round finds it and knocks

    const output = launched.output()
    const failure = failureIn(output)
    // Already running: another start got past a stale lock together with us; join it once its postmaster.pid is complete.
    if ((failure === 'alreadyRunning' || failure === 'orphans') && Date.now() - began < IN_THE_WAY_MS_MAX) {
      await sleep(200)
    } else if (failure === 'portTaken' && ++portAttempts < PORT_ATTEMPTS_MAX) {
      // The next round asks for another.
    } else {
      throw startError(
        failure === 'portTaken' || failure === 'diskFull' ? failure : 'startFailed',
        place,
        launched.exited(),
        output,
      )
    }
  }
}

/** Null when the process ended first. */
async function untilReady(
  place: Place,
  pid: number,
  ended: () => boolean,
  began: number,
  onEvent: OnEvent,
): Promise<Running | null> {
  const waitingSince = Date.now()
  let told = 1_000
  while (!ended()) {
    const written = await postmasterFile(place.data)
    if (written?.pid === pid && written.status === 'ready' && written.port !== null)
      return { ...written, port: written.port }
    const waited = Date.now() - waitingSince
    if (waited >= told) {
      told = waited + 1_000
      const lastLine = logFrom(place.log, 0)
        .trimEnd()
        .split('\n')
        .at(-1)
        ?.replace(/^.*?LOG: +/, '')
      const doing = written?.status === 'stopping' ? 'shutting down' : 'recovering'
      onEvent({ step: 'recovering', text: `PostgreSQL is ${doing}, ${Math.round(waited / 1_000)} s: ${lastLine}` })
    }
    if (Date.now() - began > START_MS_MAX) {
      throw new EmbeddedError(
        'startTimeout',
        `PostgreSQL (process ${pid}) is not ready after ${START_MS_MAX} ms; it goes on, start again to join it. See ${place.log}`,
      )
    }
    await sleep(20)
  }
  return null
}

/**
 * Null when the server let us in, which proves that it is the one of our folder: it knows our password (SCRAM proves both sides
 * to each other). Otherwise why not.
 */
async function knock(port: number, password: string): Promise<EmbeddedError | null> {
  const sql = postgres({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: 'postgres',
    max: 1,
    connect_timeout: 10,
    fetch_types: false,
    connection: { application_name: 'kiemthe start' },
  })
  try {
    await sql`SELECT 1`
    return null
  } catch (cause) {
    if (cause instanceof postgres.PostgresError && cause.code === '28P01') {
      throw new EmbeddedError('passwordLost', `the kept password does not open the server on port ${port}`, { cause })
    }
    return new EmbeddedError('startFailed', `the server on port ${port} does not answer: ${cause}`, { cause })
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Seen: a server killed a moment ago still had its port, came back on another one, and its clients asked in vain for good. */
const KEPT_PORT_MS_MAX = 2_000

async function isFreeSoon(port: number): Promise<boolean> {
  for (const began = Date.now(); !(await isFree(port)); await sleep(50)) {
    if (Date.now() - began >= KEPT_PORT_MS_MAX) return false
  }
  return true
}

async function choosePort({ folder }: Place, attempts: number, onEvent: OnEvent): Promise<number> {
  const kept = attempts === 0 ? await keptPort(folder) : null
  if (kept !== null && (await isFreeSoon(kept))) return kept
  const port = await anyServerPort()
  if (kept !== null) onEvent({ step: 'portChanged', text: `port ${kept} is taken by another program, using ${port}` })
  return port
}

function startError(
  code: 'portTaken' | 'diskFull' | 'startFailed',
  place: Place,
  ending: string | null,
  output: string,
): EmbeddedError {
  const said = output.trim()
  switch (code) {
    case 'portTaken':
      return new EmbeddedError(code, `no port on 127.0.0.1 stayed free for ${PORT_ATTEMPTS_MAX} attempts:\n${said}`)
    case 'diskFull':
      return new EmbeddedError(code, `no space left on the disk of ${place.data}:\n${said}`)
    case 'startFailed':
      return new EmbeddedError(code, `PostgreSQL ended with ${ending}, see ${place.log}:\n${said}`)
  }
}

function handle(running: Running, password: string, wasRunning: boolean, onEvent: OnEvent): EmbeddedPostgres {
  // Taken now: whatever has this pid later, `stop` only ever signals this process.
  const identity = processIdentity(running.pid)
  let stopped: Promise<void> | null = null
  return {
    host: '127.0.0.1',
    port: running.port,
    superuser: 'postgres',
    password,
    pid: running.pid,
    wasRunning,
    stop() {
      stopped ??= stopPostmaster(running.pid, identity, onEvent).catch((error) => {
        stopped = null // it may be tried again
        throw error
      })
      return stopped
    },
  }
}
