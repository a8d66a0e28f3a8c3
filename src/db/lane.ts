import { QueueFull } from './group.ts'

export interface LaneLimits {
  /** Works under way at once. */
  readonly runningMax: number
  /** Works that may wait, in the order they came; the next one is refused at once. */
  readonly waitingMax: number
}

/** Kept up to date for whoever measures. */
export interface LaneSeen {
  running: number
  waiting: number
}

/** Bounds how much long work is done beside the short. Whoever finds the lane full is told by `QueueFull`. */
export function createLane(
  limits: LaneLimits,
  seen: LaneSeen = { running: 0, waiting: 0 },
): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []

  return async (work) => {
    if (seen.running < limits.runningMax) seen.running++
    else {
      if (waiting.length >= limits.waitingMax) throw new QueueFull()
      await new Promise<void>((resolve) => {
        seen.waiting = waiting.push(resolve) // whoever ends hands its place over
      })
    }
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      seen.waiting = waiting.length
      if (next === undefined) seen.running--
      else next()
    }
  }
}
