/** Why an attempt came to nothing; also what `last_failure` and the log's details say, so callers see these words. */
export type GatewayFault =
  /** No connection came about: the file has not left. */
  | 'unreachable'
  /** It has left, and no answer came in time. */
  | 'timeout'
  /** It has left, and the connection ended before the answer was whole. */
  | 'answerLost'
  /** The gateway says itself that it failed: 500, 408, or an HTTP status of that kind. */
  | 'gatewayFailed'
  /** An answer that no gateway gives. */
  | 'answerUnreadable'

/** The gateway is in trouble, or this file brings it there. Its message is made of our words only. */
export class GatewayFailure extends Error {
  readonly fault: GatewayFault
  /** The file may be with the insurer, whatever we heard. */
  readonly mayBeTaken: boolean

  constructor(fault: GatewayFault, message: string, { mayBeTaken, cause }: { mayBeTaken: boolean; cause?: unknown }) {
    super(message, { cause })
    this.name = `GatewayFailure:${fault}`
    this.fault = fault
    this.mayBeTaken = mayBeTaken
  }
}
