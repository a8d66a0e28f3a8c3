import { z } from 'zod'
import { type DataKeys, mac128 } from '../data-keys.ts'
import { ServiceError } from '../errors.ts'

/**
 * How far a facility was told of changes. A change is a visit's check (its place in the log) and a change of the copy (its
 * instant); told is what lies below both bounds. A check that the log's reader comes to later, and a sync that comes
 * later, are each beyond one of them: so nothing is told twice and nothing is passed over, in whatever order they come.
 */
const cursorSchema = z.strictObject({
  /** Told: places below this, */
  index: z.int().min(0),
  /** with changes up to this, as PostgreSQL writes it. */
  until: z.string(),
  /** A telling under way in pages: its own bounds, and the first index of the next page. */
  telling: z.strictObject({ index: z.int(), until: z.string(), from: z.int() }).nullable(),
})

export type Cursor = z.infer<typeof cursorSchema>

export const BEGINNING: Cursor = { index: 0, until: '-infinity', telling: null }

/** Opaque, and of one facility: a changed one, or another's, is refused. */
export function writeCursor(keys: DataKeys, facility: string, cursor: Cursor): string {
  const text = JSON.stringify(cursor)
  return Buffer.from(`${mac(keys, facility, text)}${text}`).toString('base64url')
}

export function readCursor(keys: DataKeys, facility: string, sent: string): Cursor {
  const plain = Buffer.from(sent, 'base64url').toString()
  const text = plain.slice(MAC_CHARS)
  if (plain.slice(0, MAC_CHARS) !== mac(keys, facility, text)) throw new ServiceError('page_invalid')
  return cursorSchema.parse(JSON.parse(text)) // our own text
}

const MAC_CHARS = 32

function mac(keys: DataKeys, facility: string, text: string): string {
  return mac128(keys.request, `visit-changes:${facility}\n${text}`)
}
