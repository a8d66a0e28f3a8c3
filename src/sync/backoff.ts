/** The insurer's server restarts within seconds. */
const FIRST_MS = 1_000
/** Longer than this a desk would notice nothing, and an operator be told late. */
const MAX_MS = 60_000
/** 2^6 s is past the longest. */
const DOUBLINGS_MAX = 6

/** Full jitter: any time up to 1 s, 2 s, 4 s … 60 s, so that what failed together does not come back together. */
export function retryAfterMs(failures: number, random: () => number): number {
  return Math.round(Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures - 1, DOUBLINGS_MAX)) * random())
}
