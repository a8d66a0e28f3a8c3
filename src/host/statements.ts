import { type Appended, appendBatch } from '../audit/log.ts'
import type { PendingRow } from '../audit/store.ts'
import { findSealed, openRead, type SealedRead } from '../coverage/store.ts'
import type { Names } from '../data-keys.ts'
import { type GroupLimits, type GroupSeen, inGroups } from '../db/group.ts'
import type { Query } from '../db/pool.ts'
import type { Scope, Service } from '../scope.ts'
import { outcomeUnknown } from './append.ts'

/** For a host that measures. */
export interface StatementWatch extends GroupSeen {
  /** A statement ended, well or not. */
  readonly ran: (items: number, seconds: number) => void
}

export interface StatementWatches {
  readonly read: StatementWatch
  readonly append: StatementWatch
}

/**
 * Reads and appends that whoever asks at the same moment shares: one statement of each is in flight at a time. `took`
 * hears how long each caller waited.
 */
export function sharedStatements(
  service: Pick<Service, 'dataKeys'>, // its keys may be replaced: they are read for each statement
  query: Query,
  readLimits: GroupLimits,
  appendLimits: GroupLimits,
  watches?: StatementWatches,
  took?: (ms: number) => void,
): Pick<Scope, 'findCoverage' | 'append'> {
  const find = inGroups<Names, SealedRead>(
    timed((wanted) => query((sql) => findSealed(sql, wanted)), watches?.read),
    readLimits,
    watches?.read,
  )
  const append = inGroups<PendingRow, Appended>(
    timed((rows) => query((sql) => appendBatch(sql, service.dataKeys, rows)).catch(outcomeUnknown), watches?.append),
    appendLimits,
    watches?.append,
  )
  const findHeard = heard(find, took)
  return {
    findCoverage: async (names) => openRead(service.dataKeys, await findHeard(names)),
    append: heard(append, took),
  }
}

function heard<Item, Result>(
  ask: (item: Item) => Promise<Result>,
  took: ((ms: number) => void) | undefined,
): (item: Item) => Promise<Result> {
  if (took === undefined) return ask
  return (item) => {
    const began = performance.now()
    return ask(item).finally(() => took(performance.now() - began))
  }
}

type Run<Item, Result> = (items: readonly Item[]) => Promise<readonly (Result | Error)[]>

function timed<Item, Result>(run: Run<Item, Result>, watch: StatementWatch | undefined): Run<Item, Result> {
  if (watch === undefined) return run
  return async (items) => {
    const began = performance.now()
    try {
      return await run(items)
    } finally {
      watch.ran(items.length, (performance.now() - began) / 1000)
    }
  }
}
