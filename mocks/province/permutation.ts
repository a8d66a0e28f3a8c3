/**
 * The arithmetic the province is made of. A person is a function of its index, so nothing is drawn in sequence: a key and
 * a salt give a number, and a key and a domain give a bijection. 32-bit integers only, for speed.
 */

/** Finalizer of MurmurHash3 with the constants of "lowbias32" (Chris Wellons, hash-prospector). */
export function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return (x ^ (x >>> 15)) >>> 0
}

/** FNV-1a, then mixed: 1 and '1' are one seed, as a command line knows only text. */
export function seedKey(seed: string | number, purpose: string): number {
  let hash = 0x811c9dc5
  for (const char of `${purpose}:${seed}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  return mix(hash)
}

/** 32 bits for one question (`salt`) about one thing (`key`). */
export function draw(key: number, salt: number): number {
  return mix(key ^ Math.imul(salt + 1, 0x9e3779b1))
}

/**
 * A bijection of [0, left·right): a Feistel network whose halves are added modulo their size, so it fits any product of two
 * numbers and needs no cycle walking. Four half-rounds are enough for numbers that must only look random.
 */
export function permute(key: number, left: number, right: number, x: number): number {
  let l = Math.floor(x / right)
  let r = x - l * right
  l = (l + mix(r ^ key)) % left
  r = (r + mix(l ^ (key + 0x3c6ef372))) % right
  l = (l + mix(r ^ (key + 0x78dde6e4))) % left
  r = (r + mix(l ^ (key + 0xb54cda56))) % right
  return l * right + r
}

/** The x of `permute`. */
export function unpermute(key: number, left: number, right: number, y: number): number {
  const back = (half: number, by: number, size: number) => (((half - (by % size)) % size) + size) % size
  let l = Math.floor(y / right)
  let r = y - l * right
  r = back(r, mix(l ^ (key + 0xb54cda56)), right)
  l = back(l, mix(r ^ (key + 0x78dde6e4)), left)
  r = back(r, mix(l ^ (key + 0x3c6ef372)), right)
  l = back(l, mix(r ^ key), left)
  return l * right + r
}

/** The x of `spread`. */
export function unspread(key: number, size: number, y: number): number {
  const side = Math.ceil(Math.sqrt(size))
  let x = y
  do x = unpermute(key, side, side, x)
  while (x >= size)
  return x
}

/** A bijection of [0, size) for any size: walks the cycle of the next square until it is back inside (1–2 steps). */
export function spread(key: number, size: number, x: number): number {
  const side = Math.ceil(Math.sqrt(size))
  do x = permute(key, side, side, x)
  while (x >= size)
  return x
}

/**
 * A weighted choice in one array access: each text fills its share of the slots. At least one slot each, so that
 * everything in a table is met somewhere.
 */
export function deck<T>(slots: number, weights: readonly (readonly [T, number])[]): readonly T[] {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  const spare = slots - weights.length
  const cards: T[] = []
  let reached = 0
  weights.forEach(([card, weight], i) => {
    reached += weight
    const end = i + 1 + Math.round((reached / total) * spare)
    while (cards.length < end) cards.push(card)
  })
  return cards
}

export function pick<T>(from: readonly T[], random: number): T {
  return from[random % from.length] as T
}
