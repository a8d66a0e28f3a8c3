import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process that dies again and again must not take the machine with it. */
const RESTART_AFTER_MS = 1_000

/**
 * A command in a process of its own: `seal` and `witness` alone read their keys, `project` and `send` have roles of their
 * own, and `send` facilities' passwords in its memory. Started again
 * when it dies. If this process is killed it ends by itself: its channel to it breaks.
 */
export function startBeside(
  command: 'seal' | 'witness' | 'project' | 'send',
  environment: NodeJS.ProcessEnv,
): { stop: () => Promise<void> } {
  let child: ChildProcess
  let stopping = false
  const hire = () => {
    // the program that runs now; stdout stays ours: what it logs goes to stderr
    child = spawn(process.execPath, [process.argv[1] ?? '', command], {
      env: environment,
      stdio: ['ignore', 2, 2, 'ipc'],
    })
    child.once('exit', () => {
      if (!stopping) void sleep(RESTART_AFTER_MS, null, { ref: false }).then(() => stopping || hire())
    })
  }
  hire()
  return {
    stop: async () => {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}
