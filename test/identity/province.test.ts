import { expect, test } from 'vitest'
import { BIRTH_PLACES } from '../../mocks/province/birth-places.ts'
import { isoDate } from '../../src/calendar.ts'
import type { CitizenId } from '../../src/identity/citizen-id.ts'
import { birthProvinceCode, birthProvinceOn, provinceOn } from '../../src/identity/province.ts'

const BEFORE = isoDate('2025-06-30')
const SINCE = isoDate('2025-07-01')
const CODES = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0'))

test('63 provinces until 30 June 2025, 34 from 1 July', () => {
  expect(CODES.filter((code) => provinceOn(code, BEFORE) !== null)).toHaveLength(63)
  expect(CODES.filter((code) => provinceOn(code, SINCE) !== null)).toHaveLength(34)
})

test('codes that are another province now than they were', () => {
  const changed = CODES.filter((code) => {
    const now = provinceOn(code, SINCE)
    return now !== null && now !== provinceOn(code, BEFORE)
  })
  // Huế is the same place under a shorter name
  expect(changed).toEqual(['15', '24', '44', '46', '52', '80', '82', '91'])
})

test.each([
  ['52', 'Bình Định', 'Bình Định (nay thuộc Gia Lai)'],
  ['80', 'Long An', 'Long An (nay thuộc Tây Ninh)'],
  ['15', 'Yên Bái', 'Yên Bái (nay thuộc Lào Cai)'],
  ['24', 'Bắc Giang', 'Bắc Giang (nay thuộc Bắc Ninh)'],
  ['82', 'Tiền Giang', 'Tiền Giang (nay thuộc Đồng Tháp)'],
  ['91', 'Kiên Giang', 'Kiên Giang (nay thuộc An Giang)'],
  ['44', 'Quảng Bình', 'Quảng Bình (nay thuộc Quảng Trị)'],
  ['64', 'Gia Lai', 'Gia Lai'],
  ['17', 'Hòa Bình', 'Hòa Bình (nay thuộc Phú Thọ)'],
  ['38', 'Thanh Hóa', 'Thanh Hóa'],
  ['01', 'Hà Nội', 'Hà Nội'],
] as const)('a number of 0%s was given in %s', (code, before, since) => {
  expect(birthProvinceOn(code, BEFORE)).toBe(before)
  expect(birthProvinceOn(code, SINCE)).toBe(since)
})

test('no number is of a province that is only a new code, and nobody is lost in the mergers', () => {
  for (const [code] of BIRTH_PLACES) {
    const two = birthProvinceCode(`${code}090001234` as CitizenId)
    if (code >= '100') expect(two).toBeNull()
    else expect(birthProvinceOn(two ?? '', SINCE), code).toMatch(/^\p{Lu}/u)
  }
  expect(birthProvinceOn('03', SINCE)).toBeNull()
})
