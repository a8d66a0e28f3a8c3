import type { Principal } from '../../access/principal.ts'
import { openHolder } from '../../coverage/holder.ts'
import { auditVisitDigest, type DataKeys, everyNameOf, type Pseudonym } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import { firstYearOfLogs } from '../../erasure/erase.ts'
import { pseudonymsOf } from '../../erasure/person.ts'
import { findBearers, readLogSpans } from '../../erasure/store.ts'
import type { Scope } from '../../scope.ts'
import { isCheckCodeOf, readCheckCode } from '../check-code.ts'
import { LOG_ID, placeOf } from '../log-id.ts'
import { hex } from '../store.ts'
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
import { type About, findChecks, findClaims, findInEachLog, readThrough } from './store.ts'

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
    const newest = [
      ...checks.slice(0, FOUND_MAX).map((row) => ({ place: row.place, item: shownCheck(row) })),
      ...claims.slice(0, FOUND_MAX).map((row) => ({ place: row.place, item: shownClaim(row) })),
    ].toSorted((a, b) => b.place - a.place)
    const asked = { search: of.by, ...(of.facility === null ? {} : { facility: of.facility }) }
    const entries = newest.map(({ place }) => place)
    await recordRead(lane, caller, reason, entries, { asked })
    const more = checks.length > FOUND_MAX || claims.length > FOUND_MAX
    return { items: newest.map(({ item }) => item), more, indexedThrough: indexedThrough(through) }
  })
}

/** Null: it leads nowhere. */
async function aboutOf(sql: Sql, keys: DataKeys, { by, value, facility }: SearchFor, now: Date): Promise<About | null> {
  const nobody = { persons: [], visit: null, places: null, facility }
  switch (by) {
    case 'visitId':
      return { ...nobody, visit: auditVisitDigest(keys, value) }
    case 'checkCode': {
      const places = await genuinePlaces(sql, keys, value)
      return places.length === 0 ? null : { ...nobody, places }
    }
    case 'citizenId':
      return { ...nobody, persons: await personsOf(sql, keys, value, now) }
  }
}

/**
 * A code that was made up leads nowhere. So does one whose entry was erased: nothing proves it. A code names no log: each is
 * tried, and it passes in another than its own once in 32,768 times; then both are shown.
 */
async function genuinePlaces(sql: Sql, keys: DataKeys, code: string): Promise<number[]> {
  const read = readCheckCode(code)
  const entries = read === null ? [] : await findInEachLog(sql, read.index)
  return entries.flatMap(({ logId, index, body, subject }) => {
    const { facility } = JSON.parse(body) as { facility: string | null }
    if (subject === null || facility === null) return []
    const deed = { logId, index, facility, person: hex(subject) as Pseudonym }
    return isCheckCodeOf(keys, code, deed) ? [placeOf(deed)] : []
  })
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
  const firstYear = firstYearOfLogs(await readLogSpans(sql))
  return pseudonymsOf(keys, [...names], firstYear ?? thisYear, thisYear)
}
