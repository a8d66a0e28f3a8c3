import { createGate, type Gate } from './gate.ts'
import { type Guessing, watchGuessing } from './guessing.ts'
import { countRefusedCalls, type RefusedCalls } from './refused-calls.ts'
import { type TokenBuckets, tokenBuckets } from './token-bucket.ts'

/** As the token cache: a country of 13,000 facilities; 200 bytes each, 6 MB. */
const CLIENTS_MAX = 30_000
/** A country of 13,000 facilities has one or two addresses each; 200 bytes, 4 MB. Who holds more networks than these has a burst from each anyway. */
const ADDRESSES_MAX = 20_000

/**
 * A whole check, with two statements, takes 11 to 36 ms in the median under full load (`loadtest -- ratio`, two machines). At
 * 100 ms each a queue stands, and a desk still hears within a quarter of a second.
 */
const STATEMENT_TARGET_MS = 100

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
  /** Whose requests are worked on now. */
  readonly gate: Gate
  /** Requests whose head was read and that are not answered yet, whoever's. */
  inFlight: number
  readonly inFlightMax: number
  /** Of bodies with dossiers that are being read or worked on. */
  largeBytes: number
  /** Lists that auditors are being sent, each with when it last went on. */
  readonly auditStreams: Set<{ lastMs: number }>
  readonly auditStreamsMax: number
}

/**
 * 8 dossiers of 8 MiB, or hundreds of the usual 50 kB: each byte of a body takes some three more while it is looked at, so
 * that 200 MB are the most. Whoever comes when it is full is told to come again.
 */
export const LARGE_BYTES_MAX = 64 * 1024 * 1024
/** A chunk each, 400 KB, and what the socket holds: 8 MB. */
const AUDIT_STREAMS_MAX = 8
/** A host that never tells when a client went away: a stream that did not go on for so long holds no place any more. */
export const AUDIT_STREAM_IDLE_MS = 120_000

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
    gate: createGate({ limitMax: config.requestsInFlightMax, targetMs: STATEMENT_TARGET_MS }),
    inFlight: 0,
    inFlightMax: config.requestsInFlightMax,
    largeBytes: 0,
    auditStreams: new Set(),
    auditStreamsMax: AUDIT_STREAMS_MAX,
  }
}
