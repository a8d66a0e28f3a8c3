/** Thrown by a bulkhead: the work did not begin. */
export class NotAdmitted extends Error {}

export interface Bulkhead {
  /** Whether a work that came now would begin or wait. */
  readonly hasRoom: () => boolean
  /** Begins when there is room; leaves the queue, and rejects by `NotAdmitted`, when the signal aborts before. */
  readonly run: <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>
}

/** So many at once, so many waiting, in the order they came. Nobody waits longer than their own signal. */
export function createBulkhead({ runningMax, waitingMax }: { runningMax: number; waitingMax: number }): Bulkhead {
  const waiting = new Set<() => void>()
  let running = 0

  async function admitted(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw new NotAdmitted('too late')
    if (running < runningMax) {
      running++
      return
    }
    if (waiting.size >= waitingMax) throw new NotAdmitted('the queue is full')
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', leave)
        resolve() // with the place of the one that ended
      }
      const leave = () => {
        waiting.delete(begin)
        reject(new NotAdmitted('too late'))
      }
      waiting.add(begin)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  function release(): void {
    const [next] = waiting
    if (next === undefined) {
      running--
      return
    }
    waiting.delete(next)
    next()
  }

  return {
    hasRoom: () => running < runningMax || waiting.size < waitingMax,
    run: async (signal, work) => {
      await admitted(signal)
      try {
        return await work()
      } finally {
        release()
      }
    },
  }
}
