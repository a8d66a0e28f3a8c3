import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ServeOptions, serveEnvironment } from './serve-process.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const START_MS_MAX = 60_000

/** A program under load: what it logs goes to a file, as in life, and not through the generator. */
export interface Serving {
  readonly url: string
  readonly pid: number
  readonly stop: () => Promise<void>
  /** `kill -9`; the processes of its crew end by themselves. */
  readonly kill: () => Promise<void>
}

/** `kiemthe serve` as in production: with an event for each request. */
export function serveUnderLoad(options: ServeOptions, logFile: string): Promise<Serving> {
  const env = serveEnvironment({ ...options, env: { LOG_LEVEL: 'info', ...options.env } })
  return startLogged([options.cli ?? CLI, 'serve'], env, logFile, /^ready (http:\S+)$/m)
}

/** Resolves when the file says its address. */
export async function startLogged(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  logFile: string,
  ready: RegExp,
): Promise<Serving> {
  const log = openSync(logFile, 'w')
  const child = spawn(process.execPath, args, { stdio: ['ignore', log, log], env })
  closeSync(log)
  const began = performance.now()
  for (;;) {
    const said = await readFile(logFile, 'utf8')
    const url = ready.exec(said)?.[1]
    if (url !== undefined) {
      return { url, pid: child.pid ?? 0, stop: () => end(child, 'SIGTERM'), kill: () => end(child, 'SIGKILL') }
    }
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${args.join(' ')} ended:\n${said}`)
    if (performance.now() - began > START_MS_MAX) {
      await end(child, 'SIGKILL')
      throw new Error(`${args.join(' ')} is not ready after ${START_MS_MAX} ms:\n${said}`)
    }
    await sleep(10)
  }
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}
