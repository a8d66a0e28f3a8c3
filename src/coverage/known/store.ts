import type { DataKeys, LookupKey } from '../../data-keys.ts'
import { readInstant, type Sql } from '../../db/connect.ts'
import type { Coverage } from '../coverage.ts'
import type { EarlierStatus } from '../history.ts'
import { COLUMN_SEPARATOR, openCoverage, ROW_SEPARATOR, refuseNewerNames, rowOf, type SealedRow } from '../store.ts'

/** What was known at an instant of who stood behind some names then, holders still sealed. */
export interface SealedPast {
  /** Between which instants the past is told, as PostgreSQL writes them; null while nothing was loaded. */
  readonly told: { readonly from: string; readonly to: string; readonly holds: boolean } | null
  readonly lookupGeneration: number
  /** The batch that had made the state. */
  readonly batch: { readonly feedSequence: number; readonly asOf: Date } | null
  /** In the order asked: every version known by then, the newest first. */
  readonly people: readonly (readonly SealedVersion[])[]
}

interface SealedVersion {
  readonly row: SealedRow
  /** It had not been closed by then. */
  readonly stood: boolean
}

/**
 * The state of the copy at an instant, of some people: one statement, one snapshot. The instant of a state only grows, and
 * whatever a batch closes or opens has its instant: up to the present state's nothing is ever changed any more, also
 * not by a rollback, which closes and opens again at an instant of its own. Beyond it a batch may be under way that will
 * have begun before: so the past ends there. What a number led to is read back from `alias_change`.
 */
export async function findPast(sql: Sql, names: readonly LookupKey[], at: string): Promise<SealedPast> {
  const [found] = await sql<
    {
      begins: string | null
      loaded_at: string | null
      holds: boolean | null
      lookup_generation: number | null
      sequence: number | null
      as_of: string | null
      versions: string | null
    }[]
  >`
    with known as materialized (
      select k.n, k.key, ${at}::timestamptz as at
        from unnest(string_to_array(${names.join(',')}, ',')::uuid[]) with ordinality as k(key, n)
    ), led as materialized (
      select k.n, k.at, coalesce(case when ch.alias is null then a.subject else ch.former end, k.key) as subject
        from known k
        left join alias a on a.alias = k.key
        left join lateral (select alias, former from alias_change c
                            where c.alias = k.key and c.changed_at > k.at order by changed_at limit 1) as ch on true
    ), version as (
      select l.n, l.at, c.*
        from led l join coverage c on c.subject = l.subject and c.known_from <= l.at
       where not exists (select from feed_batch b -- what a rollback had taken back by then was never so
                          where b.kind = 'rollback' and b.applied_at <= l.at
                            and c.known_from > b.back_to and c.known_to <= b.applied_at)
    )
    select begun.at as begins, w.loaded_at, ${at}::timestamptz between begun.at and w.loaded_at as holds,
           w.lookup_generation, b.sequence, b.as_of,
           (select string_agg(
                     array_to_string(array[
                       v.n::text, v.subject::text, v.coverage_no::text, v."group", v.level::text, v.registered_facility,
                       v.valid_from::text, v.valid_to::text, v.five_years_from::text, v.area, v.status,
                       v.status_from::text, v.known_from::text, encode(v.sealed, 'hex'), (v.known_to > v.at)::text
                     ], ${COLUMN_SEPARATOR}, ''), ${ROW_SEPARATOR} order by v.n, v.known_from desc, v.coverage_no)
              from version v) as versions
      from feed_watermark w
      left join lateral (select greatest(applied_at, as_of) as at from feed_batch
                          where feed = w.feed order by applied_at limit 1) as begun on true
      left join lateral (select sequence, as_of from feed_batch
                          where feed = w.feed and applied_at <= ${at}::timestamptz
                          order by applied_at desc limit 1) as b on true
     where w.feed = 'vss'`
  const people: SealedVersion[][] = names.map(() => [])
  for (const text of found?.versions?.split(ROW_SEPARATOR) ?? []) {
    const columns = text.split(COLUMN_SEPARATOR)
    people[Number(columns[0]) - 1]?.push({ row: rowOf(columns), stood: columns[14] === 'true' })
  }
  const { begins = null, loaded_at: to = null, sequence = null, as_of: asOf = null } = found ?? {}
  return {
    told: begins === null || to === null ? null : { from: begins, to, holds: found?.holds === true },
    lookupGeneration: found?.lookup_generation ?? 1,
    batch: sequence === null || asOf === null ? null : { feedSequence: sequence, asOf: readInstant(asOf) },
    people,
  }
}

/** One person's coverages as they were known, and what was known of them before. */
export interface PersonThen {
  readonly coverages: readonly Coverage[]
  /** The newest first. */
  readonly earlier: readonly EarlierStatus[]
}

export function openPast(keys: DataKeys, past: SealedPast, place: number): PersonThen {
  refuseNewerNames(keys, past.lookupGeneration)
  const versions = past.people[place] ?? []
  const openAll = (stood: boolean) =>
    versions.filter((each) => each.stood === stood).map((each) => openCoverage(keys, each.row))
  return {
    coverages: openAll(true),
    earlier: openAll(false).map(({ facts: { coverageNo, status, statusFrom } }) => ({
      coverageNo,
      status,
      statusFrom,
    })),
  }
}
