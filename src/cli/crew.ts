import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../host/start-error.ts'

/** A process that dies again and again must not take the machine with it. */
const RESTART_AFTER_MS = 1_000

/**
 * Several `kiemthe serve` on one port and one log: a verification costs more processor in Node than in
 * PostgreSQL, and Node uses one core. The processes share nothing but the listening socket; each has its own
 * connections and caches. If this process is killed they end by themselves (their channel to it breaks).
 */
export interface Crew {
  /** Each process drains; resolves when all are gone. */
  readonly stop: () => Promise<void>
  /** Tells each process to read its keys and certificates again. */
  readonly renew: () => void
}

export async function startCrew(processes: number, environment: NodeJS.ProcessEnv): Promise<Crew> {
  // the program that runs now, as `serve`; stdout stays ours: what the processes log goes to stderr
  cluster.setupPrimary({ args: ['serve'], stdio: ['ignore', 2, 2, 'ipc'] })
  const crew = new Set<Worker>()
  let stopping = false

  const hire = (): Worker => {
    const worker = cluster.fork(environment)
    crew.add(worker)
    worker.once('exit', () => {
      crew.delete(worker)
      if (!stopping && serving) void sleep(RESTART_AFTER_MS, null, { ref: false }).then(() => stopping || hire())
    })
    return worker
  }
  let serving = false
  const stop = async () => {
    stopping = true
    await Promise.all([...crew].map(dismiss))
  }
  try {
    await Promise.all(Array.from({ length: processes }, () => listening(hire())))
  } catch (error) {
    await stop()
    throw error
  }
  serving = true
  const renew = () => {
    for (const worker of crew) if (!worker.isDead()) worker.process.kill('SIGHUP')
  }
  return { stop, renew }
}

/** Why it could not start, the process has said on stderr. */
function listening(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('listening', () => resolve())
    worker.once('exit', () => reject(new StartError(['the server did not start'])))
  })
}

async function dismiss(worker: Worker): Promise<void> {
  if (worker.isDead()) return
  const gone = once(worker, 'exit')
  worker.process.kill('SIGTERM')
  await gone
}
