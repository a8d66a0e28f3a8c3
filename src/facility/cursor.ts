import { parseFacilityCode } from '../access/principal.ts'

/** Where a list goes on: behind a code, in the catalogue as it was known when the list was begun. */
export interface Cursor {
  readonly after: string
  /** PostgreSQL's own text: a `Date` would cut it to milliseconds. */
  readonly knownAt: string
}

/** 5 + 1 + 29 characters in base64url. */
export const CURSOR_CHARACTERS_MAX = 64

export function writeCursor({ after, knownAt }: Cursor): string {
  return Buffer.from(`${after} ${knownAt}`).toString('base64url')
}

/** Null for anything that we did not write. */
export function readCursor(text: string): Cursor | null {
  const [, after = '', knownAt = ''] = /^(\S+) (.+)$/.exec(Buffer.from(text, 'base64url').toString()) ?? []
  if (parseFacilityCode(after) === null || !isInstant(knownAt)) return null
  const cursor = { after, knownAt }
  return writeCursor(cursor) === text ? cursor : null
}

/** As PostgreSQL writes an instant of these centuries in UTC, and one that it can read: the 31st of February is none. */
function isInstant(text: string): boolean {
  const [, day, time] = /^(2\d{3}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,6})?\+00$/.exec(text) ?? []
  if (day === undefined || time === undefined) return false
  const at = new Date(`${day}T${time}Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(`${day}T${time}`)
}
