import type { Sql } from '../../db/connect.ts'
import { HASH_BYTES } from '../merkle.ts'
import type { Tile } from '../tile.ts'
import type { FsckDetail, FsckEnd, FsckPage, FsckSource } from './source.ts'

/** No body holds one: control characters are escaped in JSON. */
const SEPARATOR = '\u001f'
/** Entries past the head that are named: whatever put them there, there is one reason. */
const BEYOND_MAX = 1_000

/** The log in a database. `details`: whoever has the keys wants them too. Reads while others append: the head's size is the end. */
export async function databaseSource(sql: Sql, logId: number, details: boolean): Promise<FsckSource> {
  const end = await readEnd(sql, logId)
  return {
    end,
    page: async (from, to) => {
      // one after the other on one connection: an erasure in between takes details, and its entry lies beyond the end
      const [entries, found] = await Promise.all([
        readPage(sql, logId, from, to),
        details ? readDetails(sql, logId, from, to) : null,
      ])
      return { ...entries, details: found }
    },
    tiles: (tiles) => readTiles(sql, logId, tiles),
  }
}

async function readEnd(sql: Sql, logId: number): Promise<FsckEnd> {
  const [row] = await sql<
    {
      origin: string
      size: number
      tree: number | null
      note: string | null
      beyond: string | null
      lone: string | null
    }[]
  >`
    select h.origin, h.size, t.size as tree, c.note,
           (select string_agg(leaf_index::text, ',' order by leaf_index) from (
              select leaf_index from log_entry e where e.log_id = h.log_id and (leaf_index >= h.size or leaf_index < 0)
               order by leaf_index limit ${BEYOND_MAX}) as b) as beyond,
           (select string_agg(leaf_index::text, ',' order by leaf_index) from (
              select leaf_index from entry_detail d where d.log_id = h.log_id and not exists (
                select from log_entry e where e.log_id = d.log_id and e.leaf_index = d.leaf_index)
               order by leaf_index limit ${BEYOND_MAX}) as d) as lone
      from log_head h left join log_tree t using (log_id) left join log_checkpoint c using (log_id)
     where h.log_id = ${logId}::smallint`
  if (row === undefined) throw new Error('the log has no head')
  const numbers = (text: string | null) => text?.split(',').map(Number) ?? []
  return {
    origin: row.origin,
    size: row.size,
    treeSize: row.tree ?? 0,
    checkpoint: row.note,
    beyond: numbers(row.beyond),
    detailsOfNothing: numbers(row.lone),
  }
}

/** One row, whatever the page: the driver takes about a microsecond a column and row. */
async function readPage(sql: Sql, logId: number, from: number, to: number): Promise<Omit<FsckPage, 'details'>> {
  const [row] = await sql<{ count: number; indexes: string | null; bodies: string | null; hashes: string | null }[]>`
    select count(*)::int as count, string_agg(body, ${SEPARATOR} order by leaf_index) as bodies,
           string_agg(encode(leaf_hash, 'hex'), '' order by leaf_index) as hashes,
           case when count(*) < ${to - from}::int then string_agg(leaf_index::text, ',' order by leaf_index) end as indexes
      from log_entry
     where log_id = ${logId}::smallint and leaf_index >= ${from}::bigint and leaf_index < ${to}::bigint`
  const bodies = row?.bodies?.split(SEPARATOR) ?? []
  const leafHashes = Buffer.from(row?.hashes ?? '', 'hex')
  // a hash of another length, or a body with a control character in it, would move all that follow
  if (bodies.length === row?.count && leafHashes.length === bodies.length * HASH_BYTES) {
    return {
      bodies,
      leafHashes,
      indexes: bodies.length === to - from ? null : (row.indexes?.split(',').map(Number) ?? []),
    }
  }
  const rows = await sql<{ leaf_index: number; body: string; leaf_hash: Uint8Array }[]>`
    select leaf_index, body, leaf_hash from log_entry
     where log_id = ${logId}::smallint and leaf_index >= ${from}::bigint and leaf_index < ${to}::bigint order by leaf_index`
  return {
    indexes: rows.map((each) => each.leaf_index),
    bodies: rows.map((each) => each.body),
    leafHashes: Buffer.concat(
      rows.map((each) => Buffer.concat([each.leaf_hash, Buffer.alloc(HASH_BYTES)], HASH_BYTES)),
    ),
  }
}

async function readDetails(sql: Sql, logId: number, from: number, to: number): Promise<Map<number, FsckDetail>> {
  const [row] = await sql<{ details: string | null }[]>`
    select string_agg(concat_ws(',', leaf_index, coalesce(replace(subject::text, '-', ''), ''), encode(salt, 'hex'),
                                encode(sealed, 'hex')), ';') as details
      from entry_detail
     where log_id = ${logId}::smallint and leaf_index >= ${from}::bigint and leaf_index < ${to}::bigint`
  const details = new Map<number, FsckDetail>()
  for (const text of row?.details?.split(';') ?? []) {
    const [index = '', subject = '', salt = '', sealed = ''] = text.split(',')
    details.set(Number(index), { subject, salt: Buffer.from(salt, 'hex'), sealed: Buffer.from(sealed, 'hex') })
  }
  return details
}

async function readTiles(sql: Sql, logId: number, tiles: readonly Tile[]): Promise<(Uint8Array | null)[]> {
  const column = (name: keyof Tile) => tiles.map((tile) => tile[name]).join(',')
  const rows = await sql<{ hashes: Uint8Array | null }[]>`
    select substring(t.hashes for n.width * ${HASH_BYTES}::int) as hashes
      from unnest(string_to_array(${column('level')}, ',')::smallint[], string_to_array(${column('index')}, ',')::bigint[],
                  string_to_array(${column('width')}, ',')::int[]) with ordinality as n(level, index, width, place)
      left join log_tile t on t.log_id = ${logId}::smallint and t.level = n.level and t.tile_index = n.index
     order by n.place`
  return tiles.map(({ width }, place) => {
    const hashes = rows[place]?.hashes ?? null
    return hashes?.length === width * HASH_BYTES ? hashes : null
  })
}
