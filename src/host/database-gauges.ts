import { Gauge, type Registry } from 'prom-client'
import type { DatabaseReport } from './database-report.ts'

/** What it reads is asked at each scrape; null: it is not known now, and not shown. */
export type AddGauge = (
  name: string,
  help: string,
  read: () => number | Promise<number | null>,
  /** Each process sees the same; else each has its part, and the sum is what there is. */
  whole?: 'min' | 'max',
) => void

export function gaugesOf(registry: Registry): AddGauge {
  return (name, help, read, whole) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      aggregator: whole ?? 'sum',
      async collect() {
        const value = await read()
        if (value === null) this.remove()
        else this.set(value)
      },
    })
  }
}

/** What a scrape shows of the database, all of it from one report. */
export function watchDatabase(
  registry: Registry,
  gauge: AddGauge,
  database: () => Promise<DatabaseReport | null>,
): void {
  const registers = [registry]
  gauge(
    'kiemthe_database_up',
    '1: the database answered this scrape',
    async () => ((await database()) === null ? 0 : 1),
    'min',
  )
  const state = (read: (report: DatabaseReport) => number | null) => async () => {
    const report = await database()
    return report === null ? null : read(report)
  }
  gauge(
    'kiemthe_log_writable',
    '1: entries can be appended',
    state((report) => (report.logWritable ? 1 : 0)),
    'min',
  )
  gauge(
    'kiemthe_feed_age_seconds',
    'Since the day and time up to which the copy is true; none: nothing was loaded',
    state((report) => report.feedAgeSeconds),
    'max',
  )
  new Gauge({
    name: 'kiemthe_feed_incomplete',
    help: '1: a batch of the feed is known that the copy lacks, since one before it is missing (gap), or was refused',
    labelNames: ['reason'],
    aggregator: 'max',
    registers,
    async collect() {
      const report = await database()
      this.reset()
      for (const [reason, is] of Object.entries(report?.feedIncomplete ?? {})) this.set({ reason }, is ? 1 : 0)
    },
  })
  gauge(
    'kiemthe_quarantined_rows',
    'Rows of the feed that nobody has looked at yet, 1,000 at the most',
    state((report) => report.quarantined),
    'max',
  )
  new Gauge({
    name: 'kiemthe_feed_quarantined_rows',
    help: 'The same of each feed that was ever loaded, 100,000 at the most, four feeds at the most',
    labelNames: ['feed'],
    aggregator: 'max',
    registers,
    async collect() {
      const report = await database()
      this.reset()
      for (const [feed, rows] of Object.entries(report?.quarantinedByFeed ?? {})) this.set({ feed }, rows)
    },
  })
  gauge(
    'kiemthe_log_unpublished_seconds',
    'Since the oldest entry was recorded that no checkpoint holds yet; 0: all are published',
    state((report) => report.unpublishedSeconds),
    'max',
  )
  gauge(
    'kiemthe_log_uncosigned_seconds',
    'Since the oldest entry was recorded that no checkpoint with all wanted cosignatures holds; 0: all are, or none wanted',
    state((report) => report.uncosignedSeconds),
    'max',
  )
  gauge(
    'kiemthe_audit_unprojected_seconds',
    'Since the oldest entry was recorded that auditors cannot search yet; 0: they can search all',
    state((report) => report.unprojectedSeconds),
    'max',
  )
  gauge(
    'kiemthe_claims_waiting',
    'Claim shares to be sent to the insurer, 100,000 at the most',
    state((report) => report.claims.waiting),
    'max',
  )
  gauge(
    'kiemthe_claims_waiting_seconds',
    'Since the oldest of them was recorded; 0: none waits',
    state((report) => report.claims.waitingSeconds),
    'max',
  )
  gauge(
    'kiemthe_claims_given_up',
    'Claim shares that were given up (`kiemthe send list`), 1,000 at the most',
    state((report) => report.claims.givenUp),
    'max',
  )
  gauge(
    'kiemthe_client_key_expiry_days',
    'Until the next client is left without a key in force',
    state((report) => report.keys.firstDays),
    'min',
  )
  new Gauge({
    name: 'kiemthe_clients',
    help: 'Clients by when their last key ends: expired, within 7 or 30 days, later',
    labelNames: ['key_ends'],
    aggregator: 'max',
    registers,
    async collect() {
      const report = await database()
      this.reset()
      for (const [ends, clients] of Object.entries(report?.keys.clients ?? {})) this.set({ key_ends: ends }, clients)
    },
  })
}
