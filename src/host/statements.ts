import { type Appended, appendBatch } from '../audit/log.ts'
import type { PendingRow } from '../audit/store.ts'
import { findSealed, openRead, type SealedRead } from '../coverage/store.ts'
import type { LookupKey } from '../data-keys.ts'
import { type GroupLimits, inGroups } from '../db/group.ts'
import type { Query } from '../db/pool.ts'
import type { Scope, Service } from '../scope.ts'
import { outcomeUnknown } from './append.ts'

/** Reads and appends that whoever asks at the same moment shares: one statement of each is in flight at a time. */
export function sharedStatements(
  service: Pick<Service, 'dataKeys'>, // its keys may be replaced: they are read for each statement
  query: Query,
  readLimits: GroupLimits,
  appendLimits: GroupLimits,
): Pick<Scope, 'findCoverage' | 'append'> {
  const find = inGroups<LookupKey, SealedRead>((wanted) => query((sql) => findSealed(sql, wanted)), readLimits)
  const append = inGroups<PendingRow, Appended>(
    (rows) => query((sql) => appendBatch(sql, service.dataKeys, rows)).catch(outcomeUnknown),
    appendLimits,
  )
  return { findCoverage: async (key) => openRead(service.dataKeys, await find(key)), append }
}
