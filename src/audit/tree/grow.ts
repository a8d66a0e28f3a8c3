import { HASH_BYTES, rootOf } from '../merkle.ts'
import { TILE_WIDTH, type Tile, tileWidth } from '../tile.ts'

/** A tile as it is after the tree grew, from its first hash on. */
export interface GrownTile {
  readonly level: number
  readonly index: number
  readonly hashes: Buffer
}

/** The tiles that a tree of that size has begun and not filled: at most one a level. The next leaves go on there. */
export function begunTiles(size: number): Tile[] {
  const tiles: Tile[] = []
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    const index = Math.floor(size / TILE_WIDTH ** (level + 1))
    const width = tileWidth(level, index, size)
    if (width > 0) tiles.push({ level, index, width })
  }
  return tiles
}

/** All tiles that change when these leaves follow a tree of that size. `begun`: what its begun tiles hold, by level. */
export function grow(
  size: number,
  begun: ReadonlyMap<number, Uint8Array>,
  leafHashes: readonly Uint8Array[],
): GrownTile[] {
  const tiles: GrownTile[] = []
  let added = leafHashes
  for (let level = 0; added.length > 0; level++) {
    const there = Math.floor(size / TILE_WIDTH ** level) // hashes of this level before
    const row = [...split(begun.get(level), there % TILE_WIDTH), ...added]
    const above: Uint8Array[] = []
    for (let first = 0; first < row.length; first += TILE_WIDTH) {
      const hashes = row.slice(first, first + TILE_WIDTH)
      const index = Math.floor((there + first) / TILE_WIDTH)
      tiles.push({ level, index, hashes: Buffer.concat(hashes) })
      if (hashes.length === TILE_WIDTH) above.push(rootOf(hashes))
    }
    added = above
  }
  return tiles
}

function split(hashes: Uint8Array | undefined, width: number): Uint8Array[] {
  if ((hashes?.length ?? 0) !== width * HASH_BYTES) throw new RangeError('a begun tile of another width')
  return Array.from({ length: width }, (_, i) => (hashes ?? EMPTY).subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))
}

const EMPTY = new Uint8Array()
