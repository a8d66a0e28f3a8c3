import { cursorAt, indexAt, logAt } from '../audit/cursor/store.ts'
import { entryAt, placeOf } from '../audit/log-id.ts'
import { hex } from '../audit/store.ts'
import type { LookupKey } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'

/** The row of `log_cursor` that the reader of the log keeps which makes `open_visit`. */
const READER = 'visits'
/** Verifications looked into in one statement: some 1 KB each and 20 µs to open, so 1 MB and 20 ms. */
const ENTRIES_MAX = 1_000
/** Visits past their end that go with a step: more than a step can have added. */
const EXPIRED_MAX = 2_000

export interface CheckEntry {
  readonly place: number
  readonly body: string
  readonly subject: string | null
  readonly sealed: Uint8Array
}

export interface CheckStretch {
  readonly from: number
  /** The first place after it. */
  readonly to: number
  readonly checks: readonly CheckEntry[]
}

/** The next verifications that this reader has not seen; see `readOn` of unverified visits. */
export async function readChecks(sql: Sql, logId: number): Promise<CheckStretch> {
  const rows = await sql<
    { from: number; to: number; leaf_index: number | null; body: string; subject: string | null; sealed: Uint8Array }[]
  >`
    with ${cursorAt(sql, logId, READER, ENTRIES_MAX)}
    select c.next_index as from, c.to_place as to, d.leaf_index, e.body, d.subject, d.sealed
      from cursor_at c
      left join (log_entry e join entry_detail d on d.log_id = e.log_id and d.leaf_index = e.leaf_index)
        on e.log_id = c.at_log and e.leaf_index >= c.at_index and e.leaf_index < c.at_index + ${ENTRIES_MAX}
       and e.body like '%"kind":"verification"%'
     order by e.leaf_index`
  const first = rows[0]
  if (first === undefined) throw new Error('the log has no cursor of this reader: is the schema of this release in?')
  const { logId: atLog } = entryAt(first.from)
  const checks = rows.flatMap(({ leaf_index: index, body, subject, sealed }) =>
    index === null ? [] : [{ place: placeOf({ logId: atLog, index }), body, subject, sealed }],
  )
  return { from: first.from, to: first.to, checks }
}

export interface OpenedVisit {
  readonly facility: string
  readonly place: number
  readonly seen: string | null
  readonly closesAt: Date
  /** The check did not say whether the patient stays: what an earlier one said holds on. */
  readonly keepsEnd: boolean
  readonly sealed: Buffer
}

/** What a stretch of the log leaves of each visit in it, by the visit's digest; null: ended. */
export type VisitsLeft = ReadonlyMap<string, OpenedVisit | null>

/**
 * One statement: visits open, close, and the cursor moves, once. Of two readers the later one changes nothing, and a kill
 * leaves the stretch to be read again.
 */
export async function keepVisits(
  sql: Sql,
  logId: number,
  stretch: Pick<CheckStretch, 'from' | 'to'>,
  left: VisitsLeft,
  now: Date,
): Promise<void> {
  const opened = [...left].flatMap(([visit, row]) => (row === null ? [] : [{ visit, ...row }]))
  const ended = [...left].flatMap(([visit, row]) => (row === null ? [visit] : []))
  const column = (of: (row: (typeof opened)[number]) => string | number) => opened.map(of).join(',')
  await sql`
    with moved as (
      update log_cursor set next_index = ${stretch.to}::bigint
       where log_id = ${logId}::smallint and reader = ${READER} and next_index = ${stretch.from}::bigint
      returning log_id
    ), gone as (
      delete from open_visit v using moved
       where v.log_id = moved.log_id
         and (v.visit = any(string_to_array(${ended.join(',')}, ',')::uuid[])
              or v.visit in (select visit from open_visit
                              where log_id = ${logId}::smallint and closes_at <= ${now.toISOString()}::timestamptz
                                and visit <> all(string_to_array(${column((row) => row.visit)}, ',')::uuid[])
                              limit ${EXPIRED_MAX}))
    )
    insert into open_visit as held (log_id, visit, facility, leaf_index, seen, closes_at, sealed)
    select log_id, visit::uuid, facility, leaf_index::bigint, seen::timestamptz, closes_at::timestamptz, decode(sealed, 'base64')
      from moved, unnest(
        string_to_array(${column((row) => row.visit)}, ','), string_to_array(${column((row) => row.facility)}, ','),
        string_to_array(${column((row) => row.place)}, ','), string_to_array(${column((row) => row.seen ?? '-infinity')}, ','),
        string_to_array(${column((row) => row.closesAt.toISOString())}, ','),
        string_to_array(${column((row) => row.sealed.toString('base64'))}, ',')
      ) as r(visit, facility, leaf_index, seen, closes_at, sealed)
    on conflict (log_id, visit) do update
      set leaf_index = excluded.leaf_index, seen = excluded.seen, sealed = excluded.sealed,
          closes_at = case when held.visit = any(string_to_array(${opened
            .filter((row) => row.keepsEnd)
            .map((row) => row.visit)
            .join(',')}, ',')::uuid[])
                           then greatest(held.closes_at, excluded.closes_at) else excluded.closes_at end`
}

/** Forgets what was made of the log; the next step makes it again. */
export async function forgetOpenVisits(sql: Sql, logId: number): Promise<void> {
  await sql`
    with gone as (delete from open_visit where log_id = ${logId}::smallint)
    update log_cursor set next_index = 0 where log_id = ${logId}::smallint and reader = ${READER}`
}

export interface VisitRow {
  readonly place: number
  readonly visit: string
  /** As PostgreSQL writes it. */
  readonly seen: string
  readonly sealed: Uint8Array
}

/** How far the log was followed, and the copy reaches: what lies below both is all there. */
export interface Reach {
  readonly nextPlace: number
  /** As PostgreSQL writes it; null in an empty copy. */
  readonly loadedAt: string | null
}

/** A facility's visits under way whose check stands in [from, below), in order. */
export async function findOpenVisits(
  sql: Sql,
  logId: number,
  facility: string,
  between: { readonly from: number; readonly below: number | null },
  now: Date,
  max: number,
): Promise<{ readonly reach: Reach; readonly visits: readonly VisitRow[] }> {
  const rows = await sql<
    {
      next_index: number
      loaded_at: string | null
      leaf_index: number | null
      visit: string
      seen: string
      sealed: Uint8Array
    }[]
  >`
    select c.next_index, w.loaded_at, v.leaf_index, v.visit, v.seen, v.sealed
      from log_cursor c
      left join feed_watermark w on w.feed = 'vss'
      left join lateral (
        select leaf_index, visit, seen, sealed from open_visit
         where log_id = ${logId}::smallint and facility = ${facility} and leaf_index >= ${between.from}::bigint
           and leaf_index < least(c.next_index, ${between.below}::bigint) and closes_at > ${now.toISOString()}::timestamptz
         order by leaf_index limit ${max}
      ) as v on true
     where c.log_id = ${logId}::smallint and c.reader = ${READER}
     order by v.leaf_index`
  const first = rows[0]
  if (first === undefined) throw new Error('the log has no cursor of this reader: is the schema of this release in?')
  const visits = rows.flatMap(({ leaf_index: place, visit, seen, sealed }) =>
    place === null ? [] : [{ place, visit: hex(visit), seen, sealed }],
  )
  return { reach: { nextPlace: first.next_index, loadedAt: first.loaded_at }, visits }
}

/** A visit, and since when a change of the person's record would be news. */
export interface Watched {
  readonly place: number
  readonly name: LookupKey
  readonly since: string
  /** `since` is what the facility was told up to, not what the check read. */
  readonly told: boolean
}

export interface ChangedVisit {
  readonly place: number
  /** When the last change was known, as PostgreSQL writes it. */
  readonly changedAt: string
  readonly subject: string | null
  /** The details of the check; null when they were erased. */
  readonly sealed: Uint8Array | null
}

/**
 * Those of the visits, in their order, about whose person the copy says something else since: a version that was opened or
 * closed, or a number that leads elsewhere. Until an instant that the copy has passed, so the same for ever.
 */
export async function findChangedVisits(
  sql: Sql,
  watched: readonly Watched[],
  until: string,
  max: number,
): Promise<ChangedVisit[]> {
  const rows = await sql<
    { leaf_index: number; changed_at: string; subject: string | null; sealed: Uint8Array | null }[]
  >`
    with watched as materialized (
      select leaf_index, name, since, ${until}::timestamptz as until
        from unnest(string_to_array(${watched.map((each) => each.place).join(',')}, ',')::bigint[],
                    string_to_array(${watched.map((each) => each.name).join(',')}, ',')::uuid[],
                    string_to_array(${watched.map((each) => each.since).join(',')}, ',')::timestamptz[]) as r(leaf_index, name, since)
    ), led as materialized (
      select w.*, coalesce(case when ch.alias is null then a.subject else ch.former end, w.name) as subject
        from watched w
        left join alias a on a.alias = w.name
        left join lateral (select alias, former from alias_change c
                            where c.alias = w.name and c.changed_at > w.until order by changed_at limit 1) as ch on true
    ), changed as materialized (
      select l.leaf_index, greatest(of_coverage.at, of_alias.at) as at
        from led l
        left join lateral (
          select max(greatest(case when known_from > l.since then known_from end,
                              case when known_to > l.since and known_to <= l.until then known_to end)) as at
            from coverage where subject = l.subject and known_from <= l.until
        ) as of_coverage on true
        left join lateral (
          select max(changed_at) as at from alias_change
           where alias = l.name and changed_at > l.since and changed_at <= l.until
        ) as of_alias on true
       where greatest(of_coverage.at, of_alias.at) is not null
       order by l.leaf_index limit ${max}
    )
    select c.leaf_index, c.at as changed_at, d.subject, d.sealed
      from changed c left join entry_detail d on d.log_id = ${logAt(sql, sql`c.leaf_index`)} and d.leaf_index = ${indexAt(sql, sql`c.leaf_index`)}
     order by c.leaf_index`
  return rows.map((row) => ({
    place: row.leaf_index,
    changedAt: row.changed_at,
    subject: row.subject,
    sealed: row.sealed,
  }))
}
