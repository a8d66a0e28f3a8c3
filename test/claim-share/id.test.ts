import { expect, test } from 'vitest'
import { readShareCursor, SHARE_CURSOR_CHARACTERS_MAX, writeShareCursor } from '../../src/claim-share/cursor.ts'
import { claimShareId, readClaimShareId } from '../../src/claim-share/id.ts'

test('an id would lead to another entry, or another text be one', () => {
  expect(readClaimShareId(claimShareId(1, 0))).toEqual({ logId: 1, index: 0 })
  expect(readClaimShareId(claimShareId(12, 99_999_999_999))).toEqual({ logId: 12, index: 99_999_999_999 })
  for (const text of ['', 's1', 's1-', 's0-1', 's1-01', 'v1-1', 's1-1 ', 's1--1'])
    expect(readClaimShareId(text)).toBeNull()
})

test('a cursor would go on elsewhere, or another text be one', () => {
  for (const place of [0, 42, Number.MAX_SAFE_INTEGER]) {
    const text = writeShareCursor(place)
    expect(readShareCursor(text)).toBe(place)
    expect(text.length).toBeLessThanOrEqual(SHARE_CURSOR_CHARACTERS_MAX)
  }
  for (const text of ['', 'xxxx', `${writeShareCursor(42)}=`, Buffer.from('b042').toString('base64url')]) {
    expect(readShareCursor(text)).toBeNull()
  }
})
