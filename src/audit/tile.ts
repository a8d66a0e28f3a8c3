import { HASH_BYTES, hashNode, type Subtree } from './merkle.ts'

/**
 * Tiles of C2SP tlog-tiles: hash tile `index` of level `level` holds the hashes of up to 256 subtrees of `256^level`
 * leaves each, from subtree `index · 256` on. What a tile holds never changes, it only grows: a narrower tile is the
 * beginning of a wider one.
 */
export const TILE_HEIGHT = 8
export const TILE_WIDTH = 256
export const TILE_BYTES: number = TILE_WIDTH * HASH_BYTES

export interface Tile {
  readonly level: number
  readonly index: number
  /** How many hashes: 1 to 256. Below 256 it is a partial tile. */
  readonly width: number
}

/** Who serves no more than 2^53 leaves has no tile above level 6 (256^7 = 2^56). */
const LEVEL_MAX = 63

/** How many hashes of a tile a tree of that size has: 0 where there is no such tile. */
export function tileWidth(level: number, index: number, size: number): number {
  const subtrees = Math.floor(size / TILE_WIDTH ** level)
  return Math.max(0, Math.min(TILE_WIDTH, subtrees - index * TILE_WIDTH))
}

/** The tile that a subtree's hash is made from, at the width that a tree of that size has. */
export function tileOf(subtree: Subtree, size: number): Tile {
  const level = Math.floor(subtree.level / TILE_HEIGHT)
  const index = Math.floor((subtree.index * 2 ** (subtree.level % TILE_HEIGHT)) / TILE_WIDTH)
  return { level, index, width: tileWidth(level, index, size) }
}

/** Each tile once. */
export function tilesOf(subtrees: readonly Subtree[], size: number): Tile[] {
  const tiles = new Map(
    subtrees.map((subtree) => {
      const tile = tileOf(subtree, size)
      return [`${tile.level}/${tile.index}`, tile]
    }),
  )
  return [...tiles.values()]
}

/** The hash of a subtree out of the bytes of its tile. */
export function hashInTile(subtree: Subtree, bytes: Uint8Array): Uint8Array {
  const count = 2 ** (subtree.level % TILE_HEIGHT) // how many hashes of the tile are below it
  const first = (subtree.index * count) % TILE_WIDTH
  if ((first + count) * HASH_BYTES > bytes.length) throw new RangeError('the tile is too narrow for that subtree')
  let row = Array.from({ length: count }, (_, i) => hashAt(bytes, first + i))
  while (row.length > 1) {
    row = Array.from({ length: row.length / 2 }, (_, i) => {
      const [left, right] = [row[2 * i], row[2 * i + 1]]
      if (left === undefined || right === undefined) throw new RangeError('a row of a complete subtree is even')
      return hashNode(left, right)
    })
  }
  const [root] = row
  if (root === undefined) throw new RangeError('a subtree has a leaf')
  return root
}

function hashAt(bytes: Uint8Array, place: number): Uint8Array {
  return bytes.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES)
}

/** `tile/<L>/<N>[.p/<W>]`, below the log's prefix: `tile/0/x001/x234/067.p/112`. */
export function tilePath(tile: Tile): string {
  const digits = String(tile.index)
  const elements = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? []
  const index = elements.map((each, i) => (i < elements.length - 1 ? `x${each}` : each)).join('/')
  return `tile/${tile.level}/${index}${tile.width < TILE_WIDTH ? `.p/${tile.width}` : ''}`
}

const PATH = /^tile\/(\d{1,2})\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/(\d{1,3}))?$/

/** Null for what `tilePath` does not write: each tile has one path. */
export function readTilePath(path: string): Tile | null {
  const match = PATH.exec(path)
  if (match === null) return null
  const [, level = '', index = '', width = String(TILE_WIDTH)] = match
  const tile = { level: Number(level), index: Number(index.replace(/[x/]/g, '')), width: Number(width) }
  return tile.level <= LEVEL_MAX && tile.width >= 1 && tilePath(tile) === path ? tile : null
}
