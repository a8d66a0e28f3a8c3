import { hash } from 'node:crypto'

/**
 * The Merkle tree of RFC 6962 §2.1 (the same as RFC 9162 §2.1) over the dense index of a log. Pure: where hashes come
 * from is the caller's. Sizes and indexes are numbers below 2^53: no bit operators, which stop at 2^32.
 */
export const HASH_BYTES = 32

/** The root of a tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Buffer = hash('sha256', Buffer.alloc(0), 'buffer')

const LEAF_PREFIX = Buffer.of(0)

/** SHA-256(0x00 ‖ entry). */
export function hashLeaf(entry: string | Uint8Array): Buffer {
  if (typeof entry === 'string') return hash('sha256', `\0${entry}`, 'buffer') // U+0000 is the byte 0x00 in UTF-8
  return hash('sha256', Buffer.concat([LEAF_PREFIX, entry]), 'buffer')
}

/** SHA-256(0x01 ‖ left ‖ right). Made in one place that is used again: a tree has as many nodes as leaves. */
export function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new RangeError('not a hash')
  NODE.set(left, 1)
  NODE.set(right, 1 + HASH_BYTES)
  return hash('sha256', NODE, 'buffer')
}

const NODE = Buffer.alloc(1 + 2 * HASH_BYTES, 1)

/** A complete subtree: the `2^level` leaves from `index · 2^level` on. Its hash never changes once they are there. */
export interface Subtree {
  readonly level: number
  readonly index: number
}

/** Leaves `from` to `to − 1`, as they stand below one node of a tree: `from` is a multiple of a power of two ≥ `to − from`. */
export interface Span {
  readonly from: number
  readonly to: number
}

export type HashOf = (subtree: Subtree) => Uint8Array

/** The complete subtrees that make up a span, left to right: the largest first, each at most once. */
export function subtreesOf(span: Span): Subtree[] {
  const subtrees: Subtree[] = []
  for (let from = span.from; from < span.to; ) {
    let level = 0
    while (2 ** (level + 1) <= span.to - from) level++
    subtrees.push({ level, index: from / 2 ** level })
    from += 2 ** level
  }
  return subtrees
}

/** MTH(D[from:to]). */
export function hashOfSpan(span: Span, hashOf: HashOf): Buffer {
  const hashes = subtreesOf(span).map(hashOf)
  const last = hashes.pop()
  if (last === undefined) return EMPTY_ROOT
  return hashes.reduceRight<Buffer>((right, left) => hashNode(left, right), Buffer.from(last))
}

export function rootOf(leafHashes: readonly Uint8Array[]): Buffer {
  let row = [...leafHashes]
  if (row.length === 0) return EMPTY_ROOT
  while (row.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < row.length; i += 2) {
      const [left, right] = [row[i], row[i + 1]]
      if (left !== undefined) above.push(right === undefined ? left : hashNode(left, right))
    }
    row = above
  }
  return Buffer.from(row[0] ?? EMPTY_ROOT)
}

/** PATH(index, D[size]) of RFC 6962 §2.1.1 as spans: the leaf's sibling first, the root's child last. */
export function inclusionSpans(index: number, size: number): Span[] {
  if (!isCount(index) || !isCount(size) || index >= size) throw new RangeError('no such leaf in that tree')
  const spans: Span[] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const middle = from + leftOf(to - from)
    if (index < middle) {
      spans.push({ from: middle, to })
      to = middle
    } else {
      spans.push({ from, to: middle })
      from = middle
    }
  }
  return spans.reverse()
}

/** PROOF(former, D[size]) of RFC 6962 §2.1.2 as spans. Empty where there is nothing to prove: no former tree, or the same. */
export function consistencySpans(former: number, size: number): Span[] {
  if (!isCount(former) || !isCount(size) || former > size) throw new RangeError('a tree grows')
  if (former === 0 || former === size) return []
  const spans: Span[] = []
  let [from, to] = [0, size]
  while (to !== former) {
    const middle = from + leftOf(to - from)
    if (former <= middle) {
      spans.push({ from: middle, to })
      to = middle
    } else {
      spans.push({ from, to: middle })
      from = middle
    }
  }
  if (from > 0) spans.push({ from, to }) // else it is the former tree itself, whose root the verifier has
  return spans.reverse()
}

/** Whether the leaf is at that index of the tree (RFC 9162 §2.1.3.2). */
export function verifyInclusion(
  leaf: { readonly index: number; readonly hash: Uint8Array },
  tree: { readonly size: number; readonly root: Uint8Array },
  path: readonly Uint8Array[],
): boolean {
  if (!isCount(leaf.index) || !isCount(tree.size) || leaf.index >= tree.size) return false
  if (![leaf.hash, ...path].every(isHash)) return false
  let [place, last] = [leaf.index, tree.size - 1]
  let root = leaf.hash
  for (const sibling of path) {
    if (last === 0) return false
    if (isOdd(place) || place === last) {
      root = hashNode(sibling, root)
      while (!isOdd(place) && place > 0) [place, last] = [half(place), half(last)]
    } else root = hashNode(root, sibling)
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && isSame(root, tree.root)
}

/** Whether the former tree is how the later one began (RFC 9162 §2.1.4.2). Everything begins with the empty tree. */
export function verifyConsistency(
  former: { readonly size: number; readonly root: Uint8Array },
  later: { readonly size: number; readonly root: Uint8Array },
  path: readonly Uint8Array[],
): boolean {
  if (!isCount(former.size) || !isCount(later.size) || former.size > later.size) return false
  if (![former.root, later.root, ...path].every(isHash)) return false
  if (former.size === 0 && !isSame(former.root, EMPTY_ROOT)) return false
  if (former.size === later.size) return path.length === 0 && isSame(former.root, later.root)
  if (former.size === 0) return path.length === 0
  let [place, last] = [former.size - 1, later.size - 1]
  while (isOdd(place)) [place, last] = [half(place), half(last)]
  // a complete former tree is a node of the later one: its root is not sent
  const [first, ...others] = place === 0 ? [former.root, ...path] : path
  if (first === undefined) return false
  let [formerRoot, laterRoot] = [first, first]
  for (const sibling of others) {
    if (last === 0) return false
    if (isOdd(place) || place === last) {
      formerRoot = hashNode(sibling, formerRoot)
      laterRoot = hashNode(sibling, laterRoot)
      while (!isOdd(place) && place > 0) [place, last] = [half(place), half(last)]
    } else laterRoot = hashNode(laterRoot, sibling)
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && isSame(formerRoot, former.root) && isSame(laterRoot, later.root)
}

/** The leaves left of the middle: the largest power of two below `count`, which is 2 at least. */
function leftOf(count: number): number {
  let left = 1
  while (left * 2 < count) left *= 2
  return left
}

function isCount(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_BYTES
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function isOdd(n: number): boolean {
  return n % 2 === 1
}

function half(n: number): number {
  return Math.floor(n / 2)
}
