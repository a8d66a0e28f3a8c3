import { type Guessing, watchGuessing } from './guessing.ts'
import { type TokenBuckets, tokenBuckets } from './token-bucket.ts'

/** As the token cache: a country of 13,000 facilities; 200 bytes each, 6 MB. */
const CLIENTS_MAX = 30_000

/** Of one process or isolate: several of them allow the sum. A desk's program holds a connection, and so stays with one. */
export interface Limits {
  /** Requests by client. */
  readonly rate: TokenBuckets
  readonly guessing: Guessing
  /** Requests of clients that are being answered. */
  inFlight: number
  readonly inFlightMax: number
}

export interface LimitsConfig {
  readonly rateLimitPerSecond: number
  readonly rateLimitBurst: number
  readonly guessingMissesPerHour: number
  readonly requestsInFlightMax: number
}

export function createLimits(config: LimitsConfig): Limits {
  const { rateLimitPerSecond, rateLimitBurst } = config
  return {
    rate: tokenBuckets({ perSecond: rateLimitPerSecond, burst: rateLimitBurst, bucketsMax: CLIENTS_MAX }),
    guessing: watchGuessing(config.guessingMissesPerHour),
    inFlight: 0,
    inFlightMax: config.requestsInFlightMax,
  }
}
