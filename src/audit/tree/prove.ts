import {
  consistencySpans,
  hashOfSpan,
  inclusionSpans,
  type Span,
  type Subtree,
  subtreesOf,
  verifyConsistency,
  verifyInclusion,
} from '../merkle.ts'
import { hashInTile, type Tile, tileOf, tilesOf } from '../tile.ts'

/** The bytes of tiles, in their order and at their widths. Rejects with `TileMissing` where one is not there. */
export type ReadTiles = (tiles: readonly Tile[]) => Promise<Uint8Array<ArrayBuffer>[]>

/** Of a tree that the log has: tiles are lost, or are being made anew. */
export class TileMissing extends Error {
  override readonly name = 'TileMissing'
}

/** What was proven does not verify: tiles were changed. Nothing of it is given out. */
export class TreeBroken extends Error {
  override readonly name = 'TreeBroken'
}

export interface Tree {
  readonly size: number
  readonly root: Uint8Array
}

export async function rootAt(read: ReadTiles, size: number): Promise<Buffer> {
  const [root] = await hashSpans(read, [{ from: 0, to: size }], size)
  if (root === undefined) throw new Error('one was asked for')
  return root
}

/** The leaf at that index and its path, verified against the root before it is given out. */
export async function proveInclusion(
  read: ReadTiles,
  index: number,
  tree: Tree,
): Promise<{ readonly leafHash: Buffer; readonly path: Buffer[] }> {
  const leaf = { from: index, to: index + 1 }
  const [leafHash, ...path] = await hashSpans(read, [leaf, ...inclusionSpans(index, tree.size)], tree.size)
  if (leafHash === undefined || !verifyInclusion({ index, hash: leafHash }, tree, path)) throw new TreeBroken()
  return { leafHash, path }
}

/** That the tree of the former size is how the tree began. What is known of either root is held against it. */
export async function proveConsistency(
  read: ReadTiles,
  former: { readonly size: number; readonly root?: Uint8Array },
  later: { readonly size: number; readonly root?: Uint8Array },
): Promise<Buffer[]> {
  const spans = [
    { from: 0, to: former.size },
    { from: 0, to: later.size },
    ...consistencySpans(former.size, later.size),
  ]
  const [formerRoot, laterRoot, ...path] = await hashSpans(read, spans, later.size)
  if (formerRoot === undefined || laterRoot === undefined) throw new Error('two were asked for')
  const trees = [
    { size: former.size, root: former.root ?? formerRoot },
    { size: later.size, root: later.root ?? laterRoot },
  ] as const
  if (!verifyConsistency(...trees, path)) throw new TreeBroken()
  return path
}

/** Each tile is read once, all of them together: a proof takes about two a level, 10 tiles (80 kB) at 2^40 entries. */
async function hashSpans(read: ReadTiles, spans: readonly Span[], size: number): Promise<Buffer[]> {
  const tiles = tilesOf(spans.flatMap(subtreesOf), size)
  const bytes = await read(tiles)
  const held = new Map(tiles.map(({ level, index }, place) => [`${level}/${index}`, bytes[place]]))
  const hashOf = (subtree: Subtree) => {
    const { level, index } = tileOf(subtree, size)
    const tile = held.get(`${level}/${index}`)
    if (tile === undefined) throw new Error('a tile that was not asked for')
    return hashInTile(subtree, tile)
  }
  return spans.map((span) => hashOfSpan(span, hashOf))
}
