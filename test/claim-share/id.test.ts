import { expect, test } from 'vitest'
import { readShareCursor, writeShareCursor } from '../../src/claim-share/cursor.ts'
import { claimShareId, readClaimShareId } from '../../src/claim-share/id.ts'

test('an id would lead to another entry, or another text be one', () => {
  expect(readClaimShareId(claimShareId(1, 0))).toEqual({ logId: 1, index: 0 })
  expect(readClaimShareId(claimShareId(12, 99_999_999_999))).toEqual({ logId: 12, index: 99_999_999_999 })
  for (const text of ['', 's1', 's1-', 's0-1', 's1-01', 'v1-1', 's1-1 ', 's1--1'])
    expect(readClaimShareId(text)).toBeNull()
})

test('a cursor would go on elsewhere, or another text be one', () => {
  expect(readShareCursor(writeShareCursor(42))).toBe(42)
  for (const text of ['', 'xxxx', `${writeShareCursor(42)}=`, Buffer.from('b042').toString('base64url')]) {
    expect(readShareCursor(text)).toBeNull()
  }
})
