/** What is refused first when there is too much, the last one first. */
export const PRIORITIES = ['single', 'claim', 'batch', 'audit'] as const
export type Priority = (typeof PRIORITIES)[number]

export interface GatePolicy {
  /** Requests under way at the most, whatever was measured. */
  readonly limitMax: number
  /** What a shared statement may take in the mean, waiting included, before fewer requests are let in. */
  readonly targetMs: number
}

/**
 * How many requests may be under way is learned: additive increase, multiplicative decrease (Chiu and Jain 1989) on what a
 * shared statement takes, waiting for it included. More than that many do not come back sooner, they only wait longer.
 * The wait before a request is met is in it too: an answer of the database waits for its turn of the event loop as long as a
 * request that arrives does.
 * A lower priority may fill a part of the room only, and once half of it is taken nobody holds more than a fair part.
 * Nobody waits here: who is not let in is told at once.
 */
export interface Gate {
  readonly policy: GatePolicy
  /** False: not let in. */
  readonly enter: (client: string, priority: Priority) => boolean
  /** No request at all would be turned away now: nothing about it needs to be known. */
  readonly isCalm: () => boolean
  /** Whether `enter` would refuse it, and why; counted as that. Who asks is looked up only where it matters; null: not known yet. */
  readonly turnsAway: (priority: Priority, client: () => string | null) => TurnedAway | null
  readonly leave: (client: string) => void
  /** Waiting for somebody outside (the population registry, up to 3 s) takes no room here: its own bulkhead bounds it. */
  readonly outside: <T>(client: string, work: () => Promise<T>) => Promise<T>
  /** A shared statement came back to a caller after so long. `nowMs`: of a clock that is never set back. */
  readonly took: (ms: number, nowMs: number) => void
  /** For whoever measures. */
  readonly seen: Readonly<GateSeen>
}

/** No room for such work, or this client holds its part of the room. */
export type TurnedAway = 'room' | 'part'

export interface GateSeen {
  limit: number
  underWay: number
  readonly shed: Record<Priority, number>
}

/** The part of the room that requests of a priority may fill. */
const SHARE: Readonly<Record<Priority, number>> = { single: 1, claim: 0.75, batch: 0.5, audit: 0.25 }
const SMALLEST_SHARE = Math.min(...Object.values(SHARE))
/** One statement takes 256 callers: with fewer let in none comes back sooner. Where only 100 rows a second come back they wait 2.6 s. */
const LIMIT_MIN = 256
/** What a facility may always hold: 20 desks and some batches. */
const CLIENT_MIN = 32
/** Some 20 statements of 10 ms. A limit that is 3 times too high is right after 5 windows, a second. */
const WINDOW_MS = 200
const WINDOW_CALLERS_MIN = 16
const DECREASE = 0.8
/** Per window in which somebody was refused: slowly near the target, fast where there is room. */
const INCREASE = { near: 1.05, far: 1.25 }

export function createGate(policy: GatePolicy): Gate {
  const limitMin = Math.min(LIMIT_MIN, policy.limitMax)
  const clientMin = Math.min(CLIENT_MIN, Math.ceil(policy.limitMax / 2))
  const seen: GateSeen = { limit: policy.limitMax, underWay: 0, shed: { single: 0, claim: 0, batch: 0, audit: 0 } }
  const held = new Map<string, number>()
  const emptyWindow = (sinceMs: number) => ({ sinceMs, callers: 0, ms: 0, most: seen.underWay, refused: false })
  let window = emptyWindow(0)

  function take(client: string): void {
    held.set(client, (held.get(client) ?? 0) + 1)
    seen.underWay++
    if (seen.underWay > window.most) window.most = seen.underWay
  }

  function leave(client: string): void {
    const mine = held.get(client) ?? 0
    if (mine > 1) held.set(client, mine - 1)
    else held.delete(client)
    seen.underWay--
  }

  /** With room for one more client than there are: one alone must not take all before the next one comes. */
  function holdsFairPart(asking: () => string | null): boolean {
    if (seen.underWay * 2 < seen.limit) return false
    const client = asking()
    if (client === null) return false
    return (held.get(client) ?? 0) >= Math.max(clientMin, Math.floor(seen.limit / (held.size + 1)))
  }

  function turnsAway(priority: Priority, client: () => string | null): TurnedAway | null {
    const why = seen.underWay >= seen.limit * SHARE[priority] ? 'room' : holdsFairPart(client) ? 'part' : null
    if (why === null) return null
    seen.shed[priority]++
    window.refused = true
    return why
  }

  function learn(): void {
    const meanMs = window.ms / window.callers
    if (meanMs > policy.targetMs) {
      seen.limit = Math.max(limitMin, Math.floor(Math.min(seen.limit, window.most) * DECREASE))
    } else if (window.refused) {
      const factor = meanMs * 2 < policy.targetMs ? INCREASE.far : INCREASE.near
      seen.limit = Math.min(policy.limitMax, Math.ceil(seen.limit * factor))
    }
  }

  return {
    policy,
    seen,
    enter: (client, priority) => {
      if (turnsAway(priority, () => client) !== null) return false
      take(client)
      return true
    },
    isCalm: () => seen.underWay < seen.limit * SMALLEST_SHARE,
    turnsAway,
    leave,
    outside: async (client, work) => {
      leave(client)
      try {
        return await work()
      } finally {
        take(client) // was let in once: over the limit if need be, to answer
      }
    },
    took: (ms, nowMs) => {
      window.callers++
      window.ms += ms
      if (nowMs - window.sinceMs < WINDOW_MS || window.callers < WINDOW_CALLERS_MIN) return
      learn()
      window = emptyWindow(nowMs)
    },
  }
}
