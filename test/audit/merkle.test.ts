import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leafHash } from '../../src/audit/entry.ts'
import {
  consistencySpans,
  EMPTY_ROOT,
  type HashOf,
  hashLeaf,
  hashOfSpan,
  inclusionSpans,
  rootOf,
  type Span,
  subtreesOf,
  verifyConsistency,
  verifyInclusion,
} from '../../src/audit/merkle.ts'

/** The definitions of RFC 6962 §2.1, letter by letter: slow, and nothing of ours in them. */
const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()

function mth(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256()
  const [first] = leaves
  if (leaves.length === 1 && first !== undefined) return sha256(Buffer.of(0), first)
  const k = split(leaves.length)
  return sha256(Buffer.of(1), mth(leaves.slice(0, k)), mth(leaves.slice(k)))
}

function path(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return m < k
    ? [...path(m, leaves.slice(0, k)), mth(leaves.slice(k))]
    : [...path(m - k, leaves.slice(k)), mth(leaves.slice(0, k))]
}

function subproof(m: number, leaves: readonly Buffer[], whole: boolean): Buffer[] {
  if (m === leaves.length) return whole ? [] : [mth(leaves)]
  const k = split(leaves.length)
  return m <= k
    ? [...subproof(m, leaves.slice(0, k), whole), mth(leaves.slice(k))]
    : [...subproof(m - k, leaves.slice(k), false), mth(leaves.slice(0, k))]
}

function split(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

/** Every complete subtree of the leaves, hashed once. */
function treeOf(leaves: readonly Buffer[]): HashOf {
  const levels = [leaves.map((leaf) => sha256(Buffer.of(0), leaf))]
  for (let below = levels[0] ?? []; below.length > 1; ) {
    const row = Array.from({ length: Math.floor(below.length / 2) }, (_, i) =>
      sha256(Buffer.of(1), below[2 * i] ?? Buffer.alloc(0), below[2 * i + 1] ?? Buffer.alloc(0)),
    )
    levels.push(row)
    below = row
  }
  return ({ level, index }) => {
    const found = levels[level]?.[index]
    if (found === undefined) throw new Error(`no complete subtree ${level}/${index}`)
    return found
  }
}

const leavesOf = (n: number) => Array.from({ length: n }, (_, i) => Buffer.from(`leaf ${i}`))
const hashes = (spans: readonly Span[], hashOf: HashOf) => spans.map((span) => hashOfSpan(span, hashOf))
const hex = (all: readonly Uint8Array[]) => all.map((each) => Buffer.from(each).toString('hex'))
const SIZES_TO = 300

test('the leaf hash of the log is that of the tree', () => {
  expect(hashLeaf('{"v":1,"name":"Thanh Hoá"}').toString('base64')).toBe(leafHash('{"v":1,"name":"Thanh Hoá"}'))
})

describe(`every tree to ${SIZES_TO} leaves`, () => {
  const leaves = leavesOf(SIZES_TO)
  const hashOf = treeOf(leaves)
  const leafHashes = leaves.map((leaf) => sha256(Buffer.of(0), leaf))
  /** MTH by its definition, each range once: 300 trees ask for the same ones. */
  const known = new Map<string, Buffer>()
  const reference = (from: number, to: number): Buffer => {
    const key = `${from}:${to}`
    const hash =
      known.get(key) ??
      (to - from <= 1
        ? mth(leaves.slice(from, to))
        : sha256(Buffer.of(1), reference(from, from + split(to - from)), reference(from + split(to - from), to)))
    known.set(key, hash)
    return hash
  }
  const roots = Array.from({ length: SIZES_TO + 1 }, (_, size) => reference(0, size))

  test('has the root of the definition, from leaves and from subtrees', () => {
    for (let size = 0; size <= SIZES_TO; size++) {
      expect(rootOf(leafHashes.slice(0, size))).toEqual(roots[size])
      expect(hashOfSpan({ from: 0, to: size }, hashOf)).toEqual(roots[size])
    }
    for (const size of [0, 1, 2, 3, 7, 64, 300]) expect(roots[size]).toEqual(mth(leaves.slice(0, size)))
    expect(EMPTY_ROOT).toEqual(roots[0])
  })

  test('each leaf has the path of the definition, and it verifies at that place alone', () => {
    for (let size = 1; size <= SIZES_TO; size++) {
      const tree = { size, root: roots[size] ?? EMPTY_ROOT }
      for (let index = 0; index < size; index++) {
        const proof = hashes(inclusionSpans(index, size), hashOf)
        const hash = leafHashes[index] ?? EMPTY_ROOT
        if (!verifyInclusion({ index, hash }, tree, proof)) expect.fail(`leaf ${index} of ${size}`)
        if (verifyInclusion({ index: index + 1, hash }, tree, proof)) expect.fail(`${index + 1} of ${size} by ${index}`)
        if (size > 1 && verifyInclusion({ index: index - 1, hash }, tree, proof)) expect.fail(`${index} of ${size}`)
        if (verifyInclusion({ index, hash }, tree, [...proof, hash])) expect.fail('a hash more')
        if (proof.length > 0 && verifyInclusion({ index, hash }, tree, proof.slice(0, -1))) expect.fail('a hash less')
      }
    }
    for (const size of [1, 2, 7, 8, 100, 255]) {
      for (const index of [0, size >> 1, size - 1]) {
        expect(hashes(inclusionSpans(index, size), hashOf)).toEqual(path(index, leaves.slice(0, size)))
      }
    }
  })

  test('each former tree has the proof of the definition, and it verifies for those two sizes', () => {
    for (let size = 0; size <= SIZES_TO; size++) {
      const later = { size, root: roots[size] ?? EMPTY_ROOT }
      for (let before = 0; before <= size; before++) {
        const former = { size: before, root: roots[before] ?? EMPTY_ROOT }
        const proof = hashes(consistencySpans(before, size), hashOf)
        if (!verifyConsistency(former, later, proof)) expect.fail(`${before} of ${size}`)
        if (verifyConsistency(former, later, [...proof, later.root])) expect.fail('a hash more')
        if (proof.length > 0 && verifyConsistency(former, later, proof.slice(0, -1))) expect.fail('a hash less')
        if (before > 0 && before < size) {
          const other = { size: before, root: roots[before - 1] ?? EMPTY_ROOT }
          if (verifyConsistency(other, later, proof)) expect.fail('another former root')
          if (verifyConsistency(former, { size, root: roots[size - 1] ?? EMPTY_ROOT }, proof)) expect.fail('later root')
        }
      }
    }
    for (const [before, size] of [
      [1, 2],
      [3, 7],
      [4, 7],
      [6, 7],
      [100, 255],
      [128, 300],
    ] as const) {
      expect(hashes(consistencySpans(before, size), hashOf)).toEqual(subproof(before, leaves.slice(0, size), true))
    }
  })
})

describe('the examples of RFC 6962 §2.1.3, seven leaves', () => {
  const leaves = leavesOf(7)
  const hashOf = treeOf(leaves)
  const at = (level: number, index: number) => Buffer.from(hashOf({ level, index }))
  const [a, b, c, d, e, f, j] = [0, 1, 2, 3, 4, 5, 6].map((index) => at(0, index))
  const [g, h, i, k] = [at(1, 0), at(1, 1), at(1, 2), at(2, 0)]
  const l = sha256(Buffer.of(1), i, j ?? EMPTY_ROOT)

  test.each([
    [0, [b, h, l]],
    [3, [c, g, l]],
    [4, [f, j, k]],
    [6, [i, k]],
  ])('the path of leaf %i', (index, expected) => {
    expect(hashes(inclusionSpans(index, 7), hashOf)).toEqual(expected)
  })

  test.each([
    [3, [c, d, g, l]],
    [4, [l]],
    [6, [i, j, k]],
  ])('the proof of %i leaves', (former, expected) => {
    expect(hashes(consistencySpans(former, 7), hashOf)).toEqual(expected)
  })

  test('their letters differ', () =>
    expect(new Set(hex([a, b, c, d, e, f, j, g, h, i, k, l].map((x) => x ?? EMPTY_ROOT))).size).toBe(12))
})

test('the vectors that Certificate Transparency’s implementations share', () => {
  const leaves = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
  ].map((each) => Buffer.from(each, 'hex'))
  const hashOf = treeOf(leaves)
  const root = (n: number) => rootOf(leaves.slice(0, n).map(hashLeaf)).toString('hex')
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(root)).toEqual([
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ])
  expect(hex(hashes(inclusionSpans(0, 8), hashOf))).toEqual([
    '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  ])
  expect(hex(hashes(consistencySpans(6, 8), hashOf))).toEqual([
    '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  ])
})

/** Each of its bits turned, one at a time, in every hash. */
function* turned(all: readonly Uint8Array[]): Generator<Uint8Array[]> {
  for (const [place, bytes] of all.entries()) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      yield all.with(place, changed)
    }
  }
}

test('no proof verifies with one bit changed anywhere', () => {
  const leaves = leavesOf(21)
  const hashOf = treeOf(leaves)
  for (const size of [1, 2, 3, 5, 8, 21]) {
    const root = hashOfSpan({ from: 0, to: size }, hashOf)
    for (const index of new Set([0, size >> 1, size - 1])) {
      const proof = hashes(inclusionSpans(index, size), hashOf)
      for (const [hash = root, changedRoot = root, ...others] of turned([
        hashOf({ level: 0, index }),
        root,
        ...proof,
      ])) {
        if (verifyInclusion({ index, hash }, { size, root: changedRoot }, others)) expect.fail(`${index} of ${size}`)
      }
    }
    for (let before = 1; before <= size; before++) {
      const formerRoot = hashOfSpan({ from: 0, to: before }, hashOf)
      const proof = hashes(consistencySpans(before, size), hashOf)
      for (const [first = root, second = root, ...others] of turned([formerRoot, root, ...proof])) {
        if (verifyConsistency({ size: before, root: first }, { size, root: second }, others)) expect.fail(`${before}`)
      }
    }
  }
})

test('trees beyond the reference: a proof verifies, and not for another place, size or root', () => {
  // 2^53 leaves have no bytes: a subtree's hash is made from its place alone, which verification cannot tell
  const imagined: HashOf = ({ level, index }) =>
    level === 0
      ? sha256(Buffer.from(`${index}`))
      : sha256(Buffer.of(1), imagined(below(level, index, 0)), imagined(below(level, index, 1)))
  const below = (level: number, index: number, side: number) => ({ level: level - 1, index: 2 * index + side })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3_000 }), fc.nat(), fc.nat(), (size, at, before) => {
      const tree = { size, root: hashOfSpan({ from: 0, to: size }, imagined) }
      const index = at % size
      const leaf = { index, hash: imagined({ level: 0, index }) }
      const proof = hashes(inclusionSpans(index, size), imagined)
      expect(verifyInclusion(leaf, tree, proof)).toBe(true)
      expect(verifyInclusion(leaf, tree, proof.toReversed())).toBe(proof.length < 2)
      const former = { size: before % (size + 1), root: hashOfSpan({ from: 0, to: before % (size + 1) }, imagined) }
      const grown = hashes(consistencySpans(former.size, size), imagined)
      expect(verifyConsistency(former, tree, grown)).toBe(true)
    }),
    { seed: 38, numRuns: 60 },
  )
})

test('places past 2^32 are counted exactly', () => {
  const size = 2 ** 52 + 2 ** 33 + 5
  expect(subtreesOf({ from: 0, to: size })).toEqual([
    { level: 52, index: 0 },
    { level: 33, index: 2 ** 19 },
    { level: 2, index: 2 ** 50 + 2 ** 31 },
    { level: 0, index: size - 1 },
  ])
  const [sibling, ...others] = inclusionSpans(2 ** 40 + 1, size)
  expect(sibling).toEqual({ from: 2 ** 40, to: 2 ** 40 + 1 })
  expect(others).toHaveLength(52)
})

test('what is no tree is refused', () => {
  for (const [index, size] of [
    [0, 0],
    [1, 1],
    [-1, 2],
    [0.5, 2],
    [0, Number.NaN],
    [2 ** 53, 2 ** 54],
  ] as const) {
    expect(() => inclusionSpans(index, size)).toThrow(RangeError)
    expect(verifyInclusion({ index, hash: EMPTY_ROOT }, { size, root: EMPTY_ROOT }, [])).toBe(false)
  }
  expect(() => consistencySpans(2, 1)).toThrow(RangeError)
  const one = { size: 1, root: sha256(Buffer.of(0)) }
  expect(verifyConsistency({ size: 0, root: one.root }, one, [])).toBe(false) // not the root of the empty tree
  expect(verifyConsistency({ size: 0, root: EMPTY_ROOT }, one, [])).toBe(true)
  expect(verifyConsistency(one, { size: 2, root: one.root }, [])).toBe(false)
  expect(verifyInclusion({ index: 0, hash: one.root.subarray(1) }, one, [])).toBe(false)
})
