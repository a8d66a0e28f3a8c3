import { describe, expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import { parseChipIdQr } from '../../src/identity/chip-id-qr.ts'

const today = isoDate('2026-11-24')
const TEXT = '038090001234|172000001|Nguyễn Văn An|15011990|Nam|Thôn 1, Quảng Xương, Thanh Hóa|31052021'
const PERSON = {
  citizenId: '038090001234',
  formerNumber: '172000001',
  fullName: 'Nguyễn Văn An',
  birthDate: '1990-01-15',
  sex: 'male',
  issuedOn: '2021-05-31',
}

/** The text with some of its fields changed: number 0, former 1, name 2, birth 3, sex 4, address 5, issue 6. */
function withFields(changes: Record<number, string>): string {
  return TEXT.split('|')
    .map((field, index) => changes[index] ?? field)
    .join('|')
}

test('a clean scan is read, and the address is not kept', () => {
  expect(parseChipIdQr(TEXT, today)).toEqual({ ok: true, value: PERSON })
})

describe('what scanners do to the text changes nothing', () => {
  test.each([
    ['CR LF behind', `${TEXT}\r\n`],
    ['NUL behind', `${TEXT}\u0000\u0000`],
    ['tab behind', `${TEXT}\t`],
    ['STX and ETX around', `\u0002${TEXT}\u0003`],
    ['controls around a field', withFields({ 0: '038090001234\t', 2: '\u001DNguyễn Văn An\r' })],
    ['BOM before', `\uFEFF${TEXT}`],
    ['zero-width characters in the number', TEXT.replace('038', '0\u200B3\u200D8')],
    ['BOM and soft hyphen in the name', TEXT.replace('Nguyễn', 'Ng\uFEFFuy\u00ADễn')],
    ['zero-width at a bar', TEXT.replaceAll('|', '\u200B|\u2060')],
    ['direction marks', TEXT.replace('Nam', '\u202ANam\u202C')],
    ['a label with a colon', `CCCD:${TEXT}`],
    ['a label with a colon and a space', `QR: ${TEXT}`],
    ['a label with accents', `Căn cước công dân = ${TEXT}`],
    ['a label without a sign', `CCCD${TEXT}`],
    ['the AIM identifier, whose digit is not the number’s', `]Q3${TEXT}`],
    ['the AIM identifier behind a BOM, a label behind it', `\uFEFF]Q1 CCCD: ${TEXT}\r\n`],
    ['decomposed letters', TEXT.normalize('NFD')],
    ['double spaces', TEXT.replaceAll(' ', '  ')],
    ['slashes in dates', withFields({ 3: '15/01/1990', 6: '31/05/2021' })],
    ['lower-case sex', withFields({ 4: 'nam' })],
  ])('%s', (_, text) => {
    expect(parseChipIdQr(text, today)).toEqual({ ok: true, value: PERSON })
  })
})

describe('one field is read as it is', () => {
  test.each([
    ['an empty former number is none', { 1: '' }, { formerNumber: null }],
    ['an odd former number refuses nobody', { 1: '1720' }, { formerNumber: null }],
    ['a cancelled personal number is a former one', { 1: '038190001234' }, { formerNumber: '038190001234' }],
    ['a CMND with the number itself is no former one', { 1: '038090001234' }, { formerNumber: null }],
    ['dropped accents stay dropped', { 2: 'Nguyen Van An' }, { fullName: 'Nguyen Van An' }],
    ['case stays', { 2: 'NGUYỄN VĂN AN' }, { fullName: 'NGUYỄN VĂN AN' }],
    ['a year alone', { 3: '00001950' }, { birthDate: '1950' }],
    ['a month alone', { 3: '00051950' }, { birthDate: '1950-05' }],
    ['Nữ', { 4: 'Nữ' }, { sex: 'female' }],
    ['nữ', { 4: 'nữ' }, { sex: 'female' }],
    ['NỮ, decomposed', { 4: 'NỮ'.normalize('NFD') }, { sex: 'female' }],
    ['nu', { 4: 'nu' }, { sex: 'female' }],
    ['a lost letter is not guessed', { 4: 'N?' }, { sex: 'unknown' }],
    ['no sex', { 4: '' }, { sex: 'unknown' }],
    ['no issue date', { 6: '' }, { issuedOn: null }],
    ['an impossible issue date', { 6: '31022021' }, { issuedOn: null }],
    ['an issue date to come', { 6: '25112026' }, { issuedOn: null }],
    ['a bar in the address moves the issue date, and it is not sought', { 5: 'Thôn 1|Thanh Hóa' }, { issuedOn: null }],
    ['an unknown province refuses nobody', { 0: '999090001234' }, { citizenId: '999090001234' }],
    ['disagreeing digits refuse nobody', { 0: '038390001234' }, { citizenId: '038390001234' }],
  ])('%s', (_, changes, expected) => {
    expect(parseChipIdQr(withFields(changes), today)).toEqual({ ok: true, value: { ...PERSON, ...expected } })
  })
})

test.each([
  ['empty fields behind (2024)', `${TEXT}||||`, PERSON],
  ['a cancelled number and parents behind (2024)', `${TEXT}|038190001234|Nguyễn Văn Bố|Lê Thị Mẹ`, PERSON],
  ['no seventh field', TEXT.slice(0, TEXT.lastIndexOf('|')), { ...PERSON, issuedOn: null }],
])('%s are read over', (_, text, expected) => {
  expect(parseChipIdQr(text, today)).toEqual({ ok: true, value: expected })
})

test.each([
  ['nothing', '', 'qr_empty'],
  ['nothing one could see', '\uFEFF\u200B\r\n\u0000', 'qr_empty'],
  ['the AIM identifier alone', ']Q3', 'qr_empty'],
  ['2,049 characters', TEXT.padEnd(2049, 'x'), 'qr_too_long'],
  ['a scan cut off behind the sex', TEXT.split('|').slice(0, 5).join('|'), 'qr_too_few_fields'],
  ['the number alone', '038090001234', 'qr_too_few_fields'],
  ['a web address', 'https://example.vn/038090001234?a=1', 'qr_not_chip_id'],
  ['other text with bars', 'a|b|c|d|e|f|g', 'qr_not_chip_id'],
  ['the insurance card of 15', 'GD4383800012345|4E67|15/01/1990|1|-|38 - 001|01/01/2026|-|$', 'qr_not_chip_id'],
  ['the insurance card of 10', '3800012345|4E67|15/01/1990|1|-|38 - 001|01/01/2026|-|$', 'qr_not_chip_id'],
  ['a lost leading zero', withFields({ 0: '38090001234' }), 'citizen_id_length'],
  ['a digit too many', withFields({ 0: '0380900012345' }), 'citizen_id_length'],
  ['O for 0 in front is not taken for a label', withFields({ 0: 'O38090001234' }), 'citizen_id_length'],
  ['O for 0 inside', withFields({ 0: '03809O001234' }), 'citizen_id_not_digits'],
  ['a space inside', withFields({ 0: '038090 001234' }), 'citizen_id_not_digits'],
  ['a label with digits: where does it end?', withFields({ 0: 'QR2:038090001234' }), 'citizen_id_not_digits'],
  ['a number behind a number', withFields({ 0: '172000001 038090001234' }), 'citizen_id_not_digits'],
  ['text behind the number', withFields({ 0: '038090001234 CCCD' }), 'citizen_id_not_digits'],
  ['no name', withFields({ 2: '' }), 'name_empty'],
  ['a NUL inside the name', withFields({ 2: 'Nguyễn\u0000Văn An' }), 'name_not_a_name'],
  ['an escape inside the name', withFields({ 2: 'Nguyễn \u001B[2J An' }), 'name_not_a_name'],
  ['letters the scanner could not send', withFields({ 2: 'Nguy?n V?n An' }), 'name_garbled'],
  ['fields moved by one', withFields({ 1: '172000001|172000001' }), 'name_not_a_name'],
  ['30 February', withFields({ 3: '30021990' }), 'date_impossible'],
  ['a birth to come', withFields({ 3: '25112026' }), 'date_in_future'],
  ['a birth before 1900', withFields({ 3: '15011890' }), 'date_too_old'],
  ['no birth date', withFields({ 3: '' }), 'date_shape'],
])('refuses %s', (_, text, issue) => {
  expect(parseChipIdQr(text, today)).toEqual({ ok: false, issue })
})
