import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deck, permute, seedKey, spread } from '../../mocks/province/permutation.ts'

const HORIZON = 100_000_000
const key = fc.integer({ min: 0, max: 0xffff_ffff })

describe('the permutation behind all numbers', () => {
  it('would give two people one number, or one outside the range, at the horizon of 100 million', () => {
    const index = fc.integer({ min: 0, max: HORIZON - 1 })
    fc.assert(
      fc.property(key, fc.uniqueArray(index, { minLength: 2, maxLength: 200 }), (k, indexes) => {
        const images = indexes.map((i) => permute(k, 10_000, 10_000, i))
        expect(new Set(images).size).toBe(indexes.length)
        for (const image of images) expect(image >= 0 && image < HORIZON && Number.isInteger(image)).toBe(true)
      }),
    )
  })

  it('would lose numbers of a whole domain, square or not', () => {
    fc.assert(
      fc.property(key, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (k, left, right) => {
        const images = Array.from({ length: left * right }, (_, x) => permute(k, left, right, x))
        expect(images.sort((a, b) => a - b)).toEqual(images.map((_, x) => x))
      }),
    )
  })

  it('would sample somebody twice, or nobody, when the people are no square number', () => {
    fc.assert(
      fc.property(key, fc.integer({ min: 1, max: 2_000 }), (k, size) => {
        const images = Array.from({ length: size }, (_, x) => spread(k, size, x))
        expect(images.sort((a, b) => a - b)).toEqual(images.map((_, x) => x))
      }),
    )
  })

  it('would keep neighbours together: the first thousand of a hundred million must lie all over it', () => {
    const tenths = new Set(
      Array.from({ length: 1000 }, (_, i) => Math.floor(permute(7, 10_000, 10_000, i) / 1_000_000)),
    )
    expect(tenths.size).toBe(100)
  })
})

it('a seed given on a command line would be another than the same number in a file', () => {
  expect(seedKey(7, 'person')).toBe(seedKey('7', 'person'))
  expect(seedKey(7, 'person')).not.toBe(seedKey(7, 'number'))
  expect(seedKey(7, 'person')).not.toBe(seedKey(8, 'person'))
})

it('a rare entry of a table would never be met', () => {
  const cards = deck(16, [
    ['common', 999],
    ['rare', 1],
  ])
  expect(cards).toHaveLength(16)
  expect(cards.filter((card) => card === 'rare')).toHaveLength(1)
})
