import type { Principal } from '../../access/principal.ts'
import { openHolder } from '../../coverage/holder.ts'
import { auditVisitDigest, type DataKeys, everyNameOf, type Pseudonym } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import { firstYearOf } from '../../erasure/erase.ts'
import { pseudonymsOf } from '../../erasure/person.ts'
import { findBearers, readLogSpans } from '../../erasure/store.ts'
import type { Scope } from '../../scope.ts'
import { isCheckCodeOf, readCheckCode } from '../check-code.ts'
import { LOG_ID } from '../log-id.ts'
import { findEntry, hex } from '../store.ts'
import {
  type IndexedThrough,
  indexedThrough,
  type ShownCheck,
  type ShownClaim,
  shownCheck,
  shownClaim,
} from './items.ts'
import { unavailable } from './lists.ts'
import { type AuditReason, recordRead } from './record.ts'
import { type About, findChecks, findClaims, readThrough } from './store.ts'

/** Of one kind; a person with more in all years is read by lists. */
const FOUND_MAX = 500

export interface SearchFor {
  readonly by: 'visitId' | 'citizenId' | 'checkCode'
  readonly value: string
  readonly facility: string | null
}

export interface Found {
  readonly items: readonly (ShownCheck | ShownClaim)[]
  /** There are more than are shown. */
  readonly more: boolean
  readonly indexedThrough: IndexedThrough
}

/** Entries about one visit, person or check, the newest first; recorded before they leave, also when there are none. */
export async function search(scope: Scope, caller: Principal, reason: AuditReason, of: SearchFor): Promise<Found> {
  const { dataKeys } = scope.service
  const hiv = caller.scopes.has('audit:hiv')
  return scope.inAuditLane(async (lane) => {
    const [through, about] = await lane
      .query(async (sql) => [await readThrough(sql, LOG_ID), await aboutOf(sql, dataKeys, of, lane.now())] as const)
      .catch(unavailable)
    const [checks, claims] =
      about === null
        ? [[], []]
        : await lane
            .query(
              async (sql) =>
                [
                  await findChecks(sql, LOG_ID, about, FOUND_MAX + 1),
                  await findClaims(sql, LOG_ID, about, hiv, FOUND_MAX + 1),
                ] as const,
            )
            .catch(unavailable)
    const items = [...checks.slice(0, FOUND_MAX).map(shownCheck), ...claims.slice(0, FOUND_MAX).map(shownClaim)]
    const newest = items.toSorted((a, b) => b.index - a.index)
    const asked = { search: of.by, ...(of.facility === null ? {} : { facility: of.facility }) }
    const entries = newest.map(({ index }) => index)
    await recordRead(lane, caller, reason, entries, { asked })
    const more = checks.length > FOUND_MAX || claims.length > FOUND_MAX
    return { items: newest, more, indexedThrough: indexedThrough(through) }
  })
}

/** Null: it leads nowhere. */
async function aboutOf(sql: Sql, keys: DataKeys, { by, value, facility }: SearchFor, now: Date): Promise<About | null> {
  const nobody = { persons: [], visit: null, index: null, facility }
  switch (by) {
    case 'visitId':
      return { ...nobody, visit: auditVisitDigest(keys, value) }
    case 'checkCode': {
      const index = await genuineIndex(sql, keys, value)
      return index === null ? null : { ...nobody, index }
    }
    case 'citizenId':
      return { ...nobody, persons: await personsOf(sql, keys, value, now) }
  }
}

/** A code that was made up, or is of another log, leads nowhere. So does one whose entry was erased: nothing proves it. */
async function genuineIndex(sql: Sql, keys: DataKeys, code: string): Promise<number | null> {
  const read = readCheckCode(code)
  const entry = read === null ? null : await findEntry(sql, LOG_ID, read.index)
  if (read === null || entry === null || entry.subject === null) return null
  const { facility } = JSON.parse(entry.body) as { facility: string | null }
  if (facility === null) return null
  const deed = { logId: LOG_ID, index: read.index, facility, person: hex(entry.subject) as Pseudonym }
  return isCheckCodeOf(keys, code, deed) ? read.index : null
}

/**
 * What a person is called in the tables: another name each year, and under each lookup key that there was. A check was named
 * by what its number led to on that day, so the number is followed through our copy to the person's others. (Former
 * numbers are not followed backwards: that reads all of `alias`, which `subject-report` does.)
 */
async function personsOf(sql: Sql, keys: DataKeys, number: string, now: Date): Promise<readonly Pseudonym[]> {
  const bearers = await findBearers(sql, everyNameOf(keys, number))
  const numbers = new Set([number])
  for (const { subject, sealed, days } of bearers) {
    const { holder } = openHolder(keys, subject, sealed, days)
    if (holder.citizenId !== null) numbers.add(holder.citizenId)
    numbers.add(holder.cardNumber.slice(-10)) // mã số BHXH
  }
  const names = new Set([...numbers].flatMap((each) => everyNameOf(keys, each)))
  for (const { subject } of bearers) names.add(subject)
  const thisYear = now.getUTCFullYear()
  const [oldest] = await readLogSpans(sql)
  return pseudonymsOf(keys, [...names], firstYearOf(oldest?.firstBody ?? null) ?? thisYear, thisYear)
}
