import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenBuckets } from '../../src/limits/token-bucket.ts'

const policy = { perSecond: 100, burst: 300, bucketsMax: 2 }

test('a burst would be cut short, or go past its bound', () => {
  const { take } = tokenBuckets(policy)
  const taken = Array.from({ length: 301 }, () => take('facility:38001', 0))
  expect(taken.slice(0, 300).every((each) => each.admitted)).toBe(true)
  expect(taken[0]).toEqual({ admitted: true, remaining: 299, fullInSeconds: 1 })
  expect(taken[300]).toEqual({ admitted: false, remaining: 0, fullInSeconds: 3 })
})

test('tokens would not come back at their rate, or one client would pay for another', () => {
  const { take } = tokenBuckets(policy)
  for (let i = 0; i < 300; i++) take('facility:38001', 0)
  expect(take('facility:38002', 0).admitted).toBe(true)
  expect(take('facility:38001', 9).admitted).toBe(false)
  expect(take('facility:38001', 10).admitted).toBe(true)
  expect(take('facility:38001', 10).admitted).toBe(false)
})

test('a clock that was set back would give tokens, or take the bucket away', () => {
  const { take } = tokenBuckets(policy)
  for (let i = 0; i < 300; i++) take('a', 1_000_000)
  expect(take('a', 0).admitted).toBe(false)
  expect(take('a', 1_000).admitted).toBe(true)
})

test('clients would be remembered without bound', () => {
  const buckets = tokenBuckets(policy)
  for (let i = 0; i < 50; i++) buckets.take(`client-${i}`, 0)
  expect(buckets.size()).toBe(2)
})

test('asking whether a token is there would take it, or make a bucket', () => {
  const buckets = tokenBuckets({ perSecond: 1, burst: 1, bucketsMax: 2 })
  expect([buckets.has('a', 0), buckets.has('a', 0), buckets.size()]).toEqual([true, true, 0])
  buckets.take('a', 0)
  expect([buckets.has('a', 0), buckets.has('a', 999), buckets.has('a', 1_000)]).toEqual([false, false, true])
})

test('one that goes on and on would be forgotten before one that keeps quiet', () => {
  const buckets = tokenBuckets({ perSecond: 1, burst: 1, bucketsMax: 2 })
  for (const key of ['loud', 'quiet', 'loud', 'new']) buckets.take(key, 0)
  expect([buckets.has('loud', 0), buckets.has('new', 0), buckets.has('quiet', 0)]).toEqual([false, false, true])
})

test('in no stretch of time would more be admitted than a burst and the rate allow', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(500), { maxLength: 400 }), (pauses) => {
      const { take } = tokenBuckets({ perSecond: 10, burst: 5, bucketsMax: 1 })
      let nowMs = 0
      let admitted = 0
      for (const pause of pauses) {
        nowMs += pause
        if (take('a', nowMs).admitted) admitted++
      }
      expect(admitted).toBeLessThanOrEqual(5 + Math.floor((nowMs * 10) / 1000) + 1)
    }),
    { seed: 7 },
  )
})
