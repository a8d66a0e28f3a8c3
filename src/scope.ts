import type { TokenCache } from './access/access-token.ts'
import type { Revocations } from './access/revocations.ts'
import type { TokenKeys } from './access/token-keys.ts'
import type { Appended } from './audit/log.ts'
import type { PendingRow } from './audit/store.ts'
import type { Config } from './config.ts'
import type { CopyRead } from './coverage/coverage.ts'
import type { DataKeys, Names } from './data-keys.ts'
import type { Query } from './db/pool.ts'
import type { Failure, RequestEvent } from './event.ts'
import type { Limits } from './limits/limits.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Registry } from './population/client.ts'

/** Lives as long as the process or isolate: configuration, keys, caches. No sockets: a Workers isolate may not keep any. */
export interface Service {
  readonly config: Config
  /** These three are replaced as a whole, in one turn, when a key file changes: read them anew for each use. */
  dataKeys: DataKeys
  tokenKeys: TokenKeys
  /** Decisions under these keys. A decision that is still being made under former ones is kept in a former map. */
  tokens: TokenCache
  readonly revocations: Revocations
  readonly limits: Limits
  readonly metrics: Metrics
}

export type Trouble =
  | 'copyUnreadable'
  | 'visitNotChecked'
  | 'batchItemFailed'
  | 'refusedCallsNotRecorded'
  | 'feedBatchHeld'
  | 'registryOpened'

/** One request or one job. */
export interface Scope {
  readonly service: Service
  /** With the host's deadline. On Node a pool that all requests share; on Workers one connection per request. */
  readonly query: Query
  readonly now: () => Date
  /** On Node shared with whoever asks at the same moment; on Workers one statement of its own. */
  readonly findCoverage: (names: Names) => Promise<CopyRead>
  /** Resolves once committed. Likewise shared on Node. */
  readonly append: (row: PendingRow) => Promise<Appended>
  /** Null without an agreement, and in the lane: a batch never asks. */
  readonly registry: Registry | null
  /**
   * Long work beside single requests. On Node the lane's scope has statements of its own, few works run at once, some
   * wait, the next one is refused by `QueueFull`; inside, `inLane` runs at once. On Workers a request shares neither
   * statements nor an event loop that others wait for in line: the host runs the work at once, on the request's scope.
   */
  readonly inLane: <T>(work: (lane: Scope) => Promise<T>) => Promise<T>
  /** The same for dossiers, a lane of their own: neither checks nor batches wait for them. */
  readonly inShareLane: <T>(work: (lane: Scope) => Promise<T>) => Promise<T>
  /** Work that may outlive the answer; the host keeps it alive. */
  readonly background: (work: Promise<unknown>) => void
  readonly record: (event: RequestEvent) => void
  /** What went wrong behind an answer that was given all the same: for operators, nothing personal. */
  readonly report: (trouble: Trouble, failure: Failure) => void
}

/** Work that no request asked for, a loop command's. A `Scope` will do for one. */
export interface Job extends Pick<Scope, 'query' | 'now' | 'findCoverage' | 'append' | 'report'> {
  readonly service: {
    /** Replaced when its file changes. */
    dataKeys: DataKeys
    readonly config: Pick<Config, 'copyLateAfterMs' | 'copyStaleAfterMs' | 'identityPolicy'>
  }
}

export type OpenScope = () => Scope
