import { QueueFull } from './group.ts'

export interface LaneLimits {
  /** Works under way at once. */
  readonly runningMax: number
  /** Works that may wait, in the order they came; the next one is refused at once. */
  readonly waitingMax: number
}

/** Bounds how much long work is done beside the short. Whoever finds the lane full is told by `QueueFull`. */
export function createLane(limits: LaneLimits): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0

  return async (work) => {
    if (running < limits.runningMax) running++
    else {
      if (waiting.length >= limits.waitingMax) throw new QueueFull()
      await new Promise<void>((resolve) => waiting.push(resolve)) // whoever ends hands its place over
    }
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
