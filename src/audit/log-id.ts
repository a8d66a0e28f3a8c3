import { FIRST_LOG, INDEX_BITS } from '../db/place.ts'

/**
 * The first log, which the migrations make. Entries go into the log in force, the newest one: see `succession/`. What is
 * made of the entries of all logs, one after the other, is kept under this one's number, and knows an entry by its place.
 */
export const LOG_ID = FIRST_LOG

const LOG_SPAN = 2 ** INDEX_BITS

export interface EntryAt {
  readonly logId: number
  readonly index: number
}

/** Where an entry stands among those of all logs, as one number that grows: in the first log it is the index. */
export function placeOf({ logId, index }: EntryAt): number {
  return (logId - LOG_ID) * LOG_SPAN + index
}

/** For people, where the kind is not known: `1-42`. */
export function entryText(place: number): string {
  const { logId, index } = entryAt(place)
  return `${logId}-${index}`
}

export function entryAt(place: number): EntryAt {
  return { logId: Math.floor(place / LOG_SPAN) + LOG_ID, index: place % LOG_SPAN }
}
