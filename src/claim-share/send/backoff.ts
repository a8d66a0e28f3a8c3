/** Where the gateway itself is away the breaker spaces the attempts; one file waits little, so that all are sent when it is back. */
const AWAY_MS_MAX = 60_000
/** A file that fails while others are answered: within a working day it has had its tries (see `STRIKES_MAX`). */
const ALONE_MS_MAX = 15 * 60_000
const FIRST_MS = 5_000
/** 5 s × 2^8 is past the longest. */
const DOUBLINGS_MAX = 8
/** Less would be the same second. */
const MS_MIN = 1_000

/**
 * Failures that speak against a file, since others were answered meanwhile: sixteen, over 5 s + 10 s + … + 640 s + 7 × 15 min,
 * 2.1 h at the most and half of it on average. Then it is a dead letter: somebody has to look at it. Of files that are all
 * right, at a gateway that fails every second time, one in 65,536 comes to that.
 */
export const STRIKES_MAX = 16

/** Full jitter: what failed together does not come back together. */
export function retryAfterMs(failures: number, alone: boolean, random: () => number): number {
  const most = Math.min(alone ? ALONE_MS_MAX : AWAY_MS_MAX, FIRST_MS * 2 ** Math.min(failures - 1, DOUBLINGS_MAX))
  return Math.max(MS_MIN, Math.round(most * random()))
}

/** An account that the portal does not take, or that we do not have: 1 min, doubled up to 15 min. Somebody mends it by hand. */
export function accountRetryMs(failures: number, random: () => number): number {
  return Math.max(MS_MIN, Math.round(Math.min(ALONE_MS_MAX, 60_000 * 2 ** Math.min(failures - 1, 4)) * random()))
}

/** What the gateway asks for, within reason; without a word 5 s. */
export function tooManyRetryMs(askedMs: number | null): number {
  return Math.min(5 * 60_000, Math.max(MS_MIN, askedMs ?? FIRST_MS))
}
