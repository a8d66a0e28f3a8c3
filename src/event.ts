import type { ClientId } from './access/principal.ts'
import type { DecisionCode } from './entitlement/decision-code.ts'
import { type ErrorCode, ServiceError } from './errors.ts'

/**
 * The one log event of a request. A closed list of fields, none of which can hold a person's data: no URL (the route
 * pattern instead), no message of an error (PostgreSQL quotes values in them), no body.
 */
export interface RequestEvent {
  readonly requestId: string
  readonly method: string
  readonly route: string
  readonly status: number
  readonly code: ErrorCode | DecisionCode | null
  readonly client: ClientId | null
  readonly durationMs: number
  readonly failure: Failure | null
}

/** Why, for whoever mends it: names and places, never a message. */
export interface Failure {
  readonly name: string
  readonly sqlState: string | null
  readonly frames: readonly string[]
}

const FRAMES_MAX = 8

export function describeFailure(error: unknown): Failure {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (!(cause instanceof Error)) return { name: typeof cause, sqlState: null, frames: [] }
  const isForeign = 'code' in cause && typeof cause.code === 'string' && !(cause instanceof ServiceError)
  const state = isForeign ? (cause.code as string) : null
  return { name: cause.name, sqlState: state, frames: framesOf(cause) }
}

/** The stack begins with the message, and a message of several lines may look like frames: it is cut off first. */
function framesOf({ stack = '', message }: Error): string[] {
  const at = stack.indexOf(message)
  if (at < 0) return []
  return stack
    .slice(at + message.length)
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, FRAMES_MAX)
    .map((line) => line.trim())
}
