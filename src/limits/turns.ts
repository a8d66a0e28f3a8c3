/**
 * How long the event loop takes for a turn, as far as requests fill it. What the gate lets in cannot make turns long: each
 * is bounded by what is under way. What never comes to the gate can (tokens that nobody knows, paths that do not exist):
 * thousands of such requests wait in the sockets, and a turn takes them all.
 */
export interface Turns {
  /** A request was met. True: the first one of a turn, which must be told when the turn is over. */
  readonly met: (nowMs: number) => boolean
  /** This turn is long already, as the one before was: one long turn alone is a stall, two are a crowd. */
  readonly isLate: (nowMs: number) => boolean
  readonly over: (nowMs: number) => void
}

/**
 * A check waits for some four turns (read, copy, log, answer): a second. 250 ms are 1,600 checks' processor time at 155 µs,
 * or 3,500 signatures that prove nothing.
 */
const LONG_MS = 250

export function watchTurns(longMs = LONG_MS): Turns {
  let beganMs: number | null = null
  let wasLong = false
  return {
    met: (nowMs) => {
      if (beganMs !== null) return false
      beganMs = nowMs
      return true
    },
    isLate: (nowMs) => wasLong && beganMs !== null && nowMs - beganMs > longMs,
    over: (nowMs) => {
      wasLong = beganMs !== null && nowMs - beganMs > longMs
      beganMs = null
    },
  }
}
