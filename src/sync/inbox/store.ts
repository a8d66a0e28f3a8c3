import { hex } from '../../audit/store.ts'
import type { Sql } from '../../db/connect.ts'

/**
 * Pushed deltas on their way from whoever serves to `kiemthe pull`. A data file is kept in parts, so that neither side
 * holds the whole of it; the row of `feed_inbox` comes last. What a kill leaves: parts that no row names, swept after an hour.
 */

export async function savePart(sql: Sql, upload: string, part: number, sealed: Buffer): Promise<void> {
  await sql`
    insert into feed_inbox_part (upload, part, sealed)
    values (${upload}::uuid, ${part}, decode(${sealed.toString('base64')}, 'base64'))`
}

export interface Waiting {
  readonly sequence: number
  readonly upload: string
  readonly manifest: string
  readonly digest: string
}

/** False: another file waits under that number already. */
export async function keep(sql: Sql, feed: string, batch: Waiting): Promise<boolean> {
  const kept = await sql`
    insert into feed_inbox (feed, sequence, upload, manifest, digest)
    values (${feed}, ${batch.sequence}, ${batch.upload}::uuid, ${batch.manifest}, ${batch.digest})
    on conflict do nothing returning 1`
  return kept.count === 1
}

/** In order; `manifest` and parts are read one by one. */
export async function listWaiting(
  sql: Sql,
  feed: string,
): Promise<{ readonly sequence: number; readonly digest: string }[]> {
  return sql<{ sequence: number; digest: string }[]>`
    select sequence, digest from feed_inbox where feed = ${feed} order by sequence`
}

export async function findWaiting(sql: Sql, feed: string, sequence: number): Promise<Waiting | null> {
  const [row] = await sql<{ sequence: number; upload: string; manifest: string; digest: string }[]>`
    select sequence, upload, manifest, digest from feed_inbox where feed = ${feed} and sequence = ${sequence}`
  return row === undefined ? null : { ...row, upload: hex(row.upload) }
}

/** Null after the last one. */
export async function readPart(sql: Sql, upload: string, part: number): Promise<Uint8Array | null> {
  const [row] = await sql<{ sealed: Uint8Array }[]>`
    select sealed from feed_inbox_part where upload = ${upload}::uuid and part = ${part}`
  return row?.sealed ?? null
}

/** Feeds that have something waiting. */
export async function feedsWaiting(sql: Sql): Promise<string[]> {
  const rows = await sql<{ feed: string }[]>`select distinct feed from feed_inbox`
  return rows.map((each) => each.feed)
}

/** With its parts, in one statement. */
export async function forget(sql: Sql, feed: string, sequence: number): Promise<void> {
  await sql`
    with gone as (delete from feed_inbox where feed = ${feed} and sequence = ${sequence} returning upload)
    delete from feed_inbox_part p using gone where p.upload = gone.upload`
}

export async function forgetUpload(sql: Sql, upload: string): Promise<void> {
  await sql`delete from feed_inbox_part where upload = ${upload}::uuid`
}

/** Parts of uploads that broke off. Returns how many. */
export async function sweepUploads(sql: Sql): Promise<number> {
  const gone = await sql`
    delete from feed_inbox_part p
     where received_at < now() - interval '1 hour' and not exists (select from feed_inbox i where i.upload = p.upload)`
  return gone.count
}
