import { cursorAt } from '../audit/cursor/store.ts'
import { entryAt, placeOf } from '../audit/log-id.ts'
import { readInstant, type Sql } from '../db/connect.ts'
import type { VisitStatus } from './visit-text.ts'

/** The row of `log_cursor` that this reader keeps. */
const READER = 'recheck'
/** Bodies looked through in one statement: some 300 bytes each, so 1.5 MB at the most, few of which are ours. */
const ENTRIES_MAX = 5_000

export interface LogEvent {
  readonly place: number
  readonly body: string
  readonly subject: string | null
  readonly sealed: Uint8Array | null
}

export interface LogStretch {
  readonly from: number
  /** The first place after it. */
  readonly to: number
  /** What concerns unverified visits in it, in order. */
  readonly events: readonly LogEvent[]
}

/**
 * The next entries of the log that this reader has not seen. The index is dense and taken under the head's lock, so what
 * is below the head's size is all there: no late commit can fall behind the cursor. Bodies hold codes and numbers
 * of ours only, so a text search finds the right ones.
 */
export async function readOn(sql: Sql, logId: number): Promise<LogStretch> {
  const rows = await sql<
    {
      from: number
      to: number
      leaf_index: number | null
      body: string
      subject: string | null
      sealed: Uint8Array | null
    }[]
  >`
    with ${cursorAt(sql, logId, READER, ENTRIES_MAX)}
    select c.next_index as from, c.to_place as to, e.leaf_index, e.body, d.subject, d.sealed
      from cursor_at c
      left join log_entry e on e.log_id = c.at_log and e.leaf_index >= c.at_index
                           and e.leaf_index < c.at_index + ${ENTRIES_MAX}
                           and (e.body like '%"kind":"unverifiedVisit%' or e.body like '%"unverifiedVisit":%')
      left join entry_detail d on d.log_id = e.log_id and d.leaf_index = e.leaf_index
     order by e.leaf_index`
  const first = rows[0]
  if (first === undefined) throw new Error('the log has no cursor of this reader: is the schema of this release in?')
  const events = rows.flatMap(({ leaf_index: index, body, subject, sealed }) =>
    index === null ? [] : [{ place: placeOf({ logId: entryAt(first.from).logId, index }), body, subject, sealed }],
  )
  return { from: first.from, to: first.to, events }
}

export interface VisitRow {
  readonly place: number
  readonly facility: string
  readonly visit: string
  readonly checkable: boolean
  readonly nextCheckAt: Date
}

/**
 * A visit comes into the queue, and stands for former entries of the same one: with evidence for all, without it for
 * those that have none. The cursor moves in the same statement, once: of two readers the later one changes nothing.
 */
export async function addVisit(sql: Sql, logId: number, row: VisitRow, now: Date): Promise<void> {
  await sql`
    with moved as (
      update log_cursor set next_index = ${row.place}::bigint + 1
       where log_id = ${logId}::smallint and reader = ${READER} and next_index <= ${row.place}
      returning log_id
    ), superseded as (
      update unverified_visit v set state = 'superseded', outcome_index = ${row.place}, updated_at = ${now.toISOString()}
        from moved
       where v.log_id = ${logId}::smallint and v.visit = ${row.visit}::uuid and v.state = 'open'
         and (${row.checkable}::boolean or not v.checkable)
    )
    insert into unverified_visit (log_id, leaf_index, facility, visit, checkable, state, next_check_at, updated_at)
    select log_id, ${row.place}::bigint, ${row.facility}, ${row.visit}::uuid, ${row.checkable}, 'open',
           ${row.nextCheckAt.toISOString()}::timestamptz, ${now.toISOString()}::timestamptz
      from moved
    on conflict do nothing`
}

export interface VisitEnd {
  /** Of the entry that says so. */
  readonly place: number
  /** Of the visit's own. */
  readonly visitPlace: number
  readonly state: 'checked' | 'gaveUp'
}

/** What the log says of a visit's end; the first one counts. */
export async function endVisit(sql: Sql, logId: number, end: VisitEnd, now: Date): Promise<void> {
  await sql`
    with moved as (
      update log_cursor set next_index = ${end.place}::bigint + 1
       where log_id = ${logId}::smallint and reader = ${READER} and next_index <= ${end.place}
      returning log_id
    )
    update unverified_visit v set state = ${end.state}, outcome_index = ${end.place}, updated_at = ${now.toISOString()}
      from moved
     where v.log_id = ${logId}::smallint and v.leaf_index = ${end.visitPlace} and v.state in ('open', 'superseded')`
}

export async function moveCursor(sql: Sql, logId: number, to: number): Promise<void> {
  await sql`
    update log_cursor set next_index = ${to}
     where log_id = ${logId}::smallint and reader = ${READER} and next_index < ${to}`
}

/** Forgets what was made of the log; the next pass makes it again. */
export async function forgetVisits(sql: Sql, logId: number): Promise<void> {
  await sql`
    with gone as (delete from unverified_visit where log_id = ${logId}::smallint)
    update log_cursor set next_index = 0 where log_id = ${logId}::smallint and reader = ${READER}`
}

export interface DueVisit {
  readonly place: number
  readonly attempts: readonly string[]
  readonly lastCode: string | null
}

/** Takes what is due, for the length of a lease: another process takes others, a killed one's come up again. */
export async function takeDue(sql: Sql, logId: number, now: Date, until: Date, max: number): Promise<DueVisit[]> {
  const rows = await sql<{ leaf_index: number; attempts: string[]; last_code: string | null }[]>`
    update unverified_visit set next_check_at = ${until.toISOString()}
     where (log_id, leaf_index) in (
             select log_id, leaf_index from unverified_visit
              where log_id = ${logId}::smallint and state = 'open' and next_check_at <= ${now.toISOString()}
              order by next_check_at limit ${max} for update skip locked)
    returning leaf_index, attempts, last_code`
  return rows.map((row) => ({ place: row.leaf_index, attempts: row.attempts, lastCode: row.last_code }))
}

/** An attempt that found nothing. */
export async function postponeVisit(
  sql: Sql,
  logId: number,
  place: number,
  attempt: { readonly at: Date; readonly code: string | null; readonly next: Date },
): Promise<void> {
  await sql`
    update unverified_visit
       set attempts = attempts || to_jsonb(${attempt.at.toISOString()}::text), last_code = ${attempt.code},
           next_check_at = ${attempt.next.toISOString()}, updated_at = ${attempt.at.toISOString()}
     where log_id = ${logId}::smallint and leaf_index = ${place} and state = 'open'`
}

export interface VisitState {
  readonly status: VisitStatus
  readonly attempts: readonly string[]
  readonly lastCode: string | null
  readonly nextCheckAt: Date
  readonly outcomePlace: number | null
}

/** Null until the reader of the log has seen the entry. */
export async function findVisit(sql: Sql, logId: number, place: number): Promise<VisitState | null> {
  const [row] = await sql<
    {
      state: VisitStatus
      attempts: string[]
      last_code: string | null
      next_check_at: string
      outcome_index: number | null
    }[]
  >`
    select state, attempts, last_code, next_check_at, outcome_index
      from unverified_visit where log_id = ${logId}::smallint and leaf_index = ${place}`
  if (row === undefined) return null
  return {
    status: row.state,
    attempts: row.attempts,
    lastCode: row.last_code,
    nextCheckAt: readInstant(row.next_check_at),
    outcomePlace: row.outcome_index,
  }
}
