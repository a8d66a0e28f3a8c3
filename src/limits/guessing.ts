/**
 * Guessing numbers looks different from typos: a typing desk misses now and then among many hits, who guesses hardly
 * ever hits. So a facility is suspected only past both bounds, in one sliding hour:
 * - more misses than `missesPerHour` (60 unless configured), and
 * - more misses than hits.
 *
 * What it is worth. A personal number is province, century and sex, year, and 6 digits: who knows a person's name and
 * birth date still guesses among 1,000,000, 500,000 on average. At the rate limit of 100/s that took 83 minutes; at 60
 * an hour it takes 8,333 hours, a year. Without a known person it is worse: 3,256,000 records over some 90 years and
 * two sexes are 18,000 numbers in each million, so 1 guess in 55 is somebody's, but name and birth date must fit too.
 *
 * Who is innocent. The largest hospital checks 3,000 a day, 600 in its worst hour. One in ten from another province
 * (`not_found`) is 60, beside 540 hits: not suspected. A morning of newborns shows birth certificates without a number:
 * nothing can be guessed with them, they are not counted. A new facility may try 60 made-up numbers an hour.
 */
const SLOT_MS = 5 * 60_000
const SLOTS = 12
/** A country of 13,000 facilities; 24 small numbers each, some 500 bytes: 10 MB at the most. */
const FACILITIES_MAX = 20_000

interface Window {
  /** The number of the newest slot since the epoch. */
  slot: number
  readonly hits: number[]
  readonly misses: number[]
  hitsSum: number
  missesSum: number
}

export interface Guessing {
  readonly note: (facility: string, hit: boolean, nowMs: number) => void
  readonly suspects: (facility: string, nowMs: number) => boolean
  /** How many are suspected now. */
  readonly suspected: (nowMs: number) => number
}

export function watchGuessing(missesPerHour: number): Guessing {
  const windows = new Map<string, Window>()

  function windowOf(facility: string): Window {
    let window = windows.get(facility)
    if (window !== undefined) return window
    if (windows.size >= FACILITIES_MAX) {
      for (const oldest of windows.keys()) {
        windows.delete(oldest)
        break
      }
    }
    window = { slot: 0, hits: Array(SLOTS).fill(0), misses: Array(SLOTS).fill(0), hitsSum: 0, missesSum: 0 }
    windows.set(facility, window)
    return window
  }

  /** Forgets the slots that fell out of the hour. A clock that was set back counts into the newest slot. */
  function advance(window: Window, nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS)
    const passed = Math.min(SLOTS, slot - window.slot)
    for (let i = 1; i <= passed; i++) {
      const place = (slot - passed + i) % SLOTS
      window.hitsSum -= window.hits[place] ?? 0
      window.missesSum -= window.misses[place] ?? 0
      window.hits[place] = 0
      window.misses[place] = 0
    }
    if (passed > 0) window.slot = slot
  }

  function isPast(window: Window, nowMs: number): boolean {
    advance(window, nowMs)
    return window.missesSum > missesPerHour && window.missesSum > window.hitsSum
  }

  return {
    note: (facility, hit, nowMs) => {
      const window = windowOf(facility)
      advance(window, nowMs)
      const place = window.slot % SLOTS
      const counts = hit ? window.hits : window.misses
      counts[place] = (counts[place] ?? 0) + 1
      if (hit) window.hitsSum++
      else window.missesSum++
    },
    suspects: (facility, nowMs) => {
      const window = windows.get(facility)
      return window !== undefined && isPast(window, nowMs)
    },
    suspected: (nowMs) => {
      let count = 0
      for (const window of windows.values()) if (isPast(window, nowMs)) count++
      return count
    },
  }
}
