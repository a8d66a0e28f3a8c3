import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashLeaf, hashOfSpan, rootOf, subtreesOf } from '../../src/audit/merkle.ts'
import { hashInTile, readTilePath, TILE_WIDTH, tileOf, tilePath, tilesOf, tileWidth } from '../../src/audit/tile.ts'

describe('paths, as tlog-tiles writes them', () => {
  test.each([
    ['tile/0/000', { level: 0, index: 0, width: 256 }],
    ['tile/0/x001/x234/067', { level: 0, index: 1_234_067, width: 256 }],
    ['tile/2/999.p/1', { level: 2, index: 999, width: 1 }],
    ['tile/63/x001/000.p/255', { level: 63, index: 1_000, width: 255 }],
  ])('%s', (path, tile) => {
    expect(tilePath(tile)).toBe(path)
    expect(readTilePath(path)).toEqual(tile)
  })

  test.each([
    'tile/0/0',
    'tile/0/x000/000', // one path for each tile
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/001/002',
    'tile/0/x001',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000.p/',
    'tile/0/000/',
    '/tile/0/000',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/entries/000',
    '',
  ])('%s is none', (path) => {
    expect(readTilePath(path)).toBeNull()
  })

  test('every tile has one', () => {
    fc.assert(
      fc.property(fc.nat(63), fc.nat(2 ** 45), fc.integer({ min: 1, max: 256 }), (level, index, width) => {
        const tile = { level, index, width }
        expect(readTilePath(tilePath(tile))).toEqual(tile)
      }),
      { seed: 38, numRuns: 500 },
    )
  })
})

test('a tree of 70,000 has the tiles that tlog-tiles counts', () => {
  const widths = (level: number, count: number) => Array.from({ length: count }, (_, n) => tileWidth(level, n, 70_000))
  expect(widths(0, 275)).toEqual([...Array.from({ length: 273 }, () => 256), 112, 0])
  expect(widths(1, 3)).toEqual([256, 17, 0])
  expect(widths(2, 2)).toEqual([1, 0])
  expect(tileWidth(1, 0, 256)).toBe(1)
  expect(tileWidth(1, 0, 255)).toBe(0)
})

test('every complete subtree is made from its tile', () => {
  const size = 70_000
  const leaves = Array.from({ length: size }, (_, i) => hashLeaf(`${i}`))
  const levels = [leaves]
  for (const level of [0, 1]) {
    const below = levels[level] ?? []
    levels.push(
      Array.from({ length: Math.floor(below.length / TILE_WIDTH) }, (_, i) =>
        rootOf(below.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH)),
      ),
    )
  }
  const bytesOf = ({ level, index, width }: ReturnType<typeof tileOf>) =>
    Buffer.concat((levels[level] ?? []).slice(index * TILE_WIDTH, index * TILE_WIDTH + width))
  const hashOf = (subtree: { level: number; index: number }) => hashInTile(subtree, bytesOf(tileOf(subtree, size)))
  for (let level = 0; level <= 16; level++) {
    for (const index of new Set([0, Math.floor(size / 2 ** level / 2), Math.floor(size / 2 ** level) - 1])) {
      const leavesBelow = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)
      expect(hashOf({ level, index }), `${level}/${index}`).toEqual(rootOf(leavesBelow))
    }
  }
  expect(hashOfSpan({ from: 0, to: size }, hashOf)).toEqual(rootOf(leaves))
  // what a root is made from: one tile a level, the last ones
  expect(tilesOf(subtreesOf({ from: 0, to: size }), size).map(tilePath)).toEqual([
    'tile/2/000.p/1',
    'tile/1/001.p/17',
    'tile/0/273.p/112',
  ])
  expect(() => hashInTile({ level: 0, index: 112 }, Buffer.alloc(112 * 32))).toThrow(RangeError)
})
