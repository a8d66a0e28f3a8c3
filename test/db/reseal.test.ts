import { expect, test } from 'vitest'
import { rowsAtOnce, SEALED_TABLES } from '../../src/db/reseal.ts'
import { PART_BYTES } from '../../src/sync/inbox/parts.ts'

/** Of one statement, sealed and as base64; some processes have not much more memory. */
const BYTES_MAX = 16 * 1024 * 1024

test('a thousand parts of pushed files would be sealed anew by one statement of more than PostgreSQL takes', () => {
  expect(rowsAtOnce('feed_inbox_part', 1_000) * PART_BYTES * (4 / 3)).toBeLessThan(BYTES_MAX)
  expect(SEALED_TABLES.map((table) => rowsAtOnce(table, 2))).toEqual(SEALED_TABLES.map(() => 2))
})
