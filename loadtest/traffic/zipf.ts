/**
 * Ranks in [0, size), drawn as in Zipf's law with that exponent (0 ≤ exponent < 1), by the inverse of its continuous form:
 * the first ranks come somewhat less often than the law has it, all others as it says.
 */
export function zipf(size: number, exponent: number, random: () => number): () => number {
  const power = 1 / (1 - exponent)
  return () => Math.min(size - 1, Math.floor(size * random() ** power))
}

/** A weighted choice: places of `weights`. */
export function weighted(weights: readonly number[], random: () => number): () => number {
  const reached: number[] = []
  let sum = 0
  for (const weight of weights) {
    sum += weight
    reached.push(sum)
  }
  return () => {
    const at = random() * sum
    let [low, high] = [0, reached.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((reached[middle] ?? 0) > at) high = middle
      else low = middle + 1
    }
    return low
  }
}
