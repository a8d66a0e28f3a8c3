import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEMO_AGREEMENT, start as startRegistry } from '../../mocks/population-registry/start.ts'
import { configSchema } from '../config.ts'
import { type DataFolder, dataKeysOf, rolePasswordsOf, tokenKeysOf } from './data-folder.ts'
import {
  aborted,
  DEMO_COPY_HOURS,
  type Options,
  readDemo,
  readOptions,
  say,
  sealerEnvironment,
  signalled,
  withProvince,
} from './demo.ts'
import { EmbeddedError } from './embedded/error.ts'
import { appUrlOf, ownerUrlOf } from './owner-url.ts'
import { startBeside } from './sealer-process.ts'
import { UsageError } from './usage-error.ts'
import { printWelcome, type Welcomed } from './welcome.ts'

/** Beside `npm start`, which has 8787. */
const PORT_DEFAULT = 8788
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** Given by binding, or to `wrangler` itself. */
const NOT_A_VARIABLE = new Set(['DATABASE_URL', 'DATA_KEYS_FILE', 'TOKEN_KEYS_FILE', 'LOG_MARK_FILE', 'HOST', 'PORT'])
/** The registry is the mock beside it, or none. */
const isVariable = (name: string) => !NOT_A_VARIABLE.has(name) && !name.startsWith('REGISTRY_')

/**
 * `kiemthe edge` (`npm run dev:edge`): the Worker under `wrangler dev`, made anew when its source changes, on the demo's database: with
 * `npm start` running in the folder its own, otherwise started (and at first filled) here in the same way.
 */
export async function edge(args: string[]): Promise<void> {
  const options = readOptions(args, PORT_DEFAULT)
  const signal = signalled()
  try {
    await withProvince(options, signal, async (province) => {
      const sealer = startBeside('seal', await sealerEnvironment(province, false))
      await serveEdge(options, province.appUrl, signal).finally(sealer.stop)
    })
  } catch (error) {
    if (!(error instanceof EmbeddedError && error.code === 'busy')) throw error
    say(`a demo runs in ${options.folder.path}: on its database`)
    const { folder } = options
    await serveEdge(options, appUrlOf(await ownerUrlOf(folder), await rolePasswordsOf(folder)), signal)
  }
}

async function serveEdge(options: Options, appUrl: string, signal: AbortSignal): Promise<void> {
  const known = await readDemo(options.folder)
  if (known === null) throw new UsageError(`${options.folder.path} holds no demo yet`)
  const registry = options.deltaEveryMs === null ? null : await startRegistry(known)
  try {
    await serveBeside(options, known, appUrl, registry?.url ?? null, signal)
  } finally {
    await registry?.close()
  }
}

async function serveBeside(
  { folder, port }: Options,
  known: Welcomed,
  appUrl: string,
  registryUrl: string | null,
  signal: AbortSignal,
): Promise<void> {
  const wrangler = await startWrangler(folder, port, appUrl, registryUrl)
  const ended = once(wrangler, 'exit')
  const first = await Promise.race([until(wrangler, /Ready on http/), ended, aborted(signal)])
  if (first === FOUND) printWelcome(known, port, folder, registryUrl, [])
  await Promise.race([ended, aborted(signal)])
  if (!signal.aborted) throw new UsageError('wrangler ended; what it said stands above')
  if (wrangler.exitCode === null && wrangler.signalCode === null) wrangler.kill('SIGTERM')
  await ended
}

/**
 * Keys and the database's password go to it by its environment, which others of this machine cannot read: no file holds
 * them but those of the data folder. It writes there and to `.wrangler` only, and asks nothing of the network.
 */
async function startWrangler(
  folder: DataFolder,
  port: number,
  appUrl: string,
  registryUrl: string | null,
): Promise<ChildProcess> {
  const own = join(folder.path, 'wrangler')
  const at = (name: string) => join(own, name)
  await mkdir(at('tmp'), { recursive: true, mode: 0o700 })
  const variables = Object.entries(variablesOf(port, registryUrl)).flatMap(([name, value]) => [
    '--var',
    `${name}:${value}`,
  ])
  const options = ['--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0', '--persist-to', at('state')]
  const cli = join(ROOT, 'node_modules', 'wrangler', 'bin', 'wrangler.js')
  return spawn(process.execPath, [cli, 'dev', ...options, '--show-interactive-dev-session=false', ...variables], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOME: own,
      XDG_CONFIG_HOME: at('config'),
      XDG_CACHE_HOME: at('cache'),
      TMPDIR: at('tmp'),
      WRANGLER_LOG_PATH: at('logs'),
      WRANGLER_CACHE_DIR: at('cache'),
      MINIFLARE_CACHE_DIR: at('cache'),
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_HIDE_BANNER: 'true', // it would ask for a newer version
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      X_LOCAL_OBSERVABILITY: 'false',
      X_LOCAL_EXPLORER: 'false',
      CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE: appUrl,
      DATA_KEYS: JSON.stringify(await dataKeysOf(folder)),
      TOKEN_KEYS: JSON.stringify(await tokenKeysOf(folder)),
    },
  })
}

/** The demo's settings, and what the caller's environment says of any. */
function variablesOf(port: number, registryUrl: string | null): Record<string, string> {
  const said = Object.keys(configSchema.shape).flatMap((name) => {
    const value = process.env[name]
    return value === undefined || !isVariable(name) ? [] : [[name, value]]
  })
  return {
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    COPY_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
    COPY_STALE_AFTER_HOURS: DEMO_COPY_HOURS,
    CATALOGUE_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
    // the mock's agreement is no secret of anybody; a real one is set by `wrangler secret put`
    ...(registryUrl === null ? {} : { REGISTRY_URL: registryUrl, REGISTRY_AGREEMENT: JSON.stringify(DEMO_AGREEMENT) }),
    ...Object.fromEntries(said),
  }
}

const FOUND = Symbol('found')

/** What it says goes on to stderr: stdout is ours, and ends with the `ready` line. */
function until(child: ChildProcess, pattern: RegExp): Promise<typeof FOUND> {
  return new Promise((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text)
      if (pattern.test(text)) resolve(FOUND)
    })
  })
}
