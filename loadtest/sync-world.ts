import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FeedKey } from '../mocks/insurer/feed-file.ts'
import {
  type DataFolder,
  dataFolder,
  dataKeysOf,
  makeDataFolder,
  rolePasswordsOf,
  tokenKeysOf,
} from '../src/cli/data-folder.ts'
import { readDemoClients, saveDemoClients } from '../src/cli/demo-clients.ts'
import { startEmbedded } from '../src/cli/embedded/start.ts'
import { appUrlOf, embeddedUrl, syncUrlOf } from '../src/cli/owner-url.ts'
import type { DataKeysFile } from '../src/data-keys.ts'
import { connect, type Sql } from '../src/db/connect.ts'
import { ensureDatabase } from '../src/db/database.ts'
import { migrateSchema } from '../src/db/migrate.ts'
import { ensureRoles } from '../src/db/roles.ts'
import { cpuOf, processorTime } from './processor-time.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

/** A PostgreSQL of its own with an empty copy, keys and clients, and room for feeds. */
export interface SyncWorld {
  readonly ownerUrl: string
  readonly appUrl: string
  readonly syncUrl: string
  readonly sql: Sql
  readonly dataKeys: DataKeysFile
  readonly folder: DataFolder
  readonly feeds: string
  readonly key: FeedKey
  /** `kiemthe import …` as a process. */
  readonly startImport: (...args: string[]) => ImportProcess
  /** Processor time that PostgreSQL has taken until now, all its processes, in seconds. */
  readonly postgresCpu: () => Promise<number>
  readonly close: () => Promise<void>
}

export interface ImportProcess {
  readonly child: ChildProcess
  /** Its code, null after a signal; seconds; processor time of its own; most memory it had, in MB; what it said. */
  readonly ended: Promise<{
    code: number | null
    seconds: number
    cpuSeconds: number
    peakMegabytes: number
    said: string
  }>
}

export async function openSyncWorld(name: string): Promise<SyncWorld> {
  const parent = await mkdtemp(join(tmpdir(), `kiemthe-${name}-`))
  await chmod(parent, 0o755) // the account of PostgreSQL must pass
  const folder = dataFolder(join(parent, 'data'))
  const feeds = join(parent, 'feeds')
  await mkdir(feeds)
  await makeDataFolder(folder)
  const postgres = await startEmbedded({ folder: folder.clusterFolder })
  const url = (database: string) => embeddedUrl(postgres.password, postgres.port, database)
  await ensureDatabase(url('postgres'), 'kiemthe')
  const ownerUrl = url('kiemthe')
  const sql = connect(ownerUrl, { connectionsMax: 2, statementTimeoutMs: 0, applicationName: name })
  const passwords = await rolePasswordsOf(folder)
  await ensureRoles(sql, passwords)
  await migrateSchema(ownerUrl)
  await saveDemoClients(sql, folder, new Date())
  await tokenKeysOf(folder)
  const dataKeys = await dataKeysOf(folder)
  const key = (await readDemoClients(folder))?.['feed:vss']
  if (key === undefined) throw new Error('the demo has a feed')
  return {
    ownerUrl,
    appUrl: appUrlOf(ownerUrl, passwords),
    syncUrl: syncUrlOf(ownerUrl, passwords),
    sql,
    dataKeys,
    folder,
    feeds,
    key,
    startImport: (...args) => startImport(args, { DATABASE_URL: ownerUrl, DATA_KEYS_FILE: folder.dataKeysFile }),
    postgresCpu: () => processorTime(postgres.pid),
    close: async () => {
      await sql.end({ timeout: 5 })
      await postgres.stop()
      await rm(parent, { recursive: true, force: true, maxRetries: 20 })
    },
  }
}

function startImport(args: readonly string[], env: Readonly<Record<string, string>>): ImportProcess {
  const began = performance.now()
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [CLI, 'import', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH, HOME, ...env },
    detached: true, // of a session of its own, as a service or a job of cron is
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  let peakMegabytes = 0
  let cpuSeconds = 0
  const look = setInterval(() => {
    cpuOf(child.pid ?? 0).then(
      ({ own }) => {
        cpuSeconds = own
      },
      () => {}, // it has ended
    )
    readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (status) => {
        peakMegabytes = Math.max(peakMegabytes, Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024))
      },
      () => {},
    )
  }, 200)
  const ended = once(child, 'close').then(([code]) => {
    clearInterval(look)
    return { code: code as number | null, seconds: (performance.now() - began) / 1000, cpuSeconds, peakMegabytes, said }
  })
  return { child, ended }
}
