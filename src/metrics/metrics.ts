import type { DecisionCode } from '../entitlement/decision-code.ts'
import type { Assurance } from '../identity/assurance.ts'

/**
 * What only the work itself can tell; all else is read off the request's event and the host. Nothing here can name a
 * person, a facility or a client: labels are codes of closed lists.
 */
export interface Metrics {
  /** A verification stands in the log. One that was repeated by its key counted before. */
  readonly decided: (code: DecisionCode, assurance: Assurance) => void
  /** A batch was accepted, of so many items. */
  readonly batch: (items: number) => void
  /** A question to the population registry left the house, and was over after so long. What came of it is counted nowhere. */
  readonly registryAsked: (seconds: number) => void
}

/** Where nothing is measured: METRICS_PORT is not set, or Workers, whose isolates have no state that somebody could read. */
export const NO_METRICS: Metrics = { decided: () => {}, batch: () => {}, registryAsked: () => {} }
