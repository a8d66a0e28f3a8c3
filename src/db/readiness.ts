import type { Sql } from './connect.ts'

export interface DatabaseState {
  /** The log's head is there and this role may append to it. */
  readonly logWritable: boolean
  /** When our copy of the insurer's records was true; null when nothing was loaded. */
  readonly copyAsOf: string | null
  readonly quarantined: number
  readonly standby: boolean
}

/** One cheap statement: readiness is asked every few seconds by every balancer. */
export async function readState(sql: Sql, logId: number): Promise<DatabaseState> {
  const rows = await sql<{ writable: boolean; as_of: string | null; quarantined: number; standby: boolean }[]>`
    select exists (select from log_head where log_id = ${logId}::smallint)
             and has_table_privilege('log_entry', 'INSERT') and has_table_privilege('entry_detail', 'INSERT') as writable,
           (select as_of from feed_watermark where feed = 'vss') as as_of,
           (select count(*)::int from (select from quarantine where not resolved limit 1000) q) as quarantined,
           pg_is_in_recovery() as standby`
  const row = rows[0]
  if (row === undefined) throw new Error('one row was asked for')
  return { logWritable: row.writable, copyAsOf: row.as_of, quarantined: row.quarantined, standby: row.standby }
}

/**
 * Why this role must not serve: what it could do to the log. Empty when the law holds. Covers superusers, owners,
 * inherited and assumable roles (`MEMBER`: SET ROLE would do), and rights on single columns.
 */
export async function powersOverTheLog(sql: Sql): Promise<string[]> {
  const rows = await sql<{ power: string }[]>`
    select format('%s on %s', power, name) as power
      from (values ('log_entry'), ('entry_detail')) as t(name),
           (values ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER')) as p(power)
     where has_table_privilege(name, power)
    union all
    select format('UPDATE of a column of %s', name)
      from (values ('log_entry'), ('entry_detail')) as t(name)
     where not has_table_privilege(name, 'UPDATE') and has_any_column_privilege(name, 'UPDATE')
    union all
    select format('may become %s, the owner of %s', pg_get_userbyid(relowner), relname)
      from pg_class
     where oid in ('log_entry'::regclass, 'entry_detail'::regclass, 'log_head'::regclass)
       and pg_has_role(relowner, 'MEMBER')
    union all
    select 'superuser' from pg_roles where rolname = current_user and rolsuper`
  return rows.map((row) => row.power)
}
