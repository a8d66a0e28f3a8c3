import { z } from 'zod'
import { type DataKeys, mac128 } from '../../data-keys.ts'
import { ServiceError } from '../../errors.ts'

/** Where a list goes on. What was projected after its first page is no part of it: so pages do not shift under writes. */
const cursorSchema = z.strictObject({
  /** The last place that the list reaches. */
  through: z.int(),
  /** As PostgreSQL writes it, and the place beside it: the last row that was looked at. */
  recordedAt: z.string(),
  index: z.int(),
})

export type ListCursor = z.infer<typeof cursorSchema>

/** Opaque, of one client, list and filter: a changed one, or another's, is refused. */
export function writeListCursor(keys: DataKeys, of: string, cursor: ListCursor): string {
  const text = JSON.stringify(cursor)
  return Buffer.from(`${mac128(keys.request, `audit-cursor:${of}\n${text}`)}${text}`).toString('base64url')
}

const MAC_CHARS = 32

export function readListCursor(keys: DataKeys, of: string, sent: string): ListCursor {
  const plain = Buffer.from(sent, 'base64url').toString()
  const text = plain.slice(MAC_CHARS)
  if (plain.slice(0, MAC_CHARS) !== mac128(keys.request, `audit-cursor:${of}\n${text}`)) {
    throw new ServiceError('page_invalid')
  }
  return cursorSchema.parse(JSON.parse(text)) // our own text
}
