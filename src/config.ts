import { z } from 'zod'
import { DEFAULT_POLICY, type Policy, policyOf } from './verification/policy.ts'

/** Strings in, `Config` out. Units stand in the names. Every default has its reason. */
const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'is not a whole number') // an empty variable is a mistake, not the number 0
    .transform(Number)
    .pipe(z.int().min(min).max(max))

const networks = z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))

const settings = z.object({
  /** Where clients reach the service; the `aud` of their assertions is this and `/oauth/token`. */
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/$/, '')),
  /** `iss` and `aud` of access tokens: one name for all instances. */
  SERVICE_ID: z.string().min(1).max(200).default('urn:kiemthe:thanhhoa'),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(8787),
  /** The role must be one that cannot change the log: see `kiemthe migrate`. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATA_KEYS_FILE: z.string().min(1),
  TOKEN_KEYS_FILE: z.string().min(1),
  /** Where the log's mark is kept; on another disk than the database. Without it a restored older database is not noticed. */
  LOG_MARK_FILE: z.string().min(1).optional(),
  /** C2SP tlog-policy: the witnesses that are asked at the start whether they know more of the log. */
  WITNESS_POLICY_FILE: z.string().min(1).optional(),
  /** PEM. With these the process speaks TLS itself; without, whoever stands in front of it does. */
  TLS_CERT_FILE: z.string().min(1).optional(),
  TLS_KEY_FILE: z.string().min(1).optional(),
  /** Who vouches for clients' certificates; a certificate of anybody else ends its connection. */
  TLS_CLIENT_CA_FILE: z.string().min(1).optional(),
  /** `required`: nobody is answered without one, balancers and scrapers neither. */
  TLS_CLIENT_CERT: z.enum(['optional', 'required']).default('optional'),
  /** Processes that share the port and the log; one a core less the database's is the most that helps. */
  PROCESSES: wholeNumber(1, 64).default(1),
  /** For each process. One read and one append are in flight at a time, the rest is for lookups by id, tokens and health. */
  DB_CONNECTIONS_MAX: wholeNumber(2, 100).default(6),
  /** A statement of ours takes milliseconds; after this long the database is down for a desk that waits. */
  DB_STATEMENT_TIMEOUT_MS: wholeNumber(100, 60_000).default(3_000),
  /** The feed is daily: a day and a half is late. */
  COPY_LATE_AFTER_HOURS: wholeNumber(1, 87_600).default(36),
  /** Seven daily feeds missed: from then on a "no" is withheld. An assumption, to be set with the insurer. */
  COPY_STALE_AFTER_HOURS: wholeNumber(1, 87_600).default(168),
  /** A catalogue of facilities is expected each month: one and five days more is late. Nothing but readiness looks at it. */
  CATALOGUE_LATE_AFTER_HOURS: wholeNumber(1, 87_600).default(864),
  /** Time for a whole request to arrive: 256 KiB over a 1 Mbit/s line take 2 s. */
  REQUEST_TIMEOUT_MS: wholeNumber(1_000, 120_000).default(15_000),
  /** What the province asks of desks beyond the law; JSON, see `src/verification/policy.ts`. */
  IDENTITY_POLICY: z
    .string()
    .max(4_096)
    .transform((text, context): Policy => {
      const policy = policyOf(text)
      if (policy.ok) return policy.value
      for (const { path, message } of policy.problems) context.addIssue({ code: 'custom', path: [...path], message })
      return z.NEVER
    })
    .default(DEFAULT_POLICY),
  /** Of the population registry. Without it, and the agreement that its keeper gives (NĐ 69/2024), nobody is ever asked about. */
  REGISTRY_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** See `src/population/agreement.ts`. */
  REGISTRY_AGREEMENT_FILE: z.string().min(1).optional(),
  /** PEM. The only authority that the registry's certificate may come from; without it, those that Node trusts. */
  REGISTRY_CA_FILE: z.string().min(1).optional(),
  /** PEM. Shown to the registry. */
  REGISTRY_CERT_FILE: z.string().min(1).optional(),
  REGISTRY_KEY_FILE: z.string().min(1).optional(),
  /** A desk waits no longer for it (contract); less where the caller says so. */
  REGISTRY_TIMEOUT_MS: wholeNumber(50, 3_000).default(3_000),
  /** Requests a second of one client, and at once (contract). */
  RATE_LIMIT_PER_SECOND: wholeNumber(1, 1_000_000).default(100),
  RATE_LIMIT_BURST: wholeNumber(1, 1_000_000).default(300),
  /** See `src/limits/guessing.ts` for the arithmetic. */
  GUESSING_MISSES_PER_HOUR: wholeNumber(1, 1_000_000).default(60),
  /**
   * Failed tokens, assertions and enrolment codes of one address. A hospital may sit behind one: 200 desks whose token
   * expired in the same second are 200 failures, and none for the next ten minutes. A signature costs some 100 µs to
   * refuse: 50/s of one address are half a percent of a core.
   */
  BAD_CREDENTIALS_PER_SECOND: wholeNumber(1, 1_000_000).default(50),
  BAD_CREDENTIALS_BURST: wholeNumber(1, 1_000_000).default(500),
  PUBLIC_READS_PER_SECOND: wholeNumber(1, 1_000_000).default(100),
  PUBLIC_READS_BURST: wholeNumber(1, 1_000_000).default(1_000),
  /** Whose `X-Forwarded-For` is believed: addresses and networks, with commas between. Nobody's unless told. */
  TRUSTED_PROXIES: z
    .string()
    .transform((text, context): readonly string[] => {
      const listed = networks.safeParse(text.split(',').map((each) => each.trim()))
      if (listed.success) return listed.data
      context.addIssue('is not a list of addresses and networks')
      return z.NEVER
    })
    .optional(),
  /** Refused calls are one log entry a client and minute. */
  REFUSED_CALLS_WINDOW_SECONDS: wholeNumber(1, 86_400).default(60),
  /**
   * 669 facilities with 5 connections each are 3,345. A connection is a descriptor, and the least limit of a Linux process
   * that Node raises itself to is 4,096: the other 96 are for database, log and the runtime. Idle ones take some 20 KB
   * each, 80 MB.
   */
  CONNECTIONS_MAX: wholeNumber(16, 1_000_000).default(4_000),
  /** Each holds its body (256 KiB at the most, 2 KiB usually): 2,048 are 4 MB, and 512 MB if all are as large as they may. */
  REQUESTS_IN_FLIGHT_MAX: wholeNumber(16, 100_000).default(2_048),
  /** SIGTERM to exit: longer than any statement may take, shorter than the 30 s that orchestrators give. */
  DRAIN_TIMEOUT_MS: wholeNumber(1_000, 120_000).default(20_000),
  /** Where `/metrics` is served, beside the service, for a scraper on the same machine or a private network. Without it nothing is measured. */
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  METRICS_HOST: z.string().min(1).default('127.0.0.1'),
  /** OpenTelemetry's own names. Without an endpoint (OTLP over HTTP) nothing is traced, and nothing of it is loaded. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/$/, ''))
    .optional(),
  /** The part of all traces that is kept. */
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.\d{1,6})?|1(\.0{1,6})?)$/, 'is not a number from 0 to 1')
    .transform(Number)
    .default(1),
  LOG_LEVEL: z.enum(['info', 'warn', 'error', 'silent']).default('info'),
})

const beside = { when: () => true } // said beside the others, not after they are mended

export const configSchema = settings
  .refine((env) => !(env.COPY_STALE_AFTER_HOURS < env.COPY_LATE_AFTER_HOURS), {
    path: ['COPY_STALE_AFTER_HOURS'],
    message: 'is less than COPY_LATE_AFTER_HOURS',
    ...beside,
  })
  .refine((env) => env.TLS_CERT_FILE === undefined || env.TLS_KEY_FILE !== undefined, {
    path: ['TLS_KEY_FILE'],
    message: 'is not set, but TLS_CERT_FILE is',
    ...beside,
  })
  .refine((env) => env.TLS_CERT_FILE !== undefined || !(env.TLS_KEY_FILE ?? env.TLS_CLIENT_CA_FILE), {
    path: ['TLS_CERT_FILE'],
    message: 'is not set, but TLS_KEY_FILE or TLS_CLIENT_CA_FILE is',
    ...beside,
  })
  .refine((env) => env.TLS_CLIENT_CERT !== 'required' || env.TLS_CLIENT_CA_FILE !== undefined, {
    path: ['TLS_CLIENT_CERT'],
    message: 'needs TLS_CLIENT_CA_FILE',
    ...beside,
  })
  // assertions name PUBLIC_URL, and HSTS goes with it
  .refine((env) => env.TLS_CERT_FILE === undefined || !String(env.PUBLIC_URL).startsWith('http:'), {
    path: ['PUBLIC_URL'],
    message: 'is not https, but TLS_CERT_FILE is set',
    ...beside,
  })
  .refine((env) => (env.REGISTRY_URL === undefined) === (env.REGISTRY_AGREEMENT_FILE === undefined), {
    path: ['REGISTRY_AGREEMENT_FILE'],
    message: 'and REGISTRY_URL are set together, or neither',
    ...beside,
  })
  .refine((env) => (env.REGISTRY_CERT_FILE === undefined) === (env.REGISTRY_KEY_FILE === undefined), {
    path: ['REGISTRY_KEY_FILE'],
    message: 'and REGISTRY_CERT_FILE are set together, or neither',
    ...beside,
  })
  // who somebody is goes over it in the clear otherwise; the mock of the demo is on this machine
  .refine((env) => !/^http:(?!\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?:[:/]|$))/.test(String(env.REGISTRY_URL)), {
    path: ['REGISTRY_URL'],
    message: 'is not https',
    ...beside,
  })

export type Environment = Readonly<Record<string, string | undefined>>

export interface TlsConfig {
  readonly certFile: string
  readonly keyFile: string
  /** Null: no client is asked for a certificate. */
  readonly clientCaFile: string | null
  readonly clientCert: 'optional' | 'required'
}

export interface RegistryConfig {
  readonly url: string
  readonly agreementFile: string
  readonly timeoutMs: number
  readonly caFile: string | null
  readonly certFile: string | null
  readonly keyFile: string | null
}

export interface Config {
  readonly publicUrl: string
  readonly serviceId: string
  readonly host: string
  readonly port: number
  readonly databaseUrl: string
  readonly dataKeysFile: string
  readonly tokenKeysFile: string
  /** Null: no mark is kept. */
  readonly logMarkFile: string | null
  readonly witnessPolicyFile: string | null
  /** Null: plain HTTP. */
  readonly tls: TlsConfig | null
  readonly processes: number
  readonly dbConnectionsMax: number
  readonly dbStatementTimeoutMs: number
  readonly copyLateAfterMs: number
  readonly copyStaleAfterMs: number
  readonly catalogueLateAfterMs: number
  readonly identityPolicy: Policy
  /** Null: nobody is asked about. */
  readonly registry: RegistryConfig | null
  readonly requestTimeoutMs: number
  readonly rateLimitPerSecond: number
  readonly rateLimitBurst: number
  readonly guessingMissesPerHour: number
  readonly badCredentialsPerSecond: number
  readonly badCredentialsBurst: number
  readonly publicReadsPerSecond: number
  readonly publicReadsBurst: number
  readonly trustedProxies: readonly string[]
  readonly refusedCallsWindowMs: number
  readonly connectionsMax: number
  readonly requestsInFlightMax: number
  readonly drainTimeoutMs: number
  /** Null: nothing is measured. */
  readonly metrics: { readonly host: string; readonly port: number } | null
  /** Null: nothing is traced. */
  readonly traces: { readonly endpoint: string; readonly ratio: number } | null
  readonly logLevel: 'info' | 'warn' | 'error' | 'silent'
}

/** All that is wrong at once: whoever deploys mends it in one go. Values are not repeated, they may be secrets. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}`)
    this.problems = problems
  }
}

export function readConfig(environment: Environment): Config {
  const parsed = configSchema.safeParse(environment, { reportInput: true })
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map((issue) =>
        issue.input === undefined ? `${issue.path.join('.')}: is not set` : `${issue.path.join('.')}: ${issue.message}`,
      ),
    )
  }
  const env = parsed.data
  return {
    publicUrl: env.PUBLIC_URL,
    serviceId: env.SERVICE_ID,
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    dataKeysFile: env.DATA_KEYS_FILE,
    tokenKeysFile: env.TOKEN_KEYS_FILE,
    logMarkFile: env.LOG_MARK_FILE ?? null,
    witnessPolicyFile: env.WITNESS_POLICY_FILE ?? null,
    tls: tlsOf(env),
    processes: env.PROCESSES,
    dbConnectionsMax: env.DB_CONNECTIONS_MAX,
    dbStatementTimeoutMs: env.DB_STATEMENT_TIMEOUT_MS,
    copyLateAfterMs: env.COPY_LATE_AFTER_HOURS * 3_600_000,
    copyStaleAfterMs: env.COPY_STALE_AFTER_HOURS * 3_600_000,
    catalogueLateAfterMs: env.CATALOGUE_LATE_AFTER_HOURS * 3_600_000,
    identityPolicy: env.IDENTITY_POLICY,
    registry: registryOf(env),
    requestTimeoutMs: env.REQUEST_TIMEOUT_MS,
    rateLimitPerSecond: env.RATE_LIMIT_PER_SECOND,
    rateLimitBurst: env.RATE_LIMIT_BURST,
    guessingMissesPerHour: env.GUESSING_MISSES_PER_HOUR,
    badCredentialsPerSecond: env.BAD_CREDENTIALS_PER_SECOND,
    badCredentialsBurst: env.BAD_CREDENTIALS_BURST,
    publicReadsPerSecond: env.PUBLIC_READS_PER_SECOND,
    publicReadsBurst: env.PUBLIC_READS_BURST,
    trustedProxies: env.TRUSTED_PROXIES ?? [],
    refusedCallsWindowMs: env.REFUSED_CALLS_WINDOW_SECONDS * 1000,
    connectionsMax: env.CONNECTIONS_MAX,
    requestsInFlightMax: env.REQUESTS_IN_FLIGHT_MAX,
    drainTimeoutMs: env.DRAIN_TIMEOUT_MS,
    metrics: env.METRICS_PORT === undefined ? null : { host: env.METRICS_HOST, port: env.METRICS_PORT },
    traces:
      env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? null
        : { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT, ratio: env.OTEL_TRACES_SAMPLER_ARG },
    logLevel: env.LOG_LEVEL,
  }
}

function registryOf(env: z.infer<typeof configSchema>): RegistryConfig | null {
  const { REGISTRY_URL: url, REGISTRY_AGREEMENT_FILE: agreementFile } = env
  if (url === undefined || agreementFile === undefined) return null
  return {
    url,
    agreementFile,
    timeoutMs: env.REGISTRY_TIMEOUT_MS,
    caFile: env.REGISTRY_CA_FILE ?? null,
    certFile: env.REGISTRY_CERT_FILE ?? null,
    keyFile: env.REGISTRY_KEY_FILE ?? null,
  }
}

function tlsOf(env: z.infer<typeof configSchema>): TlsConfig | null {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, TLS_CLIENT_CA_FILE: clientCaFile = null } = env
  if (certFile === undefined || keyFile === undefined) return null
  return { certFile, keyFile, clientCaFile, clientCert: env.TLS_CLIENT_CERT }
}
