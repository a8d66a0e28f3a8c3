import { cursorAt, indexAt, logAt, placeAt } from '../../audit/cursor/store.ts'
import { entryAt } from '../../audit/log-id.ts'
import { appendWithAct, type PendingRow } from '../../audit/store.ts'
import type { Fragment, Sql } from '../../db/connect.ts'
import type { ShareKind } from '../entry.ts'

/** Entries looked through at once: some 500 bytes each, 2.5 MB at the most, in PostgreSQL alone. */
const ENTRIES_MAX = 5_000

export interface Stretch {
  readonly from: number
  /** The first place after it. */
  readonly to: number
}

/** The next entries that the sender's reader has not seen. */
export async function nextStretch(sql: Sql, logId: number): Promise<Stretch> {
  const [row] = await sql<Stretch[]>`
    with ${cursorAt(sql, logId, 'send', ENTRIES_MAX)}
    select next_index as from, to_place as to from cursor_at`
  if (row === undefined) throw new Error('the log has no cursor of the sender: is the schema of this release in?')
  return row
}

const placeOfEntry = (sql: Sql): Fragment => placeAt(sql, sql`e.log_id`, sql`e.leaf_index`)

/** Whether `log_entry e` is of a stretch. One that goes up to the next log has no more entries than are read at once. */
function isIn(sql: Sql, { from, to }: Stretch): Fragment {
  const { logId, index } = entryAt(from)
  return sql`e.log_id = ${logId}::smallint and e.leaf_index >= ${index} and e.leaf_index < ${index + ENTRIES_MAX}
       and ${placeOfEntry(sql)} < ${to}`
}

/** First of a stretch: shares whose row is not there. Those that were recorded have one, so usually there is nothing to do. */
export async function addShares(sql: Sql, logId: number, stretch: Stretch, now: Date): Promise<void> {
  await sql`
    insert into claim_delivery
      (log_id, leaf_index, facility, visit_key, share, version, delivery, settlement_month, status, next_attempt_at)
    select v.log_id, v.leaf_index, v.facility, v.visit_key, v.share, v.version, said.outcome ->> 'delivery',
           said.outcome ->> 'settlementMonth', 'recorded',
           case when said.outcome ->> 'delivery' = 'forward' then ${now.toISOString()}::timestamptz end
      from log_entry e
      join claim_visit v on v.log_id = ${logId}::smallint and v.leaf_index = ${placeOfEntry(sql)}
      cross join lateral (select e.body::jsonb -> 'outcome' as outcome) as said
     where ${isIn(sql, stretch)} and e.body like '%"kind":"claimShare"%'
    on conflict do nothing`
}

/** Then what the entries say of deliveries that a row does not know, the last word on each; and the cursor, if nobody else moved it. */
export async function applyDeliveries(sql: Sql, logId: number, stretch: Stretch, now: Date): Promise<void> {
  await sql`
    with said as materialized (
      select share, place, status, max(place) over (partition by share) as last
        from log_entry e
        cross join lateral (select (e.body::jsonb #>> '{outcome,share}')::bigint as share,
                                   e.body::jsonb #>> '{outcome,status}' as status,
                                   ${placeOfEntry(sql)} as place) as outcome
       where ${isIn(sql, stretch)} and e.body like '%"kind":"claimDelivery"%'
    ), moved as (
      update claim_delivery d
         set status = case when d.last_index > last.place then d.status else last.status end,
             last_index = greatest(d.last_index, last.place),
             next_attempt_at = case when d.last_index > last.place then d.next_attempt_at
                                    when d.delivery = 'forward' and last.status in ('held', 'sent')
                                    then coalesce(d.next_attempt_at, ${now.toISOString()}::timestamptz) end,
             transitions = (select jsonb_agg(index order by index)
                              from (select each::bigint as index from jsonb_array_elements_text(d.transitions) as t(each)
                                    union select place from said where said.share = d.leaf_index) as known)
        from said as last
       where d.log_id = ${logId}::smallint and d.leaf_index = last.share and last.place = last.last
         and exists (select from said
                      where said.share = d.leaf_index and not d.transitions @> to_jsonb(said.place))
    )
    update log_cursor set next_index = ${stretch.to}
     where log_id = ${logId}::smallint and reader = 'send' and next_index = ${stretch.from}`
}

/** Forgets what was made of the logs; nothing is sent until the reader has come to where the newest ends now. */
export async function forgetDeliveries(sql: Sql, logId: number): Promise<void> {
  await sql`
    with gone as (delete from claim_delivery where log_id = ${logId}::smallint)
    update log_cursor c set next_index = case c.reader when 'send' then 0 else ${placeAt(sql, sql`h.log_id`, sql`h.size`)} end
      from (select log_id, size from log_head order by log_id desc limit 1) as h
     where c.log_id = ${logId}::smallint and c.reader in ('send', 'sendFrom')`
}

export interface DeadLetter {
  readonly place: number
  readonly facility: string
  readonly share: ShareKind
  readonly version: number
  readonly attempts: number
  readonly failure: string | null
  /** RFC 3339. */
  readonly since: string
}

export async function listDeadLetters(sql: Sql, logId: number, after: number, max: number): Promise<DeadLetter[]> {
  const rows = await sql<(Omit<DeadLetter, 'place'> & { leaf_index: number })[]>`
    select d.leaf_index, d.facility, d.share, d.version, d.attempts, d.last_failure as failure,
           e.body::jsonb ->> 'recordedAt' as since
      from claim_delivery d
      join log_entry e on e.log_id = ${logAt(sql, sql`d.last_index`)} and e.leaf_index = ${indexAt(sql, sql`d.last_index`)}
     where d.log_id = ${logId}::smallint and d.status = 'deadLetter' and d.leaf_index > ${after}
     order by d.leaf_index limit ${max}`
  return rows.map(({ leaf_index: place, ...row }) => ({ ...row, place }))
}

/**
 * A dead letter waits again. `superseded`: a later version of its visit was or may have been sent, and this one would take it
 * back; `notDead`: there is none. Later versions are locked, and made due a moment later: whoever is just taking one finds
 * it changed, and looks again.
 */
export async function retryDeadLetter(
  sql: Sql,
  logId: number,
  row: PendingRow,
  place: number,
  now: Date,
): Promise<'done' | 'superseded' | 'notDead'> {
  const act: Fragment = sql`dead as materialized (
      select d.visit_key, d.share, d.version from claim_delivery d
       where d.log_id = ${logId}::smallint and d.leaf_index = ${place} and d.status = 'deadLetter' for update
    ), later as materialized (
      select l.attempts, l.lease_until, l.status from claim_delivery l join dead
          on l.visit_key = dead.visit_key and l.share = dead.share and l.version > dead.version
       where l.log_id = ${logId}::smallint and l.delivery = 'forward' for update of l
    ), act as materialized (
      select case when not exists (select from dead) then 'notDead'
                  when exists (select from later where attempts > 0 or lease_until is not null
                                                    or status not in ('recorded', 'held', 'withdrawn')) then 'superseded'
                  else 'done' end as result
    )`
  const then: Fragment = sql`, waits as (
      update claim_delivery d
         set status = 'held', last_index = deed.place, transitions = d.transitions || to_jsonb(deed.place),
             strikes = 0, next_attempt_at = ${now.toISOString()}::timestamptz
        from deed where d.log_id = ${logId}::smallint and d.leaf_index = ${place}
    ), aside as (
      update claim_delivery l set next_attempt_at = ${now.toISOString()}::timestamptz + interval '1 second'
        from deed, dead
       where l.log_id = ${logId}::smallint and l.visit_key = dead.visit_key and l.share = dead.share
         and l.version > dead.version and l.delivery = 'forward' and l.status <> 'withdrawn'
    )`
  const { result } = await appendWithAct(sql, row, act, then)
  return result === 'done' || result === 'superseded' ? result : 'notDead'
}
