import { expect, test } from 'vitest'
import { readVisitId, visitIdOf } from '../../src/unverified-visit/id.ts'

test('an id is read as it was made', () => {
  expect(visitIdOf({ logId: 1, index: 42 })).toBe('u1-42')
  expect(readVisitId('u1-42')).toEqual({ logId: 1, index: 42 })
  expect(readVisitId('u9999-0')).toEqual({ logId: 9999, index: 0 })
})

test.each(['v1-42', 'u1-', 'u1', 'u0-1', 'u1-042', 'U1-4', 'u1-4 ', 'u1--4', 'u1-4.0', '', 'u1-999999999999'])(
  '"%s" is none',
  (id) => {
    expect(readVisitId(id)).toBeNull()
  },
)
