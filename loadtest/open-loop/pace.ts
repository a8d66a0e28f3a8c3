import { type Outcome, SampleBuffer, type Samples } from './samples.ts'

/** What an open loop needs of the world. Times in ms from the start of the plan. */
export interface World {
  readonly now: () => number
  readonly later: (work: () => void, ms: number) => void
  /** Sends the n-th; tells once what became of it. Never waits. */
  readonly send: (n: number, ended: (outcome: Outcome) => void) => void
}

export interface Progress {
  sent: number
  ended: number
  right: number
}

/**
 * Sends what is due, when it is due, whatever became of what was sent before. Waits are counted from the plan: if this loop
 * itself is late, that stands in the latency, and apart as its own delay. What is due before 0 is sent, and not told.
 */
export function pace(due: Float64Array, world: World, progress: Progress): Promise<Samples> {
  const buffer = new SampleBuffer(Math.max(1, due.length))
  if (due.length === 0) return Promise.resolve(buffer.samples())
  return new Promise((resolve) => {
    const send = (n: number, dueMs: number, sentMs: number) => {
      world.send(n, (outcome) => {
        if (dueMs >= 0) buffer.add(dueMs, sentMs - dueMs, world.now() - dueMs, outcome)
        progress.ended++
        if (outcome.kind === 'right') progress.right++
        if (progress.ended === due.length) resolve(buffer.samples())
      })
    }
    const tick = () => {
      for (;;) {
        const now = world.now()
        const dueMs = due[progress.sent]
        if (dueMs === undefined) return
        if (dueMs > now) {
          world.later(tick, dueMs - now)
          return
        }
        send(progress.sent++, dueMs, now)
      }
    }
    world.later(tick, Math.max(0, (due[0] ?? 0) - world.now()))
  })
}
