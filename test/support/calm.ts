/** Longer than any suite that holds on to "today" takes, thrice over. */
const SUITE_MS = 90_000
const DAY_MS = 86_400_000
/** Days begin in Viet Nam at 17:00 UTC; some tests count in UTC. */
const MIDNIGHTS_MS = [17 * 3_600_000, 24 * 3_600_000]

/**
 * A suite reads the day once, and the server that it asks reads it with each request: a midnight between the two would fail
 * it once in a while, in the evenings of whoever works in Europe. So a suite that would meet one begins behind it.
 */
export function msUntilCalm(nowMs: number): number {
  const leftMs = MIDNIGHTS_MS.map((at) => at - (nowMs % DAY_MS)).filter((ms) => ms > 0 && ms <= SUITE_MS)
  return leftMs.length === 0 ? 0 : Math.min(...leftMs) + 1
}
