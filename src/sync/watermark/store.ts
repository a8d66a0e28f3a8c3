import { readInstant, type Sql } from '../../db/connect.ts'

/** How far our copy of a feed reaches. */
export interface FeedState {
  readonly sequence: number
  readonly asOf: Date
  readonly loadedAt: Date
  readonly rows: number
}

/** Whether rows may still be named under this generation of the lookup key: false once a rotation renames people. */
export async function isNamedUnder(sql: Sql, feed: string, generation: number): Promise<boolean> {
  const [row] = await sql<{ named: boolean }[]>`
    select coalesce(lookup_generation, 1) <= ${generation}::smallint as named from feed_watermark where feed = ${feed}`
  return row?.named === true
}

/** A batch after a gap was met: until the watermark passes it, the copy is known to lack something. */
export async function noteHeld(sql: Sql, feed: string, sequence: number): Promise<void> {
  await sql`
    update feed_watermark set held_sequence = ${sequence}::bigint
     where feed = ${feed} and coalesce(held_sequence, 0) < ${sequence}::bigint`
}

/** A batch that is there could not be taken: as long as the watermark is below it, the copy lacks it. */
export async function noteRefused(sql: Sql, feed: string, sequence: number): Promise<void> {
  await sql`
    update feed_watermark set refused_sequence = ${sequence}::bigint
     where feed = ${feed} and coalesce(refused_sequence, 0) < ${sequence}::bigint`
}

export async function readFeedState(sql: Sql, feed: string): Promise<FeedState | null> {
  const [row] = await sql<{ sequence: number; as_of: string; loaded_at: string; rows: number }[]>`
    select sequence, as_of, loaded_at, rows from feed_watermark where feed = ${feed}`
  if (row === undefined) return null
  return { sequence: row.sequence, asOf: readInstant(row.as_of), loadedAt: readInstant(row.loaded_at), rows: row.rows }
}

/** One state that the copy was in. Its instant stays PostgreSQL's own text: a `Date` would cut it to milliseconds. */
export interface AppliedBatch {
  readonly appliedAt: string
  readonly sequence: number
  readonly kind: 'full' | 'delta' | 'rollback'
  readonly digest: string | null
  readonly rows: number
  readonly opened: number
  readonly closed: number
  readonly quarantined: number
  readonly backTo: string | null
}

/** All of them, the first one first: one a day and batch. */
export async function readBatches(sql: Sql, feed: string): Promise<AppliedBatch[]> {
  const rows = await sql<Row[]>`
    select applied_at, sequence, kind, digest, rows, opened, closed, quarantined, back_to
      from feed_batch where feed = ${feed} order by applied_at`
  return rows.map(batchOf)
}

/** What was applied last under that number. */
export async function findBatch(sql: Sql, feed: string, sequence: number): Promise<AppliedBatch | null> {
  const [row] = await sql<Row[]>`
    select applied_at, sequence, kind, digest, rows, opened, closed, quarantined, back_to
      from feed_batch where feed = ${feed} and sequence = ${sequence} and kind <> 'rollback'
     order by applied_at desc limit 1`
  return row === undefined ? null : batchOf(row)
}

interface Row {
  applied_at: string
  sequence: number
  kind: AppliedBatch['kind']
  digest: string | null
  rows: number
  opened: number
  closed: number
  quarantined: number
  back_to: string | null
}

function batchOf(row: Row): AppliedBatch {
  const { applied_at: appliedAt, back_to: backTo, ...rest } = row
  return { appliedAt, backTo, ...rest }
}

export interface FeedStatus extends FeedState {
  readonly feed: string
  /** Rows in quarantine, 100,000 at the most are counted. */
  readonly quarantined: number
  /** Sequences in the inbox, in order. */
  readonly waiting: readonly number[]
  /** Highest numbers that were met behind a gap, and that were refused; null: never. At or below `sequence` they are over. */
  readonly held: number | null
  readonly refused: number | null
}

export async function feedStatus(sql: Sql): Promise<FeedStatus[]> {
  const rows = await sql<
    {
      feed: string
      sequence: number
      as_of: string
      loaded_at: string
      rows: number
      quarantined: number
      waiting: string | null
      held: number | null
      refused: number | null
    }[]
  >`
    select feed, sequence, as_of, loaded_at, rows, held_sequence as held, refused_sequence as refused,
           (select count(*) from (select from quarantine q
                                   where q.feed = w.feed and not resolved limit 100000) q) as quarantined,
           (select string_agg(i.sequence::text, ',' order by i.sequence) from feed_inbox i where i.feed = w.feed) as waiting
      from feed_watermark w order by feed`
  return rows.map((row) => ({
    feed: row.feed,
    sequence: row.sequence,
    asOf: readInstant(row.as_of),
    loadedAt: readInstant(row.loaded_at),
    rows: row.rows,
    quarantined: row.quarantined,
    waiting: row.waiting?.split(',').map(Number) ?? [],
    held: row.held,
    refused: row.refused,
  }))
}
