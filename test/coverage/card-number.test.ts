import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type CardNumber,
  isKnownGroup,
  maskCardNumber,
  parseCardNumber,
  parseCardOrInsuranceNumber,
  parseInsuranceNumber,
  readCardNumber,
} from '../../src/coverage/card-number.ts'

const DETERMINISTIC = { seed: 38, numRuns: 500 }

function cardNumber(text: string): CardNumber {
  const parsed = parseCardNumber(text)
  if (!parsed.ok) throw new Error(parsed.issue)
  return parsed.value
}

test.each([
  ['as printed in one piece', 'GD4383800012345'],
  ['as printed in groups', 'GD 4 38 38 000 12345'],
  ['with hyphens', 'GD-4-38-3800012345'],
  ['in lower case', 'gd4383800012345'],
  ['with spaces around', ' GD4383800012345\r\n'],
])('parseCardNumber accepts a number %s', (_, text) => {
  expect(parseCardNumber(text)).toEqual({ ok: true, value: 'GD4383800012345' })
})

test.each([
  ['a digit lost', 'GD438380001234', 'card_number_length'],
  ['a digit too many', 'GD43838000123456', 'card_number_length'],
  ['nothing', '', 'card_number_length'],
  ['a text of blanks and digits', `GD4${' '.repeat(100)}383800012345`, 'card_number_length'],
  ['level 0', 'GD0383800012345', 'card_number_shape'],
  ['level 6', 'GD6383800012345', 'card_number_shape'],
  ['one group letter', 'G44383800012345', 'card_number_shape'],
  ['O for 0', 'GD438380OO12345', 'card_number_shape'],
  ['Đ in the group', 'GĐ4383800012345', 'card_number_shape'],
  ['ß, which is SS in upper case', 'ß43838000123456', 'card_number_shape'],
  ['ſ, which is S in upper case', 'ſD4383800012345', 'card_number_shape'],
  ['full-width digits', 'GD４383800012345', 'card_number_shape'],
])('parseCardNumber refuses %s', (_, text, issue) => {
  expect(parseCardNumber(text)).toEqual({ ok: false, issue })
})

test.each([
  ['10 digits', '3800012345', { ok: true, value: '3800012345' }],
  ['typed in groups', ' 38 0001-2345 ', { ok: true, value: '3800012345' }],
  ['9 digits', '380001234', { ok: false, issue: 'insurance_number_length' }],
  ['a citizen id', '038090001234', { ok: false, issue: 'insurance_number_length' }],
  ['a letter', '380001234O', { ok: false, issue: 'insurance_number_not_digits' }],
  ['nothing', '', { ok: false, issue: 'insurance_number_length' }],
])('parseInsuranceNumber: %s', (_, text, expected) => {
  expect(parseInsuranceNumber(text)).toEqual(expected)
})

test.each([
  ['15', 'gd 4 38 3800012345', { ok: true, value: { kind: 'card', cardNumber: 'GD4383800012345' } }],
  ['10', '38 0001 2345', { ok: true, value: { kind: 'insurance', insuranceNumber: '3800012345' } }],
  ['10 with a letter', '38O0012345', { ok: false, issue: 'insurance_number_not_digits' }],
  ['12: a citizen id is other evidence', '038090001234', { ok: false, issue: 'card_number_length' }],
  ['15 of no card', '123456789012345', { ok: false, issue: 'card_number_shape' }],
])('parseCardOrInsuranceNumber by length %s', (_, text, expected) => {
  expect(parseCardOrInsuranceNumber(text)).toEqual(expected)
})

test('a card number falls into its four parts', () => {
  expect(readCardNumber(cardNumber('TE1380123456789'))).toEqual({
    group: 'TE',
    level: 1,
    province: '38',
    insuranceNumber: '0123456789',
  })
})

test('the groups of domain §5.2 are known, another is not, and neither is refused', () => {
  expect(['CC', 'TE', 'CN', 'LH', 'HT', 'GD', 'BA', 'QN', 'CY'].filter((group) => !isKnownGroup(group))).toEqual([])
  expect(['ZZ', 'gd', '', 'constructor'].filter(isKnownGroup)).toEqual([])
  expect(readCardNumber(cardNumber('ZZ4383800012345')).group).toBe('ZZ')
})

test('the mask leaves two of the insurance number’s ten digits', () => {
  expect(maskCardNumber(cardNumber('GD4383800012345'))).toBe('GD438********45')
})

test('no text makes a parser throw, and what it accepts is in one form', () => {
  const nearly = fc.string({ unit: fc.constantFrom(...'GDgdß0123456789 -'), maxLength: 24 })
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string({ unit: 'binary', maxLength: 2048 })), (text) => {
      const parsed = parseCardOrInsuranceNumber(text)
      if (!parsed.ok) return
      const number = parsed.value.kind === 'card' ? parsed.value.cardNumber : parsed.value.insuranceNumber
      expect(number).toMatch(/^(?:[A-Z]{2}[1-5][0-9]{12}|[0-9]{10})$/)
      expect(parseCardOrInsuranceNumber(number)).toEqual(parsed)
    }),
    DETERMINISTIC,
  )
})

test('any digit changed is another number', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 9_999_999_999 }),
      fc.integer({ min: 2, max: 14 }),
      fc.nat({ max: 9 }),
      (number, at, digit) => {
        const card = `GD438${String(number).padStart(10, '0')}`
        const changed = card.slice(0, at) + digit + card.slice(at + 1)
        fc.pre(changed !== card)
        const parsed = parseCardNumber(changed)
        expect(parsed.ok ? parsed.value : parsed.issue).not.toBe(card)
      },
    ),
    DETERMINISTIC,
  )
})
