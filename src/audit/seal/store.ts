import type { Sql } from '../../db/connect.ts'
import type { GrownTile } from '../tree/grow.ts'

export interface SealState {
  readonly origin: string
  /** Entries that are committed. */
  readonly headSize: number
  /** Entries that are in tiles. */
  readonly treeSize: number
  readonly published: { readonly size: number; readonly note: string } | null
  /** Verifier keys that have signed for this log. */
  readonly keys: readonly string[]
  /** It has no successor. */
  readonly isInForce: boolean
  /** Of the logs before it. */
  readonly formerOrigins: readonly string[]
}

/** One statement, so one moment: the tree is not ahead of its log by a race. */
export async function readSealState(sql: Sql, logId: number): Promise<SealState> {
  const [row] = await sql<
    {
      origin: string
      head: number
      tree: number
      size: number | null
      note: string | null
      keys: string | null
      in_force: boolean
      former: string | null
    }[]
  >`
    select h.origin, h.size as head, t.size as tree, c.size, c.note,
           (select string_agg(verifier, ' ') from log_key k where k.log_id = h.log_id) as keys,
           not exists (select from log_head l where l.log_id > h.log_id) as in_force,
           (select string_agg(origin, ' ') from log_head l where l.log_id < h.log_id) as former
      from log_head h join log_tree t using (log_id) left join log_checkpoint c using (log_id)
     where log_id = ${logId}::smallint`
  if (row === undefined) throw new Error('the log has no head, or no tree')
  return {
    origin: row.origin,
    headSize: row.head,
    treeSize: row.tree,
    published: row.size === null || row.note === null ? null : { size: row.size, note: row.note },
    keys: row.keys?.split(' ') ?? [],
    isInForce: row.in_force,
    formerOrigins: row.former?.split(' ') ?? [],
  }
}

/** Columns of as many entries as there are, in the order of the index. */
export interface LoggedEntries {
  readonly indexes: readonly number[]
  readonly bodies: readonly string[]
  /** Base64. */
  readonly leafHashes: readonly string[]
}

/** A body is JSON: control characters are escaped in it. One that has this all the same makes the columns unequal. */
const BODY_SEPARATOR = '\u001f'

/** One row, a text a column, whatever the batch: thousands of rows cost the driver more than their hashes. */
export async function readEntries(sql: Sql, logId: number, from: number, to: number): Promise<LoggedEntries> {
  const [row] = await sql<{ indexes: string | null; bodies: string | null; hashes: string | null }[]>`
    select string_agg(leaf_index::text, ',' order by leaf_index) as indexes,
           string_agg(body, ${BODY_SEPARATOR} order by leaf_index) as bodies,
           string_agg(encode(leaf_hash, 'base64'), ',' order by leaf_index) as hashes
      from log_entry
     where log_id = ${logId}::smallint and leaf_index >= ${from}::bigint and leaf_index < ${to}::bigint`
  return {
    indexes: row?.indexes?.split(',').map(Number) ?? [],
    bodies: row?.bodies?.split(BODY_SEPARATOR) ?? [],
    leafHashes: row?.hashes?.split(',') ?? [],
  }
}

/**
 * Integrates: the tiles and the new size, both or neither, and only while the tree has the size they were made for. False:
 * another sealer was first. A crash leaves the tree as it was.
 */
export async function moveTree(
  sql: Sql,
  logId: number,
  move: { readonly from: number; readonly to: number; readonly tiles: readonly GrownTile[] },
): Promise<boolean> {
  const column = (of: (tile: GrownTile) => number | string) => move.tiles.map(of).join(',')
  const moved = await sql`
    with moved as (
      update log_tree set size = ${move.to}::bigint
       where log_id = ${logId}::smallint and size = ${move.from}::bigint
      returning log_id
    ), written as (
      insert into log_tile (log_id, level, tile_index, hashes)
      select moved.log_id, n.level, n.index, decode(n.hashes, 'base64')
        from moved, unnest(
          string_to_array(${column((tile) => tile.level)}, ',')::smallint[],
          string_to_array(${column((tile) => tile.index)}, ',')::bigint[],
          string_to_array(${column((tile) => tile.hashes.toString('base64'))}, ',')
        ) as n(level, index, hashes)
      on conflict (log_id, level, tile_index) do update set hashes = excluded.hashes
    )
    select from moved`
  return moved.count === 1
}

/**
 * Publishes: one statement, only while the former checkpoint still stands. False: another sealer was first. Beside it
 * stands the size of the last one that had all cosignatures wanted; null while none are.
 */
export async function replaceCheckpoint(
  sql: Sql,
  logId: number,
  former: string | null,
  next: { readonly size: number; readonly note: string; readonly isCosigned: boolean | null },
): Promise<boolean> {
  const cosigned = next.isCosigned === true ? next.size : 0
  const replaced =
    former === null
      ? await sql`
        insert into log_checkpoint (log_id, size, note, cosigned_size)
        select ${logId}::smallint, ${next.size}::bigint, ${next.note},
               case when ${next.isCosigned !== null}::boolean then ${cosigned}::bigint end
        on conflict (log_id) do nothing`
      : await sql`
        update log_checkpoint set size = ${next.size}::bigint, note = ${next.note}, published_at = now(),
               cosigned_size = case when ${next.isCosigned !== null}::boolean
                                    then greatest(cosigned_size, ${cosigned}::bigint) end
         where log_id = ${logId}::smallint and note = ${former} and size <= ${next.size}::bigint`
  return replaced.count === 1
}

/** The log that is sealed: the newest. */
export async function readLogInForce(sql: Sql): Promise<{ readonly logId: number; readonly origin: string }> {
  const [row] = await sql<{ log_id: number; origin: string }[]>`
    select log_id, origin from log_head order by log_id desc limit 1`
  if (row === undefined) throw new Error('there is no log')
  return { logId: row.log_id, origin: row.origin }
}

/** A key that is known stays as it is. */
export async function saveLogKey(sql: Sql, logId: number, keyId: string, verifier: string): Promise<void> {
  await sql`
    insert into log_key (log_id, key_id, verifier) values (${logId}::smallint, ${keyId}, ${verifier})
    on conflict (log_id, key_id) do nothing`
}
