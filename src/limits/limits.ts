import { type Guessing, watchGuessing } from './guessing.ts'
import { countRefusedCalls, type RefusedCalls } from './refused-calls.ts'
import { type TokenBuckets, tokenBuckets } from './token-bucket.ts'

/** As the token cache: a country of 13,000 facilities; 200 bytes each, 6 MB. */
const CLIENTS_MAX = 30_000
/** A country of 13,000 facilities has one or two addresses each; 200 bytes, 4 MB. Who holds more networks than these has a burst from each anyway. */
const ADDRESSES_MAX = 20_000

/** Of one process or isolate: several of them allow the sum. A desk's program holds a connection, and so stays with one. */
export interface Limits {
  /** Requests by client. */
  readonly rate: TokenBuckets
  readonly guessing: Guessing
  /** Credentials that failed, by address (`client-address.ts`); what proves somebody takes nothing. */
  readonly badCredentials: TokenBuckets
  /** What anybody may ask of the log, by address. */
  readonly publicReads: TokenBuckets
  readonly refused: RefusedCalls
  /** Requests of clients that are being answered. */
  inFlight: number
  readonly inFlightMax: number
}

export interface LimitsConfig {
  readonly rateLimitPerSecond: number
  readonly rateLimitBurst: number
  readonly guessingMissesPerHour: number
  readonly badCredentialsPerSecond: number
  readonly badCredentialsBurst: number
  readonly publicReadsPerSecond: number
  readonly publicReadsBurst: number
  readonly refusedCallsWindowMs: number
  readonly requestsInFlightMax: number
}

export function createLimits(config: LimitsConfig): Limits {
  const { rateLimitPerSecond, rateLimitBurst } = config
  return {
    rate: tokenBuckets({ perSecond: rateLimitPerSecond, burst: rateLimitBurst, bucketsMax: CLIENTS_MAX }),
    guessing: watchGuessing(config.guessingMissesPerHour),
    badCredentials: tokenBuckets({
      perSecond: config.badCredentialsPerSecond,
      burst: config.badCredentialsBurst,
      bucketsMax: ADDRESSES_MAX,
    }),
    publicReads: tokenBuckets({
      perSecond: config.publicReadsPerSecond,
      burst: config.publicReadsBurst,
      bucketsMax: ADDRESSES_MAX,
    }),
    refused: countRefusedCalls(config.refusedCallsWindowMs),
    inFlight: 0,
    inFlightMax: config.requestsInFlightMax,
  }
}
