import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen, isBrokenCircuitError } from 'cockatiel'
import { NotAdmitted } from './bulkhead.ts'

export const BREAKER_STATES = ['closed', 'open', 'halfOpen'] as const
export type BreakerState = (typeof BREAKER_STATES)[number]

export interface BreakerOptions {
  /** Failures one after the other, of whichever desks, until it opens. */
  readonly failuresMax: number
  /** How long it stays open before one call may try. */
  readonly openMs: number
  /** Whether a failure says something about the registry; of the call that tries it always does. */
  readonly counts: (error: unknown) => boolean
  /** Once each time it opens, with the failure that did it. */
  readonly opened: (error: unknown) => void
  readonly now: () => Date
}

export interface Breaker {
  readonly state: () => BreakerState
  /** Whether a call that came now would be made. */
  readonly allows: () => boolean
  /** Rejects by `NotAdmitted` at once when it is open, and while another call tries: nobody waits for its outcome. */
  readonly run: <T>(attempt: () => Promise<T>) => Promise<T>
}

/**
 * cockatiel's breaker, which makes further calls wait for the one that tries when it is half open. Here they are told at
 * once: a desk's 3 s are not spent on somebody else's attempt, and on Workers no request may wait for another's promise.
 */
export function createBreaker(options: BreakerOptions): Breaker {
  const policy = circuitBreaker(
    handleWhen((error) => policy.state === CircuitState.HalfOpen || options.counts(error)),
    { halfOpenAfter: options.openMs, breaker: new ConsecutiveBreaker(options.failuresMax) },
  )
  let openedMs = 0
  policy.onBreak((reason) => {
    openedMs = options.now().getTime()
    options.opened('error' in reason ? reason.error : null)
  })

  function allows(): boolean {
    switch (policy.state) {
      case CircuitState.Closed:
        return true
      case CircuitState.Open:
        return options.now().getTime() - openedMs >= options.openMs
      case CircuitState.HalfOpen:
      case CircuitState.Isolated:
        return false
    }
  }

  return {
    state: () =>
      policy.state === CircuitState.Closed ? 'closed' : policy.state === CircuitState.HalfOpen ? 'halfOpen' : 'open',
    allows,
    run: async (attempt) => {
      if (!allows()) throw new NotAdmitted('the breaker is open')
      // from here to its state of half open nothing is awaited: of two calls one tries
      return policy.execute(attempt).catch((error: unknown) => {
        // its clock is the machine's, and may be a moment behind
        throw isBrokenCircuitError(error) ? new NotAdmitted('the breaker is open') : error
      })
    },
  }
}
