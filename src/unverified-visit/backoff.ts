/** An outage of minutes is the common one; a check that fails at once again costs two statements. */
export const FIRST_CHECK_AFTER_MS = 60_000
/** The feed is daily: four looks a day at the least miss nothing that a desk could still use that day. */
const DELAY_MS_MAX = 6 * 3_600_000
/** One poll of the queue; less would be the same poll. */
const DELAY_MS_MIN = 5_000
/** After two weeks of daily feeds the person is not late in our copy, but not in it: a matter for VSS and the facility. */
const GIVE_UP_AFTER_MS = 14 * 86_400_000
/** A visit may be told 60 days late: it is looked up for a day all the same. */
const LOOKED_UP_FOR_MS_MIN = 86_400_000

/**
 * 1 min, doubled by each attempt that found nothing, up to 6 h (2^9 min is past it); of that a random part (full jitter),
 * so that what failed together does not come back together. On average half: 2^0 + … + 2^8 min = 8.5 h are waited in
 * 4.3 h and 9 attempts, the rest of 14 days (332 h) in steps of 3 h: some 120 attempts in all, 30 bytes each in the row.
 */
export function delayMs(attempts: number, random: () => number): number {
  const ceiling = Math.min(DELAY_MS_MAX, FIRST_CHECK_AFTER_MS * 2 ** Math.min(attempts, 9))
  return Math.max(DELAY_MS_MIN, Math.round(ceiling * random()))
}

export function closesAt(presentedAt: string, recordedAt: string): Date {
  return new Date(Math.max(Date.parse(presentedAt) + GIVE_UP_AFTER_MS, Date.parse(recordedAt) + LOOKED_UP_FOR_MS_MIN))
}

/** Without evidence there is nothing to look up: the row comes up once, to be closed. */
export function firstCheckAt(visit: { presentedAt: string; recordedAt: string; evidence: unknown }): Date {
  if (visit.evidence === null) return closesAt(visit.presentedAt, visit.recordedAt)
  return new Date(Date.parse(visit.recordedAt) + FIRST_CHECK_AFTER_MS)
}
