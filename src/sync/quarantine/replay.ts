import { appendDeed } from '../../audit/log.ts'
import { todayInVietnam } from '../../calendar.ts'
import type { DataKeys } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import { CATALOGUE_FEED } from '../../facility/facility.ts'
import { openBytes } from '../../seal.ts'
import type { MakeDeed } from '../delta/apply.ts'
import { type Change, changeOf, claimsOf, withoutClaims } from '../delta/prepare.ts'
import { applying, findHolders } from '../delta/store.ts'
import { readRow } from '../read-row.ts'
import { isNamedUnder, readFeedState } from '../watermark/store.ts'
import { isOvertaken, listQuarantined, type QuarantinedLine, resolve } from './store.ts'

export interface Replayed {
  /** In the copy now. */
  applied: number
  /** A later batch spoke of the coverage: the row says nothing new. */
  overtaken: number
  /** Still not understood. */
  kept: number
}

const PAGE = 500

/**
 * Reads every quarantined row again, as this release understands it, and applies it as of its own batch: what a later
 * batch said stays. After a kill it is run again; a row that was applied is found to be equal.
 */
export async function replayQuarantine(sql: Sql, keys: DataKeys, deed: MakeDeed): Promise<Replayed> {
  const done: Replayed = { applied: 0, overtaken: 0, kept: 0 }
  let after = { feed: '', sequence: 0, position: -1 }
  for (;;) {
    const page = await listQuarantined(sql, after, PAGE)
    for (const line of page) done[await replayLine(sql, keys, deed, line)]++
    const last = page.at(-1)
    if (last === undefined) return done
    after = last
  }
}

async function replayLine(sql: Sql, keys: DataKeys, deed: MakeDeed, line: QuarantinedLine): Promise<keyof Replayed> {
  const { feed, sequence, position } = line
  if (feed === CATALOGUE_FEED) return 'kept' // never read as coverages, whatever it says; the next catalogue settles it
  const state = await readFeedState(sql, feed)
  if (state === null) return 'kept'
  const bytes = openBytes(keys, 'quarantine', `${feed}/${sequence}/${position}`, line.sealed)
  const read = readRow(bytes, todayInVietnam(state.asOf))
  if (!read.ok) return 'kept'
  const change = changeOf(keys, read.value, position, bytes)
  const { subject, coverageNo } = change.op === 'put' ? change.version : change
  if (await isOvertaken(sql, feed, sequence, subject, coverageNo)) {
    await resolve(sql, line)
    return 'overtaken'
  }
  const changes = await unclaimed(sql, keys, line, change)
  if (changes.length === 0) return 'kept'
  const [generation] = keys.lookupGenerations
  const merge = { feed, sequence, digest: null, asOf: state.asOf, how: 'beside' as const, generation }
  const outcome = { feed, sequence, position, reason: line.reason }
  await appendDeed(sql, deed('quarantineReplayed', outcome, {}), (with_) => applying(with_, merge, changes, []))
  // people were renamed since this began: the row is read again by the next replay, with its new names
  if (!(await isNamedUnder(sql, feed, generation))) return 'kept'
  await resolve(sql, line)
  return 'applied'
}

async function unclaimed(sql: Sql, keys: DataKeys, line: QuarantinedLine, change: Change): Promise<readonly Change[]> {
  const holders = await findHolders(sql, claimsOf([change]))
  return withoutClaims(keys, line, { changes: [change], quarantine: [] }, holders).changes
}
