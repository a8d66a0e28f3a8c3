import { describe, expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import { parseInsuranceCardQr } from '../../src/identity/insurance-card-qr.ts'

const today = isoDate('2026-11-24')
const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase()
const NAME = hex('Nguyễn Văn An')
const CARD = `GD4383800012345|${NAME}|15/01/1990|1|${hex('Thôn 1, Thanh Hóa')}|38 - 001|01/01/2026|-|01/01/2026|38001|$`
const INSURANCE = `3800012345|${NAME}|15/01/1990|1|-|38 - 001|01/01/2026|-|01/01/2026|38000000000000|-|4| 01/01/2027|0123456789abcdef-1234|4|${hex('Thanh Hóa')}|$`
const REST = { fullName: 'Nguyễn Văn An', birthDate: '1990-01-15', sex: 'male' }
const card = { number: { kind: 'card', cardNumber: 'GD4383800012345' }, ...REST }
const insurance = { number: { kind: 'insurance', insuranceNumber: '3800012345' }, ...REST }

test.each([
  ['15 characters', CARD, card],
  ['10 digits', INSURANCE, insurance],
  ['15 characters without the closing sign', CARD.slice(0, -2), card],
  ['10 digits without the closing sign', INSURANCE.slice(0, -1), insurance],
  ['lower-case hex and group', CARD.toLowerCase(), card],
])('the paper of %s is read', (_, text, value) => {
  expect(parseInsuranceCardQr(text, today)).toEqual({ ok: true, value })
})

describe('what scanners do to the text changes nothing', () => {
  test.each([
    ['CR LF and NUL behind', (t: string) => `${t}\r\n\u0000`],
    ['BOM before, zero-width inside', (t: string) => `\uFEFF${t.replaceAll('|', '|\u200B')}`],
    ['a label', (t: string) => `BHYT:${t}`],
    ['a label with a space', (t: string) => `Mã thẻ ${t}`],
    ['the AIM identifier', (t: string) => `]Q3${t}`],
    ['spaces around fields', (t: string) => t.replaceAll('|', ' | ')],
  ])('%s', (_, damage) => {
    expect(parseInsuranceCardQr(damage(CARD), today)).toEqual({ ok: true, value: card })
    expect(parseInsuranceCardQr(damage(INSURANCE), today)).toEqual({ ok: true, value: insurance })
  })
})

test.each([
  ['female', INSURANCE.replace('|1|', '|2|'), { ...insurance, sex: 'female' }],
  ['a sex we do not know', INSURANCE.replace('|1|', '|9|'), { ...insurance, sex: 'unknown' }],
  ['a year alone', INSURANCE.replace('15/01/1990', '1950'), { ...insurance, birthDate: '1950' }],
  ['a decomposed name', INSURANCE.replace(NAME, hex('Nguyễn Văn An'.normalize('NFD'))), insurance],
  [
    'an unknown group refuses nobody',
    CARD.replace('GD', 'ZZ'),
    { ...card, number: { kind: 'card', cardNumber: 'ZZ4383800012345' } },
  ],
])('%s is read as it is', (_, text, value) => {
  expect(parseInsuranceCardQr(text, today)).toEqual({ ok: true, value })
})

test.each([
  ['nothing', '\r\n', 'qr_empty'],
  ['2,049 characters', CARD.padEnd(2049, '0'), 'qr_too_long'],
  ['a chip ID', '038090001234|172000001|Nguyễn Văn An|15011990|Nam|Thanh Hóa|31052021', 'qr_not_insurance_card'],
  ['a web address', 'https://example.vn/', 'qr_not_insurance_card'],
  ['a scan cut off', CARD.split('|').slice(0, 5).join('|'), 'qr_too_few_fields'],
  ['a card number that lost a digit', CARD.replace('GD43838', 'GD4383'), 'card_number_length'],
  ['benefit level 9', CARD.replace('GD4', 'GD9'), 'card_number_shape'],
  ['O for 0 in the card number', CARD.replace('GD438380001', 'GD438380OO1'), 'card_number_shape'],
  ['O for 0 in the insurance number', INSURANCE.replace('3800012345', '38OO012345'), 'insurance_number_not_digits'],
  ['half a byte', INSURANCE.replace(NAME, NAME.slice(1)), 'qr_bad_hex'],
  ['a letter that is no hex', INSURANCE.replace(NAME, `${NAME}0g`), 'qr_bad_hex'],
  ['a dash for the name', INSURANCE.replace(NAME, '-'), 'qr_bad_hex'],
  ['a cut letter', INSURANCE.replace(NAME, hex('Nguyễ').slice(0, -2)), 'qr_bad_utf8'],
  ['Latin-1 bytes', INSURANCE.replace(NAME, '4EE9'), 'qr_bad_utf8'],
  ['no name', INSURANCE.replace(NAME, ''), 'name_empty'],
  ['a NUL in the name', INSURANCE.replace(NAME, '4E004E'), 'name_not_a_name'],
  ['a bar in the name', INSURANCE.replace(NAME, '4E7C4E'), 'name_not_a_name'],
  ['31 April', INSURANCE.replace('15/01/1990', '31/04/1990'), 'date_impossible'],
  ['a birth to come', INSURANCE.replace('15/01/1990', '25/11/2026'), 'date_in_future'],
])('refuses %s', (_, text, issue) => {
  expect(parseInsuranceCardQr(text, today)).toEqual({ ok: false, issue })
})
