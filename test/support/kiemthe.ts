import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stopEmbedded } from '../../src/cli/embedded/start.ts'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CLI = join(ROOT, 'src', 'cli.ts')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command of ours as a process of its own. */
export interface Command {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves when it has written this; rejects when it ends without. */
  readonly until: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly ended: Promise<Ended>
  /** Sends the signal and waits for the end. */
  readonly end: (signal: NodeJS.Signals) => Promise<Ended>
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Nothing of the caller's environment reaches it but what a process needs to run. */
export function startKiemthe(args: readonly string[], env: Environment = {}): Command {
  return startProcess(process.execPath, [CLI, ...args], env)
}

export function kiemthe(args: readonly string[], env: Environment = {}): Promise<Ended> {
  return startKiemthe(args, env).ended
}

/** With something to read on its standard input. */
export function kiemtheReading(input: string, args: readonly string[], env: Environment = {}): Promise<Ended> {
  return startProcess(process.execPath, [CLI, ...args], env, input).ended
}

export function bash(script: string): Promise<Ended> {
  return startProcess('bash', ['-c', script], {}).ended
}

function startProcess(file: string, args: readonly string[], env: Environment, input: string | null = null): Command {
  const { PATH, HOME } = process.env
  const child = spawn(file, args, {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH, HOME, ...env },
  })
  child.stdin.end(input ?? '')
  let stdout = ''
  let stderr = ''
  const heard = new Set<() => void>()
  const tell = () => {
    for (const each of heard) each()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    tell()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    tell()
  })
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal, stdout, stderr }))
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(stdout) ?? pattern.exec(stderr)
          if (found === null) return
          heard.delete(look)
          resolve(found)
        }
        heard.add(look)
        look()
        ended.then(() => reject(new Error(`ended without ${pattern}:\n${stdout}\n${stderr}`)))
      }),
    ended,
    end: (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return ended
    },
  }
}

/** A folder for `--data`, not made yet, alone in a temporary one that the account of PostgreSQL can pass. */
export async function newDataFolder(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), `kiemthe-test-${process.pid}-`))
  await chmod(parent, 0o755)
  return join(parent, 'cluster')
}

/** With its PostgreSQL, if one runs. */
export async function removeDataFolder(data: string): Promise<void> {
  await stopEmbedded(join(data, 'postgres'))
  await rm(dirname(data), { recursive: true, force: true, maxRetries: 20 })
}
