import type { Sql } from './connect.ts'
import { FIRST_LOG, indexAt, logAt } from './place.ts'

export interface DatabaseState {
  /** The log's head is there and this role may append to it. */
  readonly logWritable: boolean
  /** When our copy of the insurer's records was true; null when nothing was loaded. */
  readonly copyAsOf: string | null
  /** The same of the catalogue of facilities. */
  readonly catalogueAsOf: string | null
  readonly quarantined: number
  /** A batch of the feed was met behind a gap, or was refused, and the copy has not passed it since. */
  readonly feedGap: boolean
  readonly feedRefused: boolean
  /** When the oldest entry was recorded that no checkpoint holds yet; null: all are published. */
  readonly unpublishedSince: string | null
  /** The same of checkpoints with all the cosignatures that are wanted; null where none are. */
  readonly uncosignedSince: string | null
  /** When the oldest claim share was recorded that waits to be sent to the insurer; null: none does. */
  readonly claimsWaitSince: string | null
  /** When the oldest entry was recorded that auditors cannot search yet; null: they can search all. */
  readonly unprojectedSince: string | null
  /** Claim shares that were given up, 1,000 at the most. */
  readonly claimsGivenUp: number
  readonly standby: boolean
}

/** This host must not use that database: the operator was told why. */
export class DatabaseUnfit extends Error {
  override readonly name = 'DatabaseUnfit'
}

/** One cheap statement, about the log in force: readiness is asked every few seconds by every balancer. */
export async function readState(sql: Sql): Promise<DatabaseState> {
  const rows = await sql<StateRow[]>`
    select exists (select from log_head)
             and has_table_privilege('log_entry', 'INSERT') and has_table_privilege('entry_detail', 'INSERT') as writable,
           (select as_of from feed_watermark where feed = 'vss') as as_of,
           (select as_of from feed_watermark where feed = 'vss-facilities') as catalogue,
           exists (select from feed_watermark where held_sequence > sequence) as gap,
           exists (select from feed_watermark where refused_sequence > sequence) as refused,
           (select count(*)::int from (select from quarantine where not resolved limit 1000) q) as quarantined,
           (select e.body::json ->> 'recordedAt'
              from log_head left join log_checkpoint c using (log_id)
              join log_entry e on e.log_id = log_head.log_id and e.leaf_index = coalesce(c.size, 0)
             where log_head.log_id = (select max(log_id) from log_head)) as unpublished,
           (select e.body::json ->> 'recordedAt'
              from log_checkpoint c join log_entry e on e.log_id = c.log_id and e.leaf_index = c.cosigned_size
             where c.log_id = (select max(log_id) from log_head)) as uncosigned,
           (select e.body::json ->> 'recordedAt'
              from (select leaf_index as place from claim_delivery
                     where log_id = ${FIRST_LOG}::smallint and next_attempt_at is not null
                     order by leaf_index limit 1) d
              join log_entry e on e.log_id = ${logAt(sql, sql`d.place`)} and e.leaf_index = ${indexAt(sql, sql`d.place`)}) as claims_wait,
           (select e.body::json ->> 'recordedAt'
              from (select coalesce((select next_index from audit_projection
                                      where log_id = ${FIRST_LOG}::smallint and state = 'serving'), 0) as place) p
              join log_entry e on e.log_id = ${logAt(sql, sql`p.place`)} and e.leaf_index = ${indexAt(sql, sql`p.place`)}) as unprojected,
           (select count(*)::int from (select from claim_delivery
             where log_id = ${FIRST_LOG}::smallint and status = 'deadLetter' limit 1000) d) as claims_given_up,
           pg_is_in_recovery() as standby`
  const row = rows[0]
  if (row === undefined) throw new Error('one row was asked for')
  const { writable, as_of, catalogue, quarantined, gap, refused, unpublished, uncosigned, standby } = row
  const { claims_wait: claimsWaitSince, claims_given_up: claimsGivenUp, unprojected: unprojectedSince } = row
  return {
    logWritable: writable,
    copyAsOf: as_of,
    catalogueAsOf: catalogue,
    quarantined,
    feedGap: gap,
    feedRefused: refused,
    unpublishedSince: unpublished,
    uncosignedSince: uncosigned,
    claimsWaitSince,
    unprojectedSince,
    claimsGivenUp,
    standby,
  }
}

interface StateRow {
  writable: boolean
  as_of: string | null
  catalogue: string | null
  quarantined: number
  gap: boolean
  refused: boolean
  unpublished: string | null
  uncosigned: string | null
  claims_wait: string | null
  claims_given_up: number
  unprojected: string | null
  standby: boolean
}

/**
 * Why times would be read wrongly on this session; null when they are written as `instantText` reads them. A summer and
 * a winter day: London would pass one of them.
 */
export async function oddSession(sql: Sql): Promise<string | null> {
  const [row] = await sql<{ winter: string; summer: string; zone: string; style: string }[]>`
    select '2026-01-31 00:00:00+00'::timestamptz::text as winter, '2026-07-31 00:00:00+00'::timestamptz::text as summer,
           current_setting('TimeZone') as zone, current_setting('DateStyle') as style`
  if (row?.winter === '2026-01-31 00:00:00+00' && row.summer === '2026-07-31 00:00:00+00') return null
  return `TimeZone ${row?.zone} and DateStyle ${row?.style}`
}

/** Whether this role may move the watermark: who may not would fail at each batch. */
export async function mayBringIn(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ may: boolean }[]>`
    select has_column_privilege('feed_watermark', 'sequence', 'UPDATE') and has_table_privilege('coverage', 'INSERT') as may`
  return row?.may === true
}

/**
 * Why this role must not serve: what it could do to the log. Empty when the law holds. Covers superusers, owners (of the
 * tables, and of the schema and the database, who may drop what others own in them), rights on single columns, and
 * every role it could become: `MEMBER` counts those that are not inherited, SET ROLE would do.
 */
export async function powersOverTheLog(sql: Sql): Promise<string[]> {
  const rows = await sql<{ power: string }[]>`
    with become as materialized (
      select oid as role from pg_roles where pg_has_role(oid, 'MEMBER')
    )
    select format('%s on %s', power, name) as power
      from become, (values ('log_entry'), ('entry_detail'), ('log_head')) as t(name),
           (values ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER')) as p(power)
     where has_table_privilege(role, name, power)
    union
    select format('UPDATE of %s of %s', attname, relname)
      from become, pg_class c join pg_attribute a on attrelid = c.oid and attnum > 0 and not attisdropped
     where c.oid in ('log_entry'::regclass, 'entry_detail'::regclass, 'log_head'::regclass)
       and not (relname = 'log_head' and attname = 'size') -- that is how the log grows
       and not has_table_privilege(role, c.oid, 'UPDATE') and has_column_privilege(role, c.oid, attnum, 'UPDATE')
    union
    select format('may become %s, the owner of %s', pg_get_userbyid(relowner), relname)
      from pg_class
     where oid in ('log_entry'::regclass, 'entry_detail'::regclass, 'log_head'::regclass)
       and pg_has_role(relowner, 'MEMBER')
    union
    select format('may become %s, the owner of the schema', pg_get_userbyid(nspowner))
      from pg_class c join pg_namespace n on n.oid = relnamespace
     where c.oid = 'log_entry'::regclass and pg_has_role(nspowner, 'MEMBER')
    union
    select format('may become %s, the owner of the database', pg_get_userbyid(datdba))
      from pg_database where datname = current_database() and pg_has_role(datdba, 'MEMBER')
    union
    select 'superuser' from pg_roles where rolname = current_user and rolsuper
    order by power`
  return rows.map((row) => row.power)
}
