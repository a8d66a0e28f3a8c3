import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { closesAt, delayMs, firstCheckAt } from '../../src/unverified-visit/backoff.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const most = () => 1
const least = () => 0

describe('the wait before the next look-up', () => {
  test('doubles from one minute to six hours and no further', () => {
    const minutes = Array.from({ length: 12 }, (_, attempts) => delayMs(attempts, most) / MINUTE)
    expect(minutes).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360])
  })

  test('is any part of that: what failed together does not come back together', () => {
    const property = fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, part) => {
      const delay = delayMs(attempts, () => part)
      expect(delay).toBeGreaterThanOrEqual(5_000)
      expect(delay).toBeLessThanOrEqual(6 * HOUR)
      expect(Math.abs(delay - delayMs(attempts, most) * part)).toBeLessThanOrEqual(5_000)
    })
    fc.assert(property, { seed: 38, numRuns: 500 })
    expect(delayMs(40, least)).toBe(5_000)
  })
})

describe('the end', () => {
  test('is 14 days after the person stood there', () => {
    expect(closesAt('2026-11-24T01:00:00.000Z', '2026-11-24T03:00:00.000Z').toISOString()).toBe(
      '2026-12-08T01:00:00.000Z',
    )
  })
  test('is a day after a visit that was told late: it is looked up all the same', () => {
    expect(closesAt('2026-10-01T01:00:00.000Z', '2026-11-24T03:00:00.000Z').toISOString()).toBe(
      '2026-11-25T03:00:00.000Z',
    )
  })
})

test('the first look-up comes a minute after the visit; without evidence none does, and the row comes up to be closed', () => {
  const visit = { presentedAt: '2026-11-24T01:00:00.000Z', recordedAt: '2026-11-24T03:00:00.000Z' }
  expect(firstCheckAt({ ...visit, evidence: {} }).toISOString()).toBe('2026-11-24T03:01:00.000Z')
  expect(firstCheckAt({ ...visit, evidence: null }).toISOString()).toBe('2026-12-08T01:00:00.000Z')
})
