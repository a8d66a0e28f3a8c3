import { spawn } from 'node:child_process'
import { chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { EmbeddedError, failureIn, systemCode } from './error.ts'
import type { OnEvent } from './event.ts'
import type { Place } from './place.ts'
import { isAlive } from './processes.ts'

/** True if the folder holds a cluster of our major. */
export async function isInitialized({ data }: Place, binaries: Binaries): Promise<boolean> {
  const ours = binaries.version.split('.')[0]
  let theirs: string
  try {
    theirs = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim()
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    const names = await readdir(data).catch(() => [])
    if (names.length === 0) return false
    throw new EmbeddedError('folderNotOurs', `${data} is not empty and not a PostgreSQL data folder (no PG_VERSION)`)
  }
  if (theirs === ours) return true
  throw new EmbeddedError(
    'otherMajor',
    `${data} was made by PostgreSQL ${theirs}, this is ${ours}: dump and load it with ${theirs}, or name a new folder`,
  )
}

/**
 * initdb into a folder of another name, then one rename: `data` exists only complete. An interruption (Ctrl-C reaches initdb as
 * well, kill -9 only us) leaves data.init-<pid> and pwfile-<pid>, removed here by the next start.
 */
export async function initialize(
  place: Place,
  binaries: Binaries,
  account: Account | null,
  password: string,
  onEvent: OnEvent,
): Promise<void> {
  await removeLeftovers(place, onEvent)
  const began = Date.now()
  onEvent({ step: 'initializing', text: `making a PostgreSQL cluster in ${place.data}` })
  const draft = join(place.home, `data.init-${process.pid}`)
  const pwfile = join(place.home, `pwfile-${process.pid}`)
  try {
    await mkdir(draft, { mode: 0o700 })
    await writeFile(pwfile, password, { mode: 0o600, flag: 'wx' })
    if (account !== null) {
      await chown(draft, account.uid, account.gid)
      await chown(pwfile, account.uid, account.gid)
    }
    await initdb(binaries.initdb, account, draft, pwfile)
    await publish(draft, place)
  } catch (error) {
    // What failed half-way is of no use; if even this fails, the next start does it.
    await rm(draft, { recursive: true, force: true, maxRetries: 5 }).catch(() => {})
    throw error
  } finally {
    await rm(pwfile, { force: true })
  }
  onEvent({ step: 'initialized', text: `the cluster was made in ${Date.now() - began} ms` })
}

async function removeLeftovers({ home }: Place, onEvent: OnEvent): Promise<void> {
  for (const name of await readdir(home)) {
    const owner = Number(/^(?:data\.init-|pwfile-)(\d+)$/.exec(name)?.[1] ?? Number.NaN)
    // Ours too: we hold the lock, so it is of an earlier attempt, or of another process that had this pid.
    if (Number.isNaN(owner) || (owner !== process.pid && isAlive(owner))) continue
    // The initdb of a killed Node may still be writing; it fails soon, its files gone.
    await rm(join(home, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    onEvent({ step: 'cleaned', text: `removed ${join(home, name)}, left by an interrupted start` })
  }
}

async function publish(draft: string, place: Place): Promise<void> {
  try {
    await rename(draft, place.data)
  } catch (error) {
    // Another process was first (see `withLock`): its cluster has the same password.
    const code = systemCode(error)
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    await rm(draft, { recursive: true, force: true })
  }
  // initdb synced the files; the new name must last as well.
  const folder = await open(place.home, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function initdb(program: string, account: Account | null, data: string, pwfile: string): Promise<void> {
  const args = [
    `--pgdata=${data}`,
    '--username=postgres',
    `--pwfile=${pwfile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Code point order, the same on every machine and after every upgrade of glibc or ICU: no index is ever out of order.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--data-checksums',
    '--no-instructions',
  ]
  // cwd: ours may be a folder the account cannot enter.
  const child = spawn(program, args, {
    cwd: '/',
    env: serverEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(account && { uid: account.uid, gid: account.gid }),
  })
  let output = ''
  const collect = (chunk: string) => {
    output = (output + chunk).slice(-8_000)
  }
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)
  const ended = await new Promise<string | null>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new EmbeddedError('initdbFailed', `cannot run ${program}: ${cause}`, { cause })),
    )
    child.once('close', (code, signal) => resolve(code === 0 ? null : (signal ?? `exit code ${code}`)))
  })
  if (ended === null) return
  if (failureIn(output) === 'diskFull') throw new EmbeddedError('diskFull', `no space left for a cluster in ${data}`)
  throw new EmbeddedError('initdbFailed', `initdb ended with ${ended}:\n${output.trim()}`)
}

/**
 * No PG* variable of ours reaches the server, and its messages are the ones `failureIn` reads. glibc gives freed memory
 * above 128 kB back to the kernel at once, so each larger statement faulted its pages in anew: an append of 48 rows
 * took 102 page faults and 3.1 ms of processor, with these 18 and 1.6 ms (measured once each way, in turn). 32 MB is
 * `work_mem`, and it is kept by each of some ten backends at the most once.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
    MALLOC_TRIM_THRESHOLD_: String(32 << 20),
    MALLOC_MMAP_THRESHOLD_: String(16 << 20),
    MALLOC_TOP_PAD_: String(1 << 20),
  }
}
