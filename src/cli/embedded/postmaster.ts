import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { EmbeddedError, systemCode } from './error.ts'
import type { OnEvent } from './event.ts'
import { serverEnvironment } from './initialize.ts'
import type { Place } from './place.ts'
import { isAlive, isPostmasterOf, processIdentity } from './processes.ts'
import { asArguments, defaultSettings, fixedSettings } from './settings.ts'

/** Larger than this at a start, the log becomes postgres.log.1 in place of the one before. */
const LOG_BYTES_MAX = 4_000_000

const EMPTY_FILE_MS = 5_000

export interface Postmaster {
  readonly pid: number
  readonly port: number | null
  readonly status: 'starting' | 'ready' | 'stopping'
}

/** What postmaster.pid says; null without one. While PostgreSQL writes it, lines may be missing. */
export async function postmasterFile(data: string): Promise<Postmaster | null> {
  let lines: string[]
  try {
    lines = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
  const status = lines[7]?.trim()
  return {
    pid: Number(lines[0]),
    port: Number(lines[3]) || null,
    status: status === 'ready' || status === 'stopping' ? status : 'starting',
  }
}

/**
 * The live postmaster of the data folder; null if none. A postmaster.pid that a crash left is PostgreSQL's to judge, with one
 * exception: if its pid has since been given to some other program of the same account, PostgreSQL would refuse to start
 * for ever. Only when the system proves that the process is not this folder's postmaster is the file removed; backends that
 * outlived their postmaster are still caught by the shared memory's key, which is the folder's inode. An empty file (a power cut
 * right after its creation) blocks as well; a server that starts fills it within milliseconds.
 */
export async function findPostmaster(data: string, onEvent: OnEvent): Promise<Postmaster | null> {
  const written = await postmasterFile(data)
  if (written === null) return null
  const path = join(data, 'postmaster.pid')
  if (written.pid === 0) {
    const file = await stat(path).catch(() => null)
    if (file === null || Date.now() - file.mtimeMs < EMPTY_FILE_MS) return null
    await rm(path, { force: true })
    onEvent({ step: 'cleaned', text: 'removed an empty postmaster.pid, left by a crash' })
    return null
  }
  if (!isAlive(written.pid)) return null
  const ours = isPostmasterOf(written.pid, data)
  if (ours === true) return written
  if (ours === false && isAlive(written.pid)) {
    await rm(path, { force: true })
    onEvent({ step: 'cleaned', text: `removed a stale postmaster.pid: process ${written.pid} is another program` })
  }
  return null
}

/**
 * Starts the server and returns at once. `detached` gives it a session of its own: neither Ctrl-C nor a closed terminal nor
 * our death reaches it, so requests under way can be answered and logged while we drain. After kill -9 it lives on, found by
 * the next start.
 */
export async function launch(
  place: Place,
  binaries: Binaries,
  account: Account | null,
  port: number,
  settings: Record<string, string>,
): Promise<{ pid: number; exited: () => string | null; output: () => string }> {
  const size = await stat(place.log).then(
    (log) => log.size,
    () => 0,
  )
  if (size > LOG_BYTES_MAX) await rename(place.log, `${place.log}.1`)
  const log = openSync(place.log, 'a', 0o600)
  try {
    const from = statSync(place.log).size
    const options = asArguments({ ...defaultSettings(), ...settings, ...fixedSettings(port) })
    const child = spawn(binaries.postgres, ['-D', place.data, ...options], {
      cwd: '/',
      env: serverEnvironment(),
      detached: true,
      stdio: ['ignore', log, log],
      ...(account && { uid: account.uid, gid: account.gid }),
    })
    let ending: string | null = null
    child.once('exit', (code, signal) => {
      ending = signal ?? `exit code ${code}`
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (cause) =>
        reject(new EmbeddedError('startFailed', `cannot run ${binaries.postgres}: ${cause}`, { cause })),
      )
    })
    child.unref()
    return { pid: child.pid!, exited: () => ending, output: () => logFrom(place.log, from) }
  } finally {
    closeSync(log)
  }
}

/** The log from a position on, its last 8 kB at most. */
export function logFrom(path: string, from: number): string {
  const file = openSync(path, 'r')
  try {
    const size = statSync(path).size
    const start = Math.max(from, size - 8_000)
    const buffer = Buffer.alloc(Math.max(0, size - start))
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, start))
  } finally {
    closeSync(file)
  }
}

/**
 * Fast shutdown: sessions are cut off, a checkpoint is written, the next start needs no recovery. If the bound passes, immediate
 * shutdown: nothing acknowledged is lost, but the next start replays the WAL.
 */
export async function stopPostmaster(
  pid: number,
  identity: string | null,
  onEvent: OnEvent,
  fastMs = 60_000,
  immediateMs = 10_000,
): Promise<void> {
  const gone = () => !isAlive(pid) || processIdentity(pid) !== identity
  if (gone()) return
  onEvent({ step: 'stopping', text: `stopping PostgreSQL (process ${pid})` })
  signal(pid, 'SIGINT')
  if (!(await waitUntil(gone, fastMs))) {
    onEvent({
      step: 'forced',
      text: `PostgreSQL still runs after ${fastMs} ms: immediate shutdown, recovery at the next start`,
    })
    signal(pid, 'SIGQUIT')
    if (!(await waitUntil(gone, immediateMs))) {
      throw new EmbeddedError('stopFailed', `PostgreSQL (process ${pid}) does not end`)
    }
  }
  onEvent({ step: 'stopped', text: 'PostgreSQL has stopped' })
}

function signal(pid: number, name: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

async function waitUntil(condition: () => boolean, boundMs: number): Promise<boolean> {
  const end = Date.now() + boundMs
  while (!condition()) {
    if (Date.now() > end) return false
    await sleep(20)
  }
  return true
}
