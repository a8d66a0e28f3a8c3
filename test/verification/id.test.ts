import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readVerificationId, verificationId } from '../../src/verification/id.ts'

const DETERMINISTIC = { seed: 38, numRuns: 1_000 }

test('an id is read back to the log and index it was made of', () => {
  const index = fc.oneof(fc.constantFrom(0, 1, 2 ** 35 - 1), fc.integer({ min: 0, max: 2 ** 31 - 1 }))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_999 }), index, (logId, index) => {
      expect(readVerificationId(verificationId(logId, index))).toEqual({ logId, index })
    }),
    DETERMINISTIC,
  )
})

test('what is read is written the same: one entry has one id', () => {
  const nearly = fc.stringMatching(/^v?[0-9]{0,5}-?[0-9]{0,12}$/)
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string({ unit: 'binary', maxLength: 30 })), (text) => {
      const read = readVerificationId(text)
      if (read !== null) expect(verificationId(read.logId, read.index)).toBe(text)
    }),
    { ...DETERMINISTIC, numRuns: 5_000 },
  )
})

test.each([
  ['nothing', ''],
  ['another letter', 'V1-0'],
  ['log 0', 'v0-1'],
  ['a leading zero of the log', 'v01-1'],
  ['a leading zero of the index', 'v1-01'],
  ['a sign', 'v1--1'],
  ['a fraction', 'v1-1.0'],
  ['an index that no check code holds', 'v1-100000000000'],
  ['a log that no smallint holds', 'v10000-1'],
  ['a line more', 'v1-1\n'],
  ['space before', ' v1-1'],
  ['full-width digits', 'v１-１'],
  ['a citizen id', '038090001234'],
  ['SQL', "v1-1' or '1'='1"],
])('%s is no id', (_, text) => {
  expect(readVerificationId(text)).toBeNull()
})
