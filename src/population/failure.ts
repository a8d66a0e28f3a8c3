/** Why an attempt came to nothing. Words for the breaker and its operator; the caller hears `unavailable`, whichever. */
export type RegistryFault =
  /** No connection, or one that ended before the answer was whole. */
  | 'connection'
  | 'timeout'
  /** An HTTP status other than 200. */
  | 'status'
  /** A SOAP fault. */
  | 'fault'
  /** Not what the protocol says: refused as a whole, whatever it seems to say. */
  | 'answer'

/** Its message is made of our words only: what the registry said is never repeated. */
export class RegistryFailure extends Error {
  readonly fault: RegistryFault

  constructor(fault: RegistryFault, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = `RegistryFailure:${fault}`
    this.fault = fault
  }
}

export function refused(why: string): RegistryFailure {
  return new RegistryFailure('answer', why)
}
