/**
 * What a true generator must tell of a server that answers at once, but stood still for `stopSeconds` of `totalSeconds`:
 * whoever came x seconds before it went on waited x. So a part `stop ÷ total` of all waits evenly from 0 to `stop`, the
 * others not at all. In ms.
 */
export function stoppedPercentile(percentile: number, stopSeconds: number, totalSeconds: number): number {
  const above = 1 - percentile / 100
  const stopped = stopSeconds / totalSeconds
  return above >= stopped ? 0 : 1_000 * stopSeconds * (1 - above / stopped)
}
