import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashLeaf, rootOf } from '../../src/audit/merkle.ts'
import { type Tile, tilePath, tileWidth } from '../../src/audit/tile.ts'
import { begunTiles, grow } from '../../src/audit/tree/grow.ts'
import { proveConsistency, proveInclusion, rootAt, TileMissing, TreeBroken } from '../../src/audit/tree/prove.ts'

const LEAVES = Array.from({ length: 140_000 }, (_, i) => hashLeaf(`${i}`))

/** As the database keeps them: each tile grows in place. */
class Shelf {
  readonly tiles = new Map<string, Uint8Array<ArrayBuffer>>()
  size = 0

  grow(count: number): void {
    const begun = begunTiles(this.size)
    const held = new Map(begun.map((tile) => [tile.level, this.at(tile)]))
    for (const { level, index, hashes } of grow(this.size, held, LEAVES.slice(this.size, this.size + count))) {
      this.tiles.set(`${level}/${index}`, new Uint8Array(hashes))
    }
    this.size += count
  }

  at({ level, index, width }: Tile): Uint8Array<ArrayBuffer> {
    const bytes = this.tiles.get(`${level}/${index}`)?.slice(0, width * 32)
    if (bytes?.length !== width * 32) throw new TileMissing()
    return bytes
  }

  readonly read = async (tiles: readonly Tile[]) => tiles.map((tile) => this.at(tile))
}

/** By the definition: what each tile of a tree of that size holds. */
function expectTiles(shelf: Shelf): void {
  let row: Uint8Array[] = LEAVES.slice(0, shelf.size)
  for (let level = 0; row.length > 0; level++) {
    const above: Uint8Array[] = []
    for (let index = 0; index * 256 < row.length; index++) {
      const hashes = row.slice(index * 256, (index + 1) * 256)
      const width = tileWidth(level, index, shelf.size)
      expect(width).toBe(hashes.length)
      const same = Buffer.compare(shelf.at({ level, index, width }), Buffer.concat(hashes)) === 0
      if (!same) expect.fail(tilePath({ level, index, width }))
      if (width === 256) above.push(rootOf(hashes))
    }
    row = above
  }
}

test('however a tree grew, it has the tiles of its size', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(255, 256, 257, 600)), { maxLength: 12 }),
      (steps) => {
        const shelf = new Shelf()
        for (const step of steps) shelf.grow(step)
        expectTiles(shelf)
      },
    ),
    { seed: 38, numRuns: 40 },
  )
})

test('past 65,536 leaves a third level begins, and proofs over all of them verify', async () => {
  const shelf = new Shelf()
  for (const step of [65_535, 1, 1, 8_192, 57_343, 8_000]) shelf.grow(step)
  expectTiles(shelf)
  expect(begunTiles(shelf.size).map(tilePath)).toEqual(['tile/0/543.p/64', 'tile/1/002.p/31', 'tile/2/000.p/2'])
  const root = await rootAt(shelf.read, shelf.size)
  expect(root).toEqual(rootOf(LEAVES.slice(0, shelf.size)))
  const tree = { size: shelf.size, root }
  for (const index of [0, 1, 65_535, 65_536, 131_071, 131_072, shelf.size - 1]) {
    expect((await proveInclusion(shelf.read, index, tree)).leafHash).toEqual(LEAVES[index])
  }
  for (const size of [0, 1, 255, 256, 65_536, 65_537, 131_072, shelf.size]) {
    const former = { size, root: rootOf(LEAVES.slice(0, size)) }
    await proveConsistency(shelf.read, former, tree)
    const other = { size, root: hashLeaf('another') }
    await expect(proveConsistency(shelf.read, other, tree)).rejects.toThrow(TreeBroken)
  }
})

test('a tile that was changed would be proven with', async () => {
  const shelf = new Shelf()
  shelf.grow(1_000)
  const tree = { size: 1_000, root: await rootAt(shelf.read, 1_000) }
  const bytes = shelf.tiles.get('0/3')
  if (bytes === undefined) throw new Error('there is a fourth tile')
  bytes[40] = (bytes[40] ?? 0) ^ 1
  await expect(proveInclusion(shelf.read, 999, tree)).rejects.toThrow(TreeBroken)
  await expect(proveConsistency(shelf.read, { size: 500 }, tree)).rejects.toThrow(TreeBroken)
  shelf.tiles.delete('0/3')
  await expect(proveInclusion(shelf.read, 999, tree)).rejects.toThrow(TileMissing)
})

test('a begun tile of another width is not gone on with', () => {
  expect(() => grow(3, new Map([[0, new Uint8Array(64)]]), [hashLeaf('x')])).toThrow(RangeError)
  expect(() => grow(3, new Map(), [hashLeaf('x')])).toThrow(RangeError)
})
