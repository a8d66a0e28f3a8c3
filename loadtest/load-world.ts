import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { facilities } from '../mocks/province/facilities.ts'
import type { Province as MockProvince } from '../mocks/province/person.ts'
import { issueAccessToken } from '../src/access/access-token.ts'
import { ROLE_SCOPES, readClientId } from '../src/access/principal.ts'
import { importTokenKeys } from '../src/access/token-keys.ts'
import { type DataFolder, dataFolder, tokenKeysOf } from '../src/cli/data-folder.ts'
import {
  aborted,
  DEMO_COPY_HOURS,
  DEMO_PROCESSES,
  projectorEnvironment,
  readDemo,
  sealerEnvironment,
  signalled,
  withProvince,
} from '../src/cli/demo.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import { type EmbeddedPostgres, startEmbedded } from '../src/cli/embedded/start.ts'
import { ownerUrlOf } from '../src/cli/owner-url.ts'
import { configSchema } from '../src/config.ts'
import { connect, type Sql } from '../src/db/connect.ts'
import { buildServer } from './built-server.ts'
import type { Frame, OptionOf } from './frame/scenario.ts'
import type { TrafficOf } from './open-loop/traffic.ts'
import { type Serving, serveUnderLoad } from './serve-under-load.ts'
import type { ChecksSettings } from './traffic/checks.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const TOKEN_SECONDS = 14_400

/** Of every scenario that loads a province. */
export const WORLD_OPTIONS = {
  data: { default: '/tmp/kiemthe-load', what: 'folder of the province, made where there is none, and kept' },
  cards: { default: '3256000', what: 'insurance records, if it is made' },
  processes: { default: String(DEMO_PROCESSES), what: 'PROCESSES of the server' },
} as const satisfies Readonly<Record<string, OptionOf>>

/** A province with its database, keys and sealer; servers are the scenario's own. */
export interface LoadWorld {
  readonly folder: DataFolder
  readonly province: MockProvince
  readonly records: number
  /** As its owner. */
  readonly sql: Sql
  readonly ownerUrl: string
  readonly appUrl: string
  /** Of all facilities, in the order of `facilities()`. */
  readonly tokens: readonly string[]
  readonly auditorToken: string
  /** Checks at all desks, each judged. */
  readonly checks: TrafficOf
  /** Watched as `server` unless told; stopped at the end. */
  readonly serve: (more?: ServeMore) => Promise<Serving>
  readonly databasePid: () => number
  /** `kill -9` of PostgreSQL. */
  readonly killDatabase: () => void
  /** Resolves when it accepts connections again, recovered. */
  readonly startDatabase: () => Promise<void>
}

export interface ServeMore {
  readonly name?: string
  readonly env?: Readonly<Record<string, string>>
  readonly databaseUrl?: string
  readonly port?: number
}

export function planOfWorld(frame: Frame): string[] {
  return [
    `province ${frame.text('data')}, made with ${Number(frame.text('cards')).toLocaleString('en')} records if it is not there; ` +
      `people as in Zipf's law from all of them, ${facilities().length} facilities, some 60 times as busy as others`,
    `server with PROCESSES=${frame.text('processes')}, events written, sealer beside it, rate limit off; the database on this machine, with fsync`,
  ]
}

export interface WorldMore {
  /** Instead of the options'. */
  readonly data?: string
  readonly cards?: number
  /** Before anybody is connected to the database. */
  readonly prepare?: (ownerUrl: string) => Promise<void>
  /** `kiemthe project` beside it, as auditors need it. */
  readonly projects?: boolean
  /** What its database is called among the programs that are watched. */
  readonly databaseName?: string
}

/** Made if need be; everything that was started is gone when the work ends, however it ends. */
export async function withLoadWorld(
  frame: Frame,
  work: (world: LoadWorld) => Promise<void>,
  more: WorldMore = {},
): Promise<void> {
  const folder = dataFolder(more.data ?? frame.text('data'))
  // what is there stays as it is: its records are its own
  const options = { folder, port: 0, cards: null, seed: null, deltaEveryMs: null }
  const made = await readDemo(folder)
  const cards = made === null ? (more.cards ?? frame.number('cards')) : null
  await withProvince({ ...options, cards }, signalled(), async (province, signal) => {
    const started: Serving[] = []
    const restarted: EmbeddedPostgres[] = []
    const ownerUrl = await ownerUrlOf(folder)
    const cli = buildServer()
    await more.prepare?.(ownerUrl)
    const sql = connect(ownerUrl, { connectionsMax: 2, statementTimeoutMs: 0, applicationName: 'loadtest' })
    const beside = [startCommand('seal', await sealerEnvironment(province, false))]
    if (more.projects === true) beside.push(startCommand('project', projectorEnvironment(province)))
    try {
      let databasePid = await postmasterOf(sql)
      frame.watch(more.databaseName ?? 'database', () => databasePid)
      const issue = await issuer(folder)
      const tokens = await Promise.all(facilities().map(({ code }) => issue(`facility:${code}`)))
      const { seed, baseDate, cards: records } = province.known
      const settings: ChecksSettings = { province: { seed, baseDate }, records, tokens }
      const world: LoadWorld = {
        folder,
        province: settings.province,
        records,
        sql,
        ownerUrl,
        appUrl: province.appUrl,
        tokens,
        auditorToken: await issue('auditor:demo'),
        checks: { module: moduleOf('checks'), settings },
        databasePid: () => databasePid,
        killDatabase: () => process.kill(databasePid, 'SIGKILL'),
        startDatabase: async () => {
          const again = await startEmbedded({ folder: folder.clusterFolder })
          restarted.push(again)
          databasePid = again.pid
        },
        serve: async ({ name = 'server', env, databaseUrl, port } = {}) => {
          const serving = await serveUnderLoad(
            {
              databaseUrl: databaseUrl ?? province.appUrl,
              keysFolder: folder.path,
              cli,
              port: port ?? (await anyFreePort()),
              env: {
                PROCESSES: frame.text('processes'),
                COPY_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
                COPY_STALE_AFTER_HOURS: DEMO_COPY_HOURS,
                CATALOGUE_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
                ...env,
              },
            },
            join(folder.path, `loadtest-${name.replaceAll(' ', '-')}.log`),
          )
          started.push(serving)
          frame.watch(name, () => serving.pid)
          return serving
        },
      }
      await Promise.race([work(world), aborted(signal)])
    } finally {
      await Promise.all(started.map((each) => each.stop()))
      await Promise.all(beside.map((each) => each.stop()))
      await sql.end({ timeout: 5 })
      await restarted.at(-1)?.stop()
    }
  })
}

/** A module of `traffic/`, for a thread of the generator. */
export function moduleOf(name: string): string {
  return new URL(`./traffic/${name}.ts`, import.meta.url).href
}

async function issuer(folder: DataFolder): Promise<(client: string) => Promise<string>> {
  const keys = await importTokenKeys(await tokenKeysOf(folder))
  const serviceId = configSchema.shape.SERVICE_ID.parse(undefined)
  return (client) => {
    const known = readClientId(client)
    if (known === null) throw new TypeError(`no client: ${client}`)
    const { clientId, role } = known
    const scopes = ROLE_SCOPES[role]
    return issueAccessToken(keys, serviceId, new Date(), {
      ...{ clientId, keyId: 'demo-1', scopes, lifeSeconds: TOKEN_SECONDS },
    })
  }
}

/** The parent of all its processes. */
export async function postmasterOf(sql: Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  const stat = await readFile(`/proc/${row?.pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

/** A command of its own beside the servers. */
function startCommand(command: 'seal' | 'project', env: NodeJS.ProcessEnv): { stop: () => Promise<void> } {
  const child = spawn(process.execPath, [CLI, command], { env, stdio: ['ignore', 2, 2] })
  const gone = once(child, 'exit')
  return {
    stop: async () => {
      child.kill('SIGTERM')
      await gone
    },
  }
}
