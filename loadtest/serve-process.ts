import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

export interface ServeOptions {
  /** As the request role. */
  readonly databaseUrl: string
  /** Holds `data-keys.json` and `token-keys.json`. */
  readonly keysFolder: string
  readonly port: number
  /** Another one: what is deployed (`buildServer`), or another release, whose folder has packages of its own. */
  readonly cli?: string
  readonly env?: Readonly<Record<string, string>>
}

/** `kiemthe serve` as a process of its own. */
export interface ServeProcess {
  readonly url: string
  readonly child: ChildProcess
  /** All it wrote so far, both streams. */
  readonly said: () => string
  /** `kill -9`, and gone when this returns. */
  readonly kill: () => Promise<void>
  /** SIGTERM; its exit code, null if it had to be killed by somebody. */
  readonly terminate: () => Promise<number | null>
}

/** Nothing of the caller's environment but PATH. */
export function serveEnvironment({ databaseUrl, keysFolder, port, env = {} }: ServeOptions): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    // as ops/README.md has it: the first file, too, comes from the cache
    NODE_COMPILE_CACHE: fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    DATA_KEYS_FILE: join(keysFolder, 'data-keys.json'),
    TOKEN_KEYS_FILE: join(keysFolder, 'token-keys.json'),
    LOG_LEVEL: 'error',
    // few clients stand for many
    RATE_LIMIT_PER_SECOND: '1000000',
    RATE_LIMIT_BURST: '1000000',
    BAD_CREDENTIALS_PER_SECOND: '1000000',
    BAD_CREDENTIALS_BURST: '1000000',
    PUBLIC_READS_PER_SECOND: '1000000',
    PUBLIC_READS_BURST: '1000000',
    // the log is counted: refused calls are written when the process ends
    REFUSED_CALLS_WINDOW_SECONDS: '86400',
    ...env,
  }
}

/** Resolves at its `ready` line. */
export async function startServe(options: ServeOptions): Promise<ServeProcess> {
  const { port, cli = CLI } = options
  const child = spawn(process.execPath, [cli, 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: serveEnvironment(options),
  })
  let output = ''
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>
  const ready = new Promise<void>((resolve) => {
    const hear = (text: string) => {
      output += text
      if (/^ready http/m.test(output)) resolve()
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
  })
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    const [code] = await exited
    return code
  }
  const first = await Promise.race([ready.then(() => null), exited])
  if (first !== null) throw new Error(`serve ended with ${first[0]} before it was ready:\n${output}`)
  return {
    url: `http://127.0.0.1:${port}`,
    child,
    said: () => output,
    kill: async () => {
      await end('SIGKILL')
    },
    terminate: () => end('SIGTERM'),
  }
}
