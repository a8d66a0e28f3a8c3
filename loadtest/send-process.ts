import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

export interface RunningCommand {
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** A loop command as beside any service. What it says goes to stderr. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>>): RunningCommand {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 2, 2], env: { PATH, HOME, ...env } })
  const ended = once(child, 'exit')
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
    },
  }
}
