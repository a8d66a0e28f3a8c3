import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chown, cp, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Account, serverAccount } from '../../src/cli/embedded/account.ts'
import { installedBinaries } from '../../src/cli/embedded/binaries.ts'
import { failureIn } from '../../src/cli/embedded/error.ts'
import type { EmbeddedEvent } from '../../src/cli/embedded/event.ts'
import { postmasterFile } from '../../src/cli/embedded/postmaster.ts'
import { isAlive } from '../../src/cli/embedded/processes.ts'
import {
  type EmbeddedOptions,
  type EmbeddedPostgres,
  startEmbedded,
  stopEmbedded,
} from '../../src/cli/embedded/start.ts'
import { removeThrowaway, throwawayFolder } from '../support/throwaway-folder.ts'

const SMALL = { shared_buffers: '16MB', max_wal_size: '64MB', min_wal_size: '32MB', max_connections: '10' }
const asRoot = process.getuid?.() === 0
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()?.()
})

/** A folder that is removed, server and all, after the test. */
async function newFolder(): Promise<string> {
  const folder = await throwawayFolder()
  cleanups.push(() => removeThrowaway(folder))
  return folder
}

/** A cluster that ran and was stopped, copied: spares each test an initdb of 1–2 s. */
async function usedFolder(): Promise<string> {
  const folder = await newFolder()
  await promisify(execFile)('cp', ['-a', stopped, folder])
  return folder
}

let stopped: string
beforeAll(async () => {
  stopped = await throwawayFolder()
  await (await start(stopped)).stop()
})
afterAll(() => removeThrowaway(stopped))

function recorder(): { events: EmbeddedEvent[]; onEvent: (event: EmbeddedEvent) => void; steps: () => string[] } {
  const events: EmbeddedEvent[] = []
  return { events, onEvent: (event) => events.push(event), steps: () => events.map((event) => event.step) }
}

function start(folder: string, options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  return startEmbedded({ folder, settings: SMALL, ...options })
}

async function ask<T>(server: EmbeddedPostgres, question: (sql: Sql) => Promise<T>): Promise<T> {
  const { host, port, password, superuser } = server
  const sql = postgres({ host, port, password, user: superuser, database: 'postgres', max: 1, onnotice: () => {} })
  try {
    return await question(sql)
  } finally {
    await sql.end()
  }
}

/** Another Node that starts the cluster, prints one line per event, and stays. */
function otherNode(
  folder: string,
  options: { detached?: boolean } = {},
): ChildProcess & { said(step: string): Promise<void> } {
  const module = new URL('../../src/cli/embedded/start.ts', import.meta.url).href
  const script = `
    import { startEmbedded } from ${JSON.stringify(module)}
    const onEvent = (event) => console.log(event.step)
    await startEmbedded({ folder: ${JSON.stringify(folder)}, settings: ${JSON.stringify(SMALL)}, onEvent })
    console.log('started')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: options.detached ?? false,
  })
  cleanups.push(async () => child.kill('SIGKILL'))
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const said = async (step: string) => {
    await expect.poll(() => output.split('\n'), { timeout: 20_000, interval: 5 }).toContain(step)
  }
  return Object.assign(child, { said })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve))
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

describe('start and stop', () => {
  it('stop leaves no process, and the next start is quick, on the same port, with the data and the password', async () => {
    const folder = await newFolder()
    const first = await start(folder)
    await ask(first, (sql) => sql`CREATE TABLE kept AS SELECT 42 AS answer`)
    await first.stop()
    await first.stop() // twice is once
    expect(isAlive(first.pid)).toBe(false)

    const { onEvent, steps } = recorder()
    const began = performance.now()
    const second = await start(folder, { onEvent })
    expect(performance.now() - began).toBeLessThan(3_000)
    expect(steps()).toEqual(['starting', 'ready'])
    expect([second.port, second.password, second.wasRunning]).toEqual([first.port, first.password, false])
    // nobody's outgoing connection takes it while the server is down
    expect(first.port).toBeLessThan(32_768)
    expect([...(await ask(second, (sql) => sql`SELECT answer FROM kept`))]).toEqual([{ answer: 42 }])
  })

  it('takes another port when a stranger has the one of the last start', async () => {
    const folder = await usedFolder()
    const first = await start(folder)
    await first.stop()
    const stranger = createServer()
    cleanups.push(() => new Promise((resolve) => stranger.close(resolve)))
    await new Promise<void>((resolve) => stranger.listen(first.port, '127.0.0.1', resolve))
    const { onEvent, steps } = recorder()
    const second = await start(folder, { onEvent })
    expect(second.port).not.toBe(first.port)
    expect(steps()).toContain('portChanged')
  })
})

describe('a running cluster', () => {
  let folder: string
  let server: EmbeddedPostgres

  beforeAll(async () => {
    folder = await throwawayFolder()
    server = await start(folder)
  })
  afterAll(() => removeThrowaway(folder))

  it('makes a cluster that is durable, checksummed, UTF-8 and reached by password over loopback only', async () => {
    expect(server.wasRunning).toBe(false)
    const settings = await ask(server, async (sql) => {
      const rows = await sql<{ name: string; setting: string }[]>`SELECT name, setting FROM pg_settings`
      return new Map(rows.map(({ name, setting }) => [name, setting]))
    })
    expect(settings.get('fsync')).toBe('on')
    expect(settings.get('synchronous_commit')).toBe('on')
    expect(settings.get('data_checksums')).toBe('on')
    expect(settings.get('listen_addresses')).toBe('127.0.0.1')
    expect(settings.get('unix_socket_directories')).toBe('')
    const [database] = await ask(
      server,
      (sql) => sql`SELECT pg_encoding_to_char(encoding) AS encoding, datlocprovider AS provider, datlocale AS locale
                   FROM pg_database WHERE datname = 'template1'`,
    )
    expect(database).toEqual({ encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8' })
    const methods = await ask(server, (sql) => sql`SELECT DISTINCT auth_method FROM pg_hba_file_rules`)
    expect([...methods]).toEqual([{ auth_method: 'scram-sha-256' }])
    await expect(ask({ ...server, password: 'guess' }, (sql) => sql`SELECT 1`)).rejects.toMatchObject({ code: '28P01' })
  })

  it('shows no password to other users: files of mode 0600, none left by initdb, none on a command line', async () => {
    const { password, pid } = server
    for (const name of await readdir(folder)) {
      if (name === 'data') continue
      expect([name, (await stat(join(folder, name))).mode & 0o777]).toEqual([name, 0o600])
    }
    expect((await stat(join(folder, 'password'))).uid).toBe(process.getuid?.())
    expect((await readdir(folder)).sort()).toEqual(['data', 'password', 'port', 'postgres.log'])
    expect((await stat(join(folder, 'data'))).mode & 0o777).toBe(0o700)
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    expect(commandLine).not.toContain(password)
    expect(await readFile(join(folder, 'data', 'postmaster.opts'), 'utf8')).not.toContain(password)
  })

  it('keeps what the server writes of a failed statement out of the log: it could name a citizen', async () => {
    await expect(ask(server, (sql) => sql`SELECT ${'079200001234x'}::text::bigint`)).rejects.toThrow('079200001234x')
    expect(await readFile(join(folder, 'postgres.log'), 'utf8')).not.toContain('079200001234')
  })

  it.runIf(asRoot)('as root runs as an unprivileged account that owns the data and nothing else', async () => {
    const { pid } = server
    const { uid } = (await serverAccount('/nonexistent')) as Account
    expect(uid).not.toBe(0)
    expect((await stat(`/proc/${pid}`)).uid).toBe(uid)
    expect((await stat(join(folder, 'data'))).uid).toBe(uid)
    expect((await stat(join(folder, 'password'))).uid).toBe(0)
  })
})

describe('after a crash', () => {
  it('kill -9 of Node does not lose the server: it is found again, not started a second time, data intact', async () => {
    const folder = await usedFolder()
    const node = otherNode(folder)
    await node.said('started')
    const before = await start(folder)
    expect(before.wasRunning).toBe(true)
    await ask(before, (sql) => sql`CREATE TABLE kept AS SELECT 42 AS answer`)
    node.kill('SIGKILL')
    await ended(node)

    const { onEvent, steps } = recorder()
    const after = await start(folder, { onEvent })
    expect([after.pid, after.wasRunning, steps()]).toEqual([before.pid, true, ['ready']])
    expect([...(await ask(after, (sql) => sql`SELECT answer FROM kept`))]).toEqual([{ answer: 42 }])
    await after.stop()
    expect(isAlive(before.pid)).toBe(false)
  })

  it('Ctrl-C in the terminal of Node does not stop the server under it', async () => {
    const folder = await usedFolder()
    const node = otherNode(folder, { detached: true })
    await node.said('started')
    // What a terminal does: the signal goes to the whole foreground group.
    process.kill(-node.pid!, 'SIGINT')
    await ended(node)
    expect((await start(folder)).wasRunning).toBe(true)
  })

  it.each(['SIGINT', 'SIGKILL'] as const)(
    '%s in the middle of initdb leaves nothing that the next start cannot use',
    async (signal) => {
      const folder = await newFolder()
      const node = otherNode(folder, { detached: true })
      await node.said('initializing')
      await expect.poll(async () => (await readdir(folder)).some((name) => name.startsWith('data.init-'))).toBe(true)
      if (signal === 'SIGINT') process.kill(-node.pid!, 'SIGINT')
      else node.kill('SIGKILL')
      await ended(node)
      expect(await exists(join(folder, 'data'))).toBe(false)

      const server = await start(folder)
      expect([...(await ask(server, (sql) => sql`SELECT 1 AS one`))]).toEqual([{ one: 1 }])
      expect((await readdir(folder)).sort()).toEqual(['data', 'password', 'port', 'postgres.log'])
    },
  )

  it('kill -9 of PostgreSQL itself: the next start recovers what was committed', async () => {
    const folder = await usedFolder()
    const first = await start(folder)
    await ask(first, (sql) => sql`CREATE TABLE kept AS SELECT 42 AS answer`)
    process.kill(first.pid, 'SIGKILL')
    const second = await start(folder)
    expect(second.wasRunning).toBe(false)
    expect([...(await ask(second, (sql) => sql`SELECT answer FROM kept`))]).toEqual([{ answer: 42 }])
  })

  it('a postmaster.pid whose pid is some other program by now does not block the start for ever', async () => {
    const folder = await usedFolder()
    const first = await start(folder)
    await first.stop()
    const account = await serverAccount(join(folder, 'data'))
    const other = spawn('sleep', ['60'], { stdio: 'ignore', ...(account && { uid: account.uid, gid: account.gid }) })
    cleanups.push(async () => other.kill('SIGKILL'))
    const file = join(folder, 'data', 'postmaster.pid')
    await writeFile(file, `${other.pid}\n${join(folder, 'data')}\n1700000000\n${first.port}\n\n127.0.0.1\n\nready   \n`)
    if (account !== null) await chown(file, account.uid, account.gid)

    const { onEvent, steps } = recorder()
    const second = await start(folder, { onEvent })
    expect([second.wasRunning, steps()]).toEqual([false, ['cleaned', 'starting', 'ready']])
    expect(isAlive(other.pid!)).toBe(true)
  })

  it('an empty postmaster.pid, left by a power cut, does not block the start for ever', async () => {
    const folder = await usedFolder()
    await (await start(folder)).stop()
    const file = join(folder, 'data', 'postmaster.pid')
    await writeFile(file, '')
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(file, longAgo, longAgo)
    const { onEvent, steps } = recorder()
    await start(folder, { onEvent })
    expect(steps()).toEqual(['cleaned', 'starting', 'ready'])
  })

  it('a lock of a process that is gone, or whose pid was given away, is taken over', async () => {
    const folder = await usedFolder()
    const gone = spawn('true')
    await ended(gone)
    await writeFile(join(folder, 'lock'), JSON.stringify({ pid: gone.pid, identity: null }))
    await start(folder)
    await writeFile(join(folder, 'lock'), JSON.stringify({ pid: process.pid, identity: 'an earlier life of this pid' }))
    expect((await start(folder)).wasRunning).toBe(true)
    await writeFile(join(folder, 'lock'), '')
    expect((await start(folder)).wasRunning).toBe(true)
  })
})

describe('two at once', () => {
  it('never start two postmasters: one starts, the others join it', async () => {
    const folder = await newFolder()
    const nodes = [otherNode(folder), otherNode(folder)]
    const servers = await Promise.all([start(folder), start(folder)])
    await Promise.all(nodes.map((node) => node.said('started')))
    expect(new Set(servers.map((server) => server.pid)).size).toBe(1)
    const log = await readFile(join(folder, 'postgres.log'), 'utf8')
    expect(log.match(/LOG: {2}starting PostgreSQL/g)).toHaveLength(1)
    expect((await readdir(folder)).sort()).toEqual(['data', 'password', 'port', 'postgres.log'])
  })

  it('a start during a stop does not fail: it waits for the end and starts anew', async () => {
    const folder = await usedFolder()
    const first = await start(folder)
    const stopping = first.stop()
    await expect
      .poll(async () => (await postmasterFile(join(folder, 'data')))?.status, { interval: 1 })
      .not.toBe('ready')
    const second = await start(folder)
    await stopping
    expect(second.pid).not.toBe(first.pid)
    expect([...(await ask(second, (sql) => sql`SELECT 1 AS one`))]).toEqual([{ one: 1 }])
  })
})

describe.runIf(asRoot)('as root', () => {
  it('below a 0700 folder the cluster and the programs are put where the account can reach them, and found again', async () => {
    const open = dirname(await newFolder())
    const shared = join(open, 'shared')
    const hidden = join(open, 'home')
    const folder = join(hidden, 'cluster')
    await mkdir(hidden, { mode: 0o700 })
    cleanups.push(() => stopEmbedded(folder))
    const installed = await installedBinaries()
    const native = dirname(dirname(installed.postgres))
    await cp(native, join(hidden, 'native'), { recursive: true, verbatimSymlinks: true })
    const bin = join(hidden, 'native', 'bin')
    const binaries = { ...installed, postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') }

    const first = recorder()
    const server = await start(folder, { shared, binaries, onEvent: first.onEvent })
    expect(first.events.filter((event) => event.step === 'moved')).toHaveLength(2)
    expect(first.events[0]?.text).toContain(`cannot pass ${hidden}`)
    await ask(server, (sql) => sql`CREATE TABLE kept AS SELECT 42 AS answer`)
    expect((await readdir(folder)).sort()).toEqual(['moved-to', 'password', 'port'])
    const home = (await readFile(join(folder, 'moved-to'), 'utf8')).trim()
    expect(dirname(home)).toBe(shared)
    expect((await readdir(home)).sort()).toEqual(['belongs-to', 'data', 'postgres.log'])
    await server.stop()

    const second = recorder()
    const again = await start(folder, { shared, binaries, onEvent: second.onEvent })
    expect(second.steps()).toEqual(['starting', 'ready'])
    expect([...(await ask(again, (sql) => sql`SELECT answer FROM kept`))]).toEqual([{ answer: 42 }])

    // Deleting the folder means beginning anew: the old rows would not fit what else was deleted with it.
    await rm(folder, { recursive: true })
    const third = await start(folder, { shared, binaries })
    expect([...(await ask(third, (sql) => sql`SELECT to_regclass('kept') AS kept`))]).toEqual([{ kept: null }])
    expect(isAlive(again.pid)).toBe(false)
    expect(await exists(join(home, 'data', 'PG_VERSION'))).toBe(true)
  })
})

describe('refuses, and says why', () => {
  it('a folder with files of somebody else', async () => {
    const folder = await newFolder()
    await mkdir(folder)
    await writeFile(join(folder, 'thesis.docx'), 'mine')
    await expect(start(folder)).rejects.toMatchObject({
      code: 'folderNotOurs',
      message: expect.stringContaining('thesis.docx'),
    })
    expect(await readdir(folder)).toEqual(['thesis.docx'])
  })

  it('a data folder that is not of PostgreSQL, or of another major', async () => {
    const folder = await newFolder()
    await mkdir(join(folder, 'data'), { recursive: true })
    await writeFile(join(folder, 'data', 'something'), '')
    await expect(start(folder)).rejects.toMatchObject({ code: 'folderNotOurs' })
    await writeFile(join(folder, 'data', 'PG_VERSION'), '17\n')
    await expect(start(folder)).rejects.toMatchObject({ code: 'otherMajor', message: expect.stringContaining('17') })
    expect(await exists(join(folder, 'lock'))).toBe(false)
  })

  it('a cluster whose password file is gone or of another cluster', async () => {
    const folder = await usedFolder()
    const server = await start(folder)
    await writeFile(join(folder, 'password'), 'of another cluster\n')
    await expect(start(folder)).rejects.toMatchObject({ code: 'passwordLost' })
    await rm(join(folder, 'password'))
    await expect(start(folder)).rejects.toMatchObject({ code: 'passwordLost' })
    await server.stop()
  })

  it('programs that are not there, and a server that ends at once, with its own words', async () => {
    const folder = await newFolder()
    const binaries = { initdb: '/nowhere/bin/initdb', postgres: '/nowhere/bin/postgres', version: '18.4.0' }
    await expect(start(folder, { binaries })).rejects.toThrow(/\/nowhere\/bin/)
    await expect(start(folder, { settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
      code: 'startFailed',
      message: expect.stringContaining('invalid value for parameter "shared_buffers"'),
    })
  })

  it.each([
    ['FATAL:  could not write lock file "postmaster.pid": No space left on device', 'diskFull'],
    ['LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', 'portTaken'],
    ['FATAL:  lock file "postmaster.pid" already exists', 'alreadyRunning'],
    ['FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use', 'orphans'],
    ['PANIC:  could not locate a valid checkpoint record', 'other'],
  ])('reads PostgreSQL: %s', (said, failure) => {
    expect(failureIn(said)).toBe(failure)
  })
})
