import type { Sql } from '../../db/connect.ts'
import { HASH_BYTES } from '../merkle.ts'
import type { Tile } from '../tile.ts'
import { TileMissing } from './prove.ts'

/** Tiles at the widths asked for: what a tile held at a smaller tree is its beginning. One statement for all of them. */
export async function readTiles(sql: Sql, logId: number, tiles: readonly Tile[]): Promise<Uint8Array<ArrayBuffer>[]> {
  if (tiles.length === 0) return []
  const column = (name: keyof Tile) => tiles.map((tile) => tile[name]).join(',')
  const rows = await sql<{ hashes: Uint8Array<ArrayBuffer> | null }[]>`
    select substring(t.hashes for n.width * ${HASH_BYTES}::int) as hashes
      from unnest(string_to_array(${column('level')}, ',')::smallint[], string_to_array(${column('index')}, ',')::bigint[],
                  string_to_array(${column('width')}, ',')::int[]) with ordinality as n(level, index, width, place)
      left join log_tile t on t.log_id = ${logId}::smallint and t.level = n.level and t.tile_index = n.index
     order by n.place`
  return tiles.map((tile, place) => {
    const hashes = rows[place]?.hashes
    if (hashes?.length !== tile.width * HASH_BYTES) throw new TileMissing(`level ${tile.level}, tile ${tile.index}`)
    return hashes
  })
}

export interface Published {
  readonly origin: string
  readonly note: string | null
  /** The log that came after it: then it is published no further. */
  readonly successor: number | null
}

/** The log's published state; null: there is no such log. */
export async function readPublished(sql: Sql, logId: number): Promise<Published | null> {
  const [row] = await sql<Published[]>`
    select origin, note, (select min(log_id) from log_head n where n.log_id > h.log_id) as successor
      from log_head h left join log_checkpoint using (log_id) where log_id = ${logId}::smallint`
  return row ?? null
}

export interface LogKeys {
  readonly logId: number
  readonly origin: string
  /** Oldest first: the last one signs. */
  readonly keys: readonly { readonly verifier: string; readonly usedSince: string }[]
}

/** Every log with the keys that signed for it. */
export async function readLogKeys(sql: Sql): Promise<LogKeys[]> {
  const rows = await sql<{ log_id: number; origin: string; verifier: string | null; used_since: string | null }[]>`
    select log_id, origin, verifier, used_since from log_head left join log_key using (log_id)
     order by log_id, used_since, key_id`
  const logs = new Map<number, { origin: string; keys: { verifier: string; usedSince: string }[] }>()
  for (const { log_id: logId, origin, verifier, used_since: usedSince } of rows) {
    const log = logs.get(logId) ?? { origin, keys: [] }
    if (verifier !== null && usedSince !== null) log.keys.push({ verifier, usedSince })
    logs.set(logId, log)
  }
  return [...logs].map(([logId, log]) => ({ logId, ...log }))
}
