import { type KeyExpiry, readKeyExpiry } from '../access/store.ts'
import { LOG_ID } from '../audit/log-id.ts'
import { countWaiting } from '../claim-share/send/store.ts'
import { readInstant } from '../db/connect.ts'
import type { Query } from '../db/pool.ts'
import { readState } from '../db/readiness.ts'
import { feedStatus } from '../sync/watermark/store.ts'

/** What a scrape learns from the database. */
export interface DatabaseReport {
  readonly logWritable: boolean
  readonly feedAgeSeconds: number | null
  /** Why the copy is known to lack a batch. */
  readonly feedIncomplete: { readonly gap: boolean; readonly refused: boolean }
  readonly quarantined: number
  /** By feed that has a watermark: an id of `FEED_ID` that an operator loaded, never a text of a caller. */
  readonly quarantinedByFeed: Readonly<Record<string, number>>
  /** Age of the oldest entry that no checkpoint holds yet; 0: all are published. */
  readonly unpublishedSeconds: number
  /** Age of the oldest entry that no checkpoint with all cosignatures holds yet; 0: all are, or none are wanted. */
  readonly uncosignedSeconds: number
  /** Age of the oldest entry that auditors cannot search yet; 0: all can be. */
  readonly unprojectedSeconds: number
  readonly claims: {
    /** To be sent to the insurer, up to a bound. */
    readonly waiting: number
    /** Age of the oldest of them; 0: none waits. */
    readonly waitingSeconds: number
    readonly givenUp: number
  }
  readonly keys: KeyExpiry
}

/** There is one feed; more than these are counted in the total alone, so that there is an end to the series. */
const FEEDS_MAX = 4

/** A day's claims of the province are 24,000; counted from an index, some 2 ms. */
const CLAIMS_COUNTED_MAX = 100_000

/** Four cheap statements, however many gauges and scrapers ask. */
const KEPT_MS = 2_000
/** A scraper gives up after 10 s, the crew after 5: a database that is slow must not hide all other figures. */
const PATIENCE_MS = 2_000

/** Null: the database did not answer in time, or with an error. */
export function databaseReports(query: Query): () => Promise<DatabaseReport | null> {
  let kept: Promise<DatabaseReport | null> | null = null
  let keptUntilMs = 0
  return () => {
    const nowMs = Date.now()
    if (kept === null || nowMs > keptUntilMs) {
      kept = withPatience(read(query))
      keptUntilMs = nowMs + KEPT_MS
    }
    return kept
  }
}

async function read(query: Query): Promise<DatabaseReport> {
  const [state, keys, feeds, waiting] = await Promise.all([
    query(readState),
    query(readKeyExpiry),
    query(feedStatus),
    query((sql) => countWaiting(sql, LOG_ID, CLAIMS_COUNTED_MAX)),
  ])
  const ageMs = state.copyAsOf === null ? null : Date.now() - readInstant(state.copyAsOf).getTime()
  return {
    logWritable: state.logWritable && !state.standby,
    feedAgeSeconds: ageMs === null ? null : ageMs / 1000,
    feedIncomplete: { gap: state.feedGap, refused: state.feedRefused },
    quarantined: state.quarantined,
    quarantinedByFeed: Object.fromEntries(feeds.slice(0, FEEDS_MAX).map((each) => [each.feed, each.quarantined])),
    unpublishedSeconds: secondsSince(state.unpublishedSince),
    uncosignedSeconds: secondsSince(state.uncosignedSince),
    unprojectedSeconds: secondsSince(state.unprojectedSince),
    claims: { waiting, waitingSeconds: secondsSince(state.claimsWaitSince), givenUp: state.claimsGivenUp },
    keys,
  }
}

async function withPatience<T>(work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, null)
  })
  return Promise.race([work.catch(() => null), late]).finally(() => clearTimeout(timer))
}

function secondsSince(since: string | null): number {
  return since === null ? 0 : Math.max(0, Date.now() - Date.parse(since)) / 1000
}
