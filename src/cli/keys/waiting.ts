import { setTimeout } from 'node:timers/promises'
import { WATCH_EVERY_MS } from '../../host/watch-files.ts'
import { createProgress } from '../progress.ts'

/** Each process has a changed file: it looks every 10 s; twice as long again for one that is busy or has a slow disk. */
export const PICK_UP_MS = 3 * WATCH_EVERY_MS

export interface Waiting<Move> {
  readonly move: Move
  readonly dueMs: number
}

/** What a rotation has of the world; a test has its own. */
export interface Clock {
  readonly now: () => Date
  readonly sleep: (ms: number) => Promise<void>
}

export const CLOCK: Clock = {
  now: () => new Date(),
  sleep: async (ms) => {
    await setTimeout(ms)
  },
}

/**
 * Takes each move that is due. Without `wait` it ends before the first that is not, and says when to come again; whoever
 * copies key files from machine to machine does so in between. The file is read anew for each: it is the only memory.
 */
export async function takeMoves<Move extends string>(
  clock: Clock,
  wait: boolean,
  next: () => Promise<Waiting<Move>>,
  take: (move: Move) => Promise<'more' | 'done'>,
): Promise<void> {
  for (;;) {
    const { move, dueMs } = await next()
    const leftMs = dueMs - clock.now().getTime()
    if (leftMs > 0 && !wait) {
      process.stderr.write(`next: ${move}, at ${new Date(dueMs).toISOString()} or later; run this again then\n`)
      return
    }
    if (leftMs > 0) await waitVisibly(clock, move, leftMs)
    if ((await take(move)) === 'done') return
  }
}

async function waitVisibly(clock: Clock, move: string, ms: number): Promise<void> {
  const seconds = Math.ceil(ms / 1000)
  const progress = createProgress({ label: `until ${move}`, total: seconds, unit: 'seconds' })
  for (let done = 0; done < seconds; done++) {
    await clock.sleep(1000)
    progress.update(done + 1)
  }
  progress.finish()
}
