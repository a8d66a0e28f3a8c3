import { HASH_BYTES, rootOf } from '../merkle.ts'
import { TILE_WIDTH, type Tile, tileWidth } from '../tile.ts'
import { begunTiles, grow } from '../tree/grow.ts'
import { rootAt } from '../tree/prove.ts'
import type { Finding } from './findings.ts'
import type { FsckSource } from './source.ts'

/** What an entry's hashes say: of its body, and of the column beside it. Null: the entry is not there. */
export interface Leaf {
  readonly computed: Buffer
  readonly stored: Uint8Array
}

/** The checkpoint that holds. */
export interface Published {
  readonly size: number
  readonly root: Uint8Array
}

export interface TreeCheck {
  /** The next leaves; all but the last call bring whole tiles (multiples of 256). */
  readonly see: (leaves: readonly (Leaf | null)[]) => Promise<void>
  /** The root of the first `size` leaves, of what was sealed where entries and tiles agree with what is above them. */
  readonly rootOfSealed: () => Promise<Buffer>
}

const ZERO = Buffer.alloc(HASH_BYTES)

/**
 * Holds entries against tiles, and tiles against one another. Where an entry and its tile differ, the hash above tells
 * which of the two was changed: the tile's parent was made of what was sealed. The last tile, which is not full, has no
 * parent: there the published root tells.
 */
export function checkTree(
  source: FsckSource,
  published: Published | null,
  found: (finding: Finding) => void,
): TreeCheck {
  const size = published?.size ?? 0
  const { treeSize } = source.end
  let seen = 0
  let begun = new Map<number, Uint8Array>()
  // the tiles that the root of `size` is made from: what they hold at a larger tree begins the same
  const edge = new Map<string, Uint8Array | null>(begunTiles(size).map((tile) => [`${tile.level}/${tile.index}`, null]))

  async function read(tiles: readonly Tile[]): Promise<Map<string, Uint8Array | null>> {
    const bytes = tiles.length === 0 ? [] : await source.tiles(tiles)
    return new Map(tiles.map((tile, place) => [`${tile.level}/${tile.index}`, bytes[place] ?? null]))
  }

  function at(level: number, index: number): Tile[] {
    const width = tileWidth(level, index, treeSize)
    return width === 0 ? [] : [{ level, index, width }]
  }

  /** The root of the first `size` leaves, of which those since `seen` are these. */
  function rootOver(leaves: readonly Uint8Array[]): Promise<Buffer> {
    const grown = grow(seen, begun, leaves.slice(0, size - seen))
    return rootAt(
      async (tiles) =>
        tiles.map(({ level, index, width }) => {
          const made = grown.find((tile) => tile.level === level && tile.index === index)?.hashes
          const bytes = made ?? edge.get(`${level}/${index}`)
          if (!bytes || bytes.length < width * HASH_BYTES) throw new RangeError('fewer leaves were seen')
          return new Uint8Array(bytes.subarray(0, width * HASH_BYTES))
        }),
      size,
    )
  }

  /** Whether the entries of the last, begun tile are what was published; null: there is nothing to tell it by. */
  async function arePublished(first: number, before: readonly Uint8Array[], leaves: readonly (Buffer | null)[]) {
    const own = leaves.slice(0, size - first)
    if (published === null || size <= first || size > first + TILE_WIDTH || own.includes(null)) return null
    const root = await rootOver([...before, ...own.map((hash) => hash ?? ZERO)])
    return isSame(root, published.root)
  }

  /** The hashes of one tile's leaves as they were sealed, as far as that can be told. `before`: those since `seen`. */
  async function settle(
    first: number,
    leaves: readonly (Leaf | null)[],
    held: Map<string, Uint8Array | null>,
    before: readonly Uint8Array[],
  ): Promise<Uint8Array[]> {
    const index = first / TILE_WIDTH
    const computed = leaves.map((leaf) => leaf?.computed ?? null)
    const tile = held.get(`0/${index}`)
    if (tile === undefined) return computed.map((hash) => hash ?? ZERO) // not sealed yet
    if (tile === null) {
      found({ what: 'tileMissing', level: 0, index })
      return computed.map((hash) => hash ?? ZERO)
    }
    const sealed = leaves.map((_, i) => tile.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)).filter((h) => h.length > 0)
    const differs = sealed.flatMap((hash, i) => (isSame(hash, computed[i] ?? null) ? [] : [i]))
    if (differs.length === 0) return computed.map((hash) => hash ?? ZERO)
    const above = held.get(`1/${Math.floor(index / TILE_WIDTH)}`)
    const place = (index % TILE_WIDTH) * HASH_BYTES
    const parent = above?.subarray(place, place + HASH_BYTES)
    const whole = computed.filter((hash) => hash !== null)
    if (parent?.length === HASH_BYTES && whole.length === TILE_WIDTH && isSame(parent, rootOf(whole))) {
      found({ what: 'tileDiffers', level: 0, index })
      return whole
    }
    const isBegun = parent?.length !== HASH_BYTES
    const asPublished = isBegun && (await arePublished(first, before, computed)) === true
    if (asPublished && differs.some((i) => first + i < size)) found({ what: 'tileDiffers', level: 0, index })
    for (const i of differs) {
      if (asPublished && first + i < size) continue
      const leaf = leaves[i] ?? null
      // a missing one is told by its index, a changed body by the hash beside it
      if (leaf === null || (!isSame(leaf.stored, leaf.computed) && isSame(leaf.stored, sealed[i] ?? null))) continue
      found({ what: 'entryReplaced', index: first + i })
    }
    return leaves.map((_, i) => (asPublished && first + i < size ? computed[i] : sealed[i]) ?? computed[i] ?? ZERO)
  }

  return {
    see: async (leaves) => {
      const firsts = Array.from({ length: Math.ceil(leaves.length / TILE_WIDTH) }, (_, n) => seen + n * TILE_WIDTH)
      const below = await read([
        ...firsts.flatMap((first) => at(0, first / TILE_WIDTH)),
        ...[...new Set(firsts.map((first) => Math.floor(first / TILE_WIDTH ** 2)))].flatMap((index) => at(1, index)),
      ])
      const sealed: Uint8Array[] = []
      for (const first of firsts) {
        const own = leaves.slice(first - seen, first - seen + TILE_WIDTH)
        sealed.push(...(await settle(first, own, below, sealed)))
      }
      const grown = grow(seen, begun, sealed)
      seen += sealed.length
      begun = new Map(
        begunTiles(seen).map(({ level, index }) => [
          level,
          grown.find((tile) => tile.level === level && tile.index === index)?.hashes ??
            begun.get(level) ??
            new Uint8Array(),
        ]),
      )
      const above = await read(grown.filter(({ level }) => level > 0).flatMap(({ level, index }) => at(level, index)))
      for (const { level, index, hashes } of grown) {
        const name = `${level}/${index}`
        if (edge.has(name)) edge.set(name, hashes)
        const stored = above.get(name)
        if (stored === undefined) continue
        // a tile that more leaves will fill is looked at again with them
        if (stored === null) {
          if (hashes.length === TILE_WIDTH * HASH_BYTES || seen >= treeSize)
            found({ what: 'tileMissing', level, index })
        } else {
          const both = Math.min(stored.length, hashes.length)
          const isLast = hashes.length >= stored.length
          if (isLast && !isSame(stored.subarray(0, both), hashes.subarray(0, both)))
            found({ what: 'tileDiffers', level, index })
        }
      }
    },
    rootOfSealed: () =>
      rootAt(
        async (tiles) =>
          tiles.map(({ level, index, width }) => {
            const bytes = edge.get(`${level}/${index}`)
            if (!bytes || bytes.length < width * HASH_BYTES) throw new RangeError('fewer leaves were seen')
            return new Uint8Array(bytes.subarray(0, width * HASH_BYTES))
          }),
        size,
      ),
  }
}

function isSame(a: Uint8Array, b: Uint8Array | null): boolean {
  return b !== null && Buffer.compare(a, b) === 0
}
