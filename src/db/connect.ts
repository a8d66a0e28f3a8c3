import postgres from 'postgres'

export type Sql = postgres.Sql<{ bigint: number; date: string; instant: string }>

/** SQL of one store that goes into a statement of another. */
export type Fragment = ReturnType<Sql>

/**
 * How the service reads PostgreSQL's types:
 * bigint as number (our largest, a leaf index, is held below 2^35 by the check code), date as the day it is written
 * (a `Date` would shift by a time zone), timestamptz as the text PostgreSQL sends, parsed where it is used.
 */
const types = {
  bigint: { to: 20, from: [20], serialize: (value: number) => String(value), parse: Number },
  date: { to: 1082, from: [1082], serialize: (value: string) => value, parse: (text: string) => text },
  instant: { to: 1184, from: [1184], serialize: (value: string) => value, parse: (text: string) => text },
}

export interface ConnectOptions {
  /** Connections at the most. postgres.js pipelines: few, well used, beat many. */
  readonly connectionsMax: number
  /** PostgreSQL ends a statement of ours after this long; 0 for none (loading, migrations). */
  readonly statementTimeoutMs: number
  readonly applicationName: string
}

/**
 * Between two attempts to connect: 10 ms, then three times as long, as postgres.js has it, but half a second at the
 * most, where it goes to 20 s: that long desks were refused after the database was back (measured: 17 s).
 */
const RECONNECT_SECONDS_MAX = 0.5

export function connect(url: string, options: ConnectOptions): Sql {
  return postgres(url, {
    max: options.connectionsMax,
    types,
    fetch_types: false,
    prepare: true,
    connect_timeout: 5,
    backoff: (attempts) => (0.5 + Math.random() / 2) * Math.min(3 ** attempts / 100, RECONNECT_SECONDS_MAX),
    idle_timeout: 0,
    max_lifetime: null,
    onnotice: () => {},
    connection: {
      application_name: options.applicationName,
      ...(options.statementTimeoutMs > 0 ? { statement_timeout: options.statementTimeoutMs } : {}),
      TimeZone: 'UTC',
    },
  }) as unknown as Sql // the library types `types` by its own shape; ours is the same map seen from the caller's side
}

/** The same with all that PostgreSQL knows of it: to the microsecond. */
export function exactInstant(text: string): string {
  if (!text.endsWith('+00')) throw new Error('the session of the database is not in UTC')
  return `${text.slice(0, -3).replace(' ', 'T')}Z`
}

/** `2026-11-24 06:12:14.1234+00` as PostgreSQL writes it in UTC → `2026-11-24T06:12:14.123Z`. */
export function instantText(text: string): string {
  // a pooler that mixes sessions: no answer rather than one that is hours off
  if (!text.endsWith('+00')) throw new Error('the session of the database is not in UTC')
  const [seconds = '', fraction = ''] = text.slice(0, -3).split('.')
  return `${seconds.replace(' ', 'T')}.${fraction.slice(0, 3).padEnd(3, '0')}Z`
}

export function readInstant(text: string): Date {
  return new Date(instantText(text))
}
