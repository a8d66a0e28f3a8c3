/**
 * What a true generator must tell of a server that stood still for `stopSeconds` of `totalSeconds` while people came evenly, in
 * ms. Whoever came x seconds before it went on waited x, and then for those before them: of a server that is `busy` (0 to 1) at
 * that rate, the queue melts the slower. Waits spread evenly from 0 to the whole stop, and stop ÷ total ÷ (1 − busy) of all
 * people have one; the others wait for nothing.
 */
export function stoppedPercentile(percentile: number, stopSeconds: number, totalSeconds: number, busy = 0): number {
  const above = 1 - percentile / 100
  const waited = stopSeconds / totalSeconds / (1 - busy)
  return above >= waited ? 0 : 1_000 * stopSeconds * (1 - above / waited)
}
