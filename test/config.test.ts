import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError, type Environment, readConfig } from '../src/config.ts'
import { DEFAULT_POLICY } from '../src/verification/policy.ts'

const GOOD: Environment = {
  PUBLIC_URL: 'https://kiemthe.example',
  DATABASE_URL: 'postgres://kiemthe_app:Secret-4711@db.example:5432/kiemthe',
  DATA_KEYS_FILE: '/etc/kiemthe/data-keys.json',
  TOKEN_KEYS_FILE: '/etc/kiemthe/token-keys.json',
}

function problemsOf(environment: Environment): readonly string[] {
  try {
    readConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

/** `NAME: what is wrong` → `NAME`, sorted. */
function named(problems: readonly string[]): string[] {
  return problems.map((each) => each.slice(0, each.indexOf(':'))).sort()
}

test('four variables are enough; the rest has defaults, in the units of their names', () => {
  expect(readConfig(GOOD)).toEqual({
    publicUrl: 'https://kiemthe.example',
    serviceId: 'urn:kiemthe:thanhhoa',
    host: '127.0.0.1',
    port: 8787,
    logMarkFile: null,
    witnessPolicyFile: null,
    tls: null,
    processes: 1,
    databaseUrl: GOOD['DATABASE_URL'],
    dataKeysFile: '/etc/kiemthe/data-keys.json',
    tokenKeysFile: '/etc/kiemthe/token-keys.json',
    dbConnectionsMax: 6,
    dbStatementTimeoutMs: 3_000,
    copyLateAfterMs: 36 * 3_600_000,
    catalogueLateAfterMs: 864 * 3_600_000,
    copyStaleAfterMs: 168 * 3_600_000,
    identityPolicy: DEFAULT_POLICY,
    registry: null,
    requestTimeoutMs: 15_000,
    rateLimitPerSecond: 100,
    rateLimitBurst: 300,
    guessingMissesPerHour: 60,
    badCredentialsPerSecond: 50,
    badCredentialsBurst: 500,
    publicReadsPerSecond: 100,
    publicReadsBurst: 1_000,
    trustedProxies: [],
    refusedCallsWindowMs: 60_000,
    connectionsMax: 4_000,
    requestsInFlightMax: 2_048,
    drainTimeoutMs: 20_000,
    metrics: null,
    traces: null,
    logLevel: 'info',
  })
})

test('a policy is read whole, and each fault of it named beside the others', () => {
  const text = '{"arrival":{"wants":"chipSigned"}}'
  expect(readConfig({ ...GOOD, IDENTITY_POLICY: text }).identityPolicy.arrival.wants).toBe('chipSigned')
  const bad = '{"arrival":{"wants":"Secret-4711"},"end":{"registry":["insuranceCard"]}}'
  const problems = problemsOf({ ...GOOD, PORT: 'x', IDENTITY_POLICY: bad })
  expect(named(problems)).toEqual(['IDENTITY_POLICY.arrival.wants', 'IDENTITY_POLICY.end.registry.0', 'PORT'])
  expect(problems.join()).not.toContain('Secret-4711')
})

test('TLS: certificate and key make it, a CA asks for certificates of clients', () => {
  const pair = { TLS_CERT_FILE: '/tls/cert.pem', TLS_KEY_FILE: '/tls/key.pem' }
  expect(readConfig({ ...GOOD, ...pair }).tls).toEqual({
    certFile: '/tls/cert.pem',
    keyFile: '/tls/key.pem',
    clientCaFile: null,
    clientCert: 'optional',
  })
  const asked = { ...pair, TLS_CLIENT_CA_FILE: '/tls/ca.pem', TLS_CLIENT_CERT: 'required' }
  expect(readConfig({ ...GOOD, ...asked }).tls).toMatchObject({ clientCaFile: '/tls/ca.pem', clientCert: 'required' })
})

test.each([
  ['a certificate without its key', { TLS_CERT_FILE: 'c' }, ['TLS_KEY_FILE']],
  ['a key without its certificate', { TLS_KEY_FILE: 'k' }, ['TLS_CERT_FILE']],
  ['a CA for clients, and no TLS', { TLS_CLIENT_CA_FILE: 'ca' }, ['TLS_CERT_FILE']],
  [
    'required, and nobody to vouch',
    { TLS_CERT_FILE: 'c', TLS_KEY_FILE: 'k', TLS_CLIENT_CERT: 'required' },
    ['TLS_CLIENT_CERT'],
  ],
  [
    'clients told http',
    { TLS_CERT_FILE: 'c', TLS_KEY_FILE: 'k', PUBLIC_URL: 'http://kiemthe.example' },
    ['PUBLIC_URL'],
  ],
])('half a TLS would be taken: %s', (_, part, wrong) => {
  expect(named(problemsOf({ ...GOOD, ...part }))).toEqual(wrong)
})

test('the population registry: an address and an agreement make it, the rest has defaults', () => {
  const pair = { REGISTRY_URL: 'https://lgsp.example/dancu', REGISTRY_AGREEMENT_FILE: '/keys/agreement.json' }
  expect(readConfig({ ...GOOD, ...pair }).registry).toEqual({
    url: 'https://lgsp.example/dancu',
    agreementFile: '/keys/agreement.json',
    timeoutMs: 3_000,
    caFile: null,
    certFile: null,
    keyFile: null,
  })
  const mock = { ...pair, REGISTRY_URL: 'http://127.0.0.1:8791/dancu' }
  expect(readConfig({ ...GOOD, ...mock }).registry?.url).toBe(mock.REGISTRY_URL)
})

const AGREED = { REGISTRY_URL: 'https://lgsp.example/', REGISTRY_AGREEMENT_FILE: 'a' }

test.each([
  ['an address without an agreement', { REGISTRY_URL: 'https://lgsp.example/' }, ['REGISTRY_AGREEMENT_FILE']],
  ['an agreement without an address', { REGISTRY_AGREEMENT_FILE: 'a' }, ['REGISTRY_AGREEMENT_FILE']],
  ['a certificate without its key', { ...AGREED, REGISTRY_CERT_FILE: 'c' }, ['REGISTRY_KEY_FILE']],
  ['citizens in the clear', { ...AGREED, REGISTRY_URL: 'http://lgsp.example/' }, ['REGISTRY_URL']],
  [
    'a host that only begins like this machine',
    { ...AGREED, REGISTRY_URL: 'http://127.0.0.1.example/' },
    ['REGISTRY_URL'],
  ],
  ['more time than a desk has', { ...AGREED, REGISTRY_TIMEOUT_MS: '3001' }, ['REGISTRY_TIMEOUT_MS']],
])('half a registry would be taken: %s', (_, part, wrong) => {
  expect(named(problemsOf({ ...GOOD, ...part }))).toEqual(wrong)
})

test('a slash at the end of PUBLIC_URL does not get into the audience of assertions', () => {
  expect(readConfig({ ...GOOD, PUBLIC_URL: 'https://kiemthe.example/' }).publicUrl).toBe('https://kiemthe.example')
})

test('what is measured and traced, and where', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:4318/'
  expect(readConfig({ ...GOOD, METRICS_PORT: '9464', OTEL_EXPORTER_OTLP_ENDPOINT })).toMatchObject({
    metrics: { host: '127.0.0.1', port: 9464 },
    traces: { endpoint: 'http://127.0.0.1:4318', ratio: 1 },
  })
  const less = readConfig({ ...GOOD, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER_ARG: '0.05' })
  expect(less.traces?.ratio).toBe(0.05)
})

test('proxies are addresses and networks of both families, with commas between', () => {
  const listed = readConfig({ ...GOOD, TRUSTED_PROXIES: '10.0.0.1, 192.0.2.0/24,2001:db8::1 ,2001:db8:1::/48' })
  expect(listed.trustedProxies).toEqual(['10.0.0.1', '192.0.2.0/24', '2001:db8::1', '2001:db8:1::/48'])
})

test('other variables of the environment are nobody’s business', () => {
  expect(readConfig({ ...GOOD, PATH: '/bin', HOME: undefined })).toEqual(readConfig(GOOD))
})

describe('a problem is found', () => {
  test.each([
    ['PUBLIC_URL', 'kiemthe.example'],
    ['PUBLIC_URL', 'ftp://kiemthe.example'],
    ['DATABASE_URL', 'mysql://a:b@c/d'],
    ['DATABASE_URL', ''],
    ['DATA_KEYS_FILE', ''],
    ['SERVICE_ID', ''],
    ['HOST', ''],
    ['PORT', ''],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['PORT', '0x1F90'],
    ['PORT', '1e3'],
    ['PORT', ' 8787'],
    ['DB_CONNECTIONS_MAX', '1'],
    ['DB_CONNECTIONS_MAX', ''],
    ['DB_STATEMENT_TIMEOUT_MS', '99'],
    ['COPY_LATE_AFTER_HOURS', '0'],
    ['COPY_STALE_AFTER_HOURS', '35'], // less than the default of COPY_LATE_AFTER_HOURS
    ['REQUEST_TIMEOUT_MS', '15s'],
    ['DRAIN_TIMEOUT_MS', '999999999999'],
    ['TLS_CLIENT_CERT', 'maybe'],
    ['LOG_LEVEL', 'trace'],
    ['METRICS_PORT', ''],
    ['METRICS_HOST', ''],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', '127.0.0.1:4318'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.1'],
    ['OTEL_TRACES_SAMPLER_ARG', '10%'],
    ['TRUSTED_PROXIES', ''],
    ['TRUSTED_PROXIES', 'proxy.example'],
    ['TRUSTED_PROXIES', '10.0.0.1;10.0.0.2'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '2001:db8::/129'],
  ])('%s=%s', (name, value) => {
    expect(named(problemsOf({ ...GOOD, [name]: value }))).toEqual([name])
  })

  test.each(Object.keys(GOOD))('%s is not set', (name) => {
    expect(problemsOf({ ...GOOD, [name]: undefined })).toEqual([`${name}: is not set`])
  })
})

test('all problems are said at once', () => {
  const problems = problemsOf({
    PORT: 'eighty',
    HOST: '',
    LOG_LEVEL: 'debug',
    DB_CONNECTIONS_MAX: '1000',
    DATABASE_URL: 'nonsense',
    COPY_LATE_AFTER_HOURS: '48',
    COPY_STALE_AFTER_HOURS: '24',
  })
  expect(named(problems)).toEqual([
    'COPY_STALE_AFTER_HOURS',
    'DATABASE_URL',
    'DATA_KEYS_FILE',
    'DB_CONNECTIONS_MAX',
    'HOST',
    'LOG_LEVEL',
    'PORT',
    'PUBLIC_URL',
    'TOKEN_KEYS_FILE',
  ])
  expect(() => readConfig({})).toThrow('the configuration has 4 problems')
})

test('a stale bound that is shorter than the default late bound is seen beside other problems too', () => {
  expect(named(problemsOf({ ...GOOD, COPY_STALE_AFTER_HOURS: '10', PORT: 'x' }))).toEqual([
    'COPY_STALE_AFTER_HOURS',
    'PORT',
  ])
})

test('no value is repeated, least of all the password in DATABASE_URL', () => {
  const names = [
    ...Object.keys(GOOD),
    ...['SERVICE_ID', 'HOST', 'PORT', 'DB_CONNECTIONS_MAX', 'DB_STATEMENT_TIMEOUT_MS', 'COPY_LATE_AFTER_HOURS'],
    ...[
      'COPY_STALE_AFTER_HOURS',
      'CATALOGUE_LATE_AFTER_HOURS',
      'REQUEST_TIMEOUT_MS',
      'RATE_LIMIT_PER_SECOND',
      'RATE_LIMIT_BURST',
      'GUESSING_MISSES_PER_HOUR',
      'BAD_CREDENTIALS_PER_SECOND',
      'BAD_CREDENTIALS_BURST',
      'PUBLIC_READS_PER_SECOND',
      'PUBLIC_READS_BURST',
      'TRUSTED_PROXIES',
      'REFUSED_CALLS_WINDOW_SECONDS',
      'CONNECTIONS_MAX',
      'REQUESTS_IN_FLIGHT_MAX',
      'DRAIN_TIMEOUT_MS',
      'METRICS_PORT',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_TRACES_SAMPLER_ARG',
      'LOG_LEVEL',
    ],
  ]
  const mark = 'pässwörd-4711'
  const around = fc.constantFrom('', 'postgres:/', 'mysql://u:', 'https//', ' ', '"', '\n')
  fc.assert(
    fc.property(fc.subarray(names, { minLength: 1 }), around, around, (some, before, behind) => {
      const environment = { ...GOOD, ...Object.fromEntries(some.map((name) => [name, before + mark + behind])) }
      try {
        readConfig(environment)
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        expect(JSON.stringify([error.message, error.problems, error.stack, error.cause])).not.toContain(mark)
      }
    }),
    { seed: 38, numRuns: 500 },
  )
})
