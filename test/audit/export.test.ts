import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { sealedTree } from '../../src/audit/fsck/export.ts'
import { rootOfLeaves } from '../support/outsider.ts'

/** Three batches, two tiles of level 1 begun or filled: 70,000 leaves fill a tile of level 1. */
const SIZE = 70_000
const hashes = Buffer.concat(Array.from({ length: SIZE }, (_, i) => createHash('sha256').update(String(i)).digest()))
const leaves = Array.from({ length: SIZE }, (_, i) => hashes.subarray(i * 32, (i + 1) * 32))
const reads = (of: Uint8Array) => async (from: number, to: number) => of.subarray(from * 32, to * 32)
const checkpoint = (size: number) => ({
  origin: 'log.example/1',
  size,
  root: rootOfLeaves(leaves.slice(0, size)),
})

test('leaf hashes of a checkpoint would not be known as these, or give other tiles', async () => {
  const tree = await sealedTree(reads(hashes), checkpoint(SIZE))
  const [first, full, top] =
    (await tree?.tiles([
      { level: 0, index: 200, width: 256 },
      { level: 1, index: 0, width: 256 },
      { level: 2, index: 0, width: 1 },
    ])) ?? []
  expect(first).toEqual(new Uint8Array(hashes.subarray(200 * 256 * 32, 201 * 256 * 32)))
  expect(Buffer.from(full ?? []).subarray(32, 64)).toEqual(rootOfLeaves(leaves.slice(256, 512)))
  expect(Buffer.from(top ?? [])).toEqual(rootOfLeaves(leaves.slice(0, 65_536)))
  // of an earlier checkpoint, which somebody kept
  for (const size of [0, 1, 8_192, 8_193]) expect((await sealedTree(reads(hashes), checkpoint(size)))?.size).toBe(size)
})

test('others would be taken for them', async () => {
  const one = Buffer.from(hashes)
  one.writeUInt8(one.readUInt8(32 * 69_999 + 31) ^ 1, 32 * 69_999 + 31)
  expect(await sealedTree(reads(one), checkpoint(SIZE))).toBeNull()
  expect(await sealedTree(reads(hashes.subarray(0, -1)), checkpoint(SIZE))).toBeNull()
  expect(await sealedTree(reads(hashes), { ...checkpoint(600), size: 599 })).toBeNull()
})
