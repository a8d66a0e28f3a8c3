import type { Sql } from './connect.ts'

/**
 * Deleted rows leave their bytes behind: in the free room of their pages, and in the write-ahead log, whose files
 * PostgreSQL renames and writes over instead of removing them. This takes both away, as a superuser.
 *
 * `vacuum full` writes the table anew and locks it meanwhile: nothing can be recorded. So it is for a quiet hour.
 */
export async function rewriteDetails(sql: Sql): Promise<void> {
  await sql`vacuum (full, analyze) entry_detail`
  await sql`vacuum (full, analyze) claim_dossier`
}

/** Bytes that `rewriteDetails` reads, indexes left out: for who wants to know how long it will take. */
export async function detailBytes(sql: Sql): Promise<number> {
  const [row] = await sql<{ bytes: number }[]>`
    select (pg_table_size('entry_detail') + pg_table_size('claim_dossier'))::bigint as bytes`
  return row?.bytes ?? 0
}

/** A segment has 16 MiB; PostgreSQL keeps `max_wal_size` of them ready at the most, 1 GB unless it is set higher. */
const SWITCHES_MAX = 1_000
/** The setting is taken up within milliseconds, an archive within seconds: 20 times half a second are ten. */
const CHECKPOINTS_MAX = 20
const BETWEEN_SECONDS = 0.5

/**
 * Every file of the write-ahead log that was written before. Files that stand ready still hold what they were written
 * with the last time: each is begun, so that it too is an old one, and old ones are removed instead of renamed. False:
 * some could not be removed, for a standby, an archive or a backup still wants them.
 */
export async function dropOldWal(sql: Sql): Promise<boolean> {
  await sql`alter system set wal_recycle = off`
  try {
    await sql`select pg_reload_conf()`
    for (let n = 0; n < SWITCHES_MAX; n++) {
      await sql`select pg_switch_wal(), pg_logical_emit_message(false, 'kiemthe', 'scrub')`
      if ((await countSegments(sql)).ready === 0) break
    }
    // no more files from here on: a file stays until a checkpoint finds that it is behind and the archive has it
    for (let n = 0; n < CHECKPOINTS_MAX; n++) {
      await sql`checkpoint`
      const { old, ready } = await countSegments(sql)
      if (old === 0 && ready === 0) return true
      await sql`select pg_sleep(${BETWEEN_SECONDS})`
    }
    return false
  } finally {
    await sql`alter system reset wal_recycle`
    await sql`select pg_reload_conf()`
  }
}

/** Files before the one that a restart would begin with, and after the one that is written. */
async function countSegments(sql: Sql): Promise<{ readonly old: number; readonly ready: number }> {
  const [row] = await sql<{ old: number; ready: number }[]>`
    select count(*) filter (where right(name, 16) < right(pg_walfile_name(redo_lsn), 16))::int as old,
           count(*) filter (where right(name, 16) > right(pg_walfile_name(pg_current_wal_lsn()), 16))::int as ready
      from pg_ls_waldir(), pg_control_checkpoint() where name ~ '^[0-9A-F]{24}$'`
  return row ?? { old: 0, ready: 0 }
}
