import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import { ServiceError } from '../../src/errors.ts'
import { FIELD_ISSUES } from '../../src/http/field-issue-text.ts'
import { type Evidence, readEvidence } from '../../src/verification/evidence.ts'
import { type EvidenceRequest, evidenceSchema } from '../../src/verification/request.ts'

const TODAY = isoDate('2026-11-24')
const holder = { fullName: 'Nguyễn Văn An', dateOfBirth: '1990-01-15' }
const read = { fullName: 'Nguyễn Văn An', birthDate: '1990-01-15' }
const chipIdQr = '038090001234|172000001|Nguyễn Văn An|15011990|Nam|Thôn 1, Quảng Xương, Thanh Hóa|31052021'
const nameHex = Buffer.from('Nguyễn Văn An').toString('hex')
const cardQr = (number: string) => `${number}|${nameHex}|15/01/1990|1|-|38 - 001|01/01/2026|-|$`

describe('each kind: how it was taken, what is looked up, whom it names', () => {
  test.each<[string, EvidenceRequest, Evidence]>([
    [
      'the QR of a chip ID',
      { kind: 'chipIdQr', text: chipIdQr },
      {
        method: 'chipIdQr',
        how: 'scanned',
        assurance: 'unsigned',
        number: '038090001234',
        citizenId: '038090001234',
        cardNumber: null,
        mrzName: null,
        ...read,
        sex: 'male',
      } as Evidence,
    ],
    [
      'the machine-readable zone of a chip ID',
      {
        kind: 'chipIdMrz',
        text: 'IDVNM0900012345038090001234<<2\n9001158M3001156VNM<<<<<<<<<<<8\nNGUYEN<<VAN<AN<<<<<<<<<<<<<<<<',
      },
      {
        method: 'chipIdMrz',
        how: 'scanned',
        assurance: 'unsigned',
        number: '038090001234',
        citizenId: '038090001234',
        cardNumber: null,
        fullName: 'NGUYEN VAN AN',
        mrzName: { fullName: 'NGUYEN VAN AN', letters: 'NGUYEN VAN AN', isCut: false },
        birthDate: '1990-01-15',
        sex: 'male',
      } as Evidence,
    ],
    [
      'a chip ID typed by hand',
      { kind: 'chipIdTyped', number: ' 038090001234 ', ...holder },
      {
        method: 'chipIdTyped',
        how: 'typed',
        assurance: 'unsigned',
        number: '038090001234',
        citizenId: '038090001234',
        cardNumber: null,
        mrzName: null,
        ...read,
        sex: 'unknown',
      } as Evidence,
    ],
    [
      'an insurance card of 15: looked up by the number of the person, the card kept',
      { kind: 'insuranceCard', number: 'gd 4 38 3800012345', ...holder },
      {
        method: 'insuranceCard',
        how: 'typed',
        assurance: 'unsigned',
        number: '3800012345',
        citizenId: null,
        cardNumber: 'GD4383800012345',
        mrzName: null,
        ...read,
        sex: 'unknown',
      } as Evidence,
    ],
    [
      'an insurance card of 10',
      { kind: 'insuranceCard', number: '3800012345', ...holder },
      {
        method: 'insuranceCard',
        how: 'typed',
        assurance: 'unsigned',
        number: '3800012345',
        citizenId: null,
        cardNumber: null,
        mrzName: null,
        ...read,
        sex: 'unknown',
      } as Evidence,
    ],
    [
      'the QR of an insurance card of 15',
      { kind: 'insuranceCardQr', text: cardQr('GD4383800012345') },
      {
        method: 'insuranceCardQr',
        how: 'scanned',
        assurance: 'unsigned',
        number: '3800012345',
        citizenId: null,
        cardNumber: 'GD4383800012345',
        mrzName: null,
        ...read,
        sex: 'male',
      } as Evidence,
    ],
    [
      'the QR of an insurance card of 10',
      { kind: 'insuranceCardQr', text: cardQr('3800012345') },
      {
        method: 'insuranceCardQr',
        how: 'scanned',
        assurance: 'unsigned',
        number: '3800012345',
        citizenId: null,
        cardNumber: null,
        mrzName: null,
        ...read,
        sex: 'male',
      } as Evidence,
    ],
    [
      'VNeID shown on a phone, typed off: no proof that it is real',
      { kind: 'document', document: 'vneid', number: '038090001234', ...holder },
      {
        method: 'document',
        how: 'typed',
        assurance: 'unsigned',
        number: '038090001234',
        citizenId: '038090001234',
        cardNumber: null,
        mrzName: null,
        ...read,
        sex: 'unknown',
      } as Evidence,
    ],
    [
      'a birth certificate without a number leads nowhere',
      { kind: 'document', document: 'birthCertificate', ...holder },
      {
        method: 'document',
        how: 'typed',
        assurance: 'unsigned',
        number: null,
        citizenId: null,
        cardNumber: null,
        mrzName: null,
        ...read,
        sex: 'unknown',
      } as Evidence,
    ],
    [
      'a passport has numbers of its own kind',
      { kind: 'document', document: 'passport', number: ' c1234567 ', ...holder },
      {
        method: 'document',
        how: 'typed',
        assurance: 'unsigned',
        number: 'passport:C1234567',
        citizenId: null,
        cardNumber: null,
        mrzName: null,
        ...read,
        sex: 'unknown',
      } as Evidence,
    ],
  ])('%s', (_, request, evidence) => {
    expect(evidenceSchema.parse(request)).toEqual(request)
    expect(readEvidence(request, TODAY)).toEqual(evidence)
  })
})

function faultsOf(request: EvidenceRequest) {
  try {
    readEvidence(request, TODAY)
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'invalid_request') return error.faults
    throw error
  }
  return []
}

test.each<[EvidenceRequest, string[]]>([
  [
    { kind: 'chipIdTyped', number: '1', fullName: 'Nguy?n', dateOfBirth: '15/01/1990' },
    ['/evidence/number citizen_id_length', '/evidence/fullName name_garbled', '/evidence/dateOfBirth date_shape'],
  ],
  [
    { kind: 'insuranceCard', number: 'GD6383800012345', ...holder, dateOfBirth: '1990-02-30' },
    ['/evidence/number card_number_shape', '/evidence/dateOfBirth date_impossible'],
  ],
  [
    { kind: 'document', document: 'passport', number: '?', ...holder, fullName: '123' },
    ['/evidence/number member_value', '/evidence/fullName name_not_a_name'],
  ],
  [
    { kind: 'document', document: 'birthCertificate', fullName: '123', dateOfBirth: '1990-13' },
    ['/evidence/fullName name_not_a_name', '/evidence/dateOfBirth date_impossible'],
  ],
])('a second fault would be told only once the first is mended: %j', (request, faults) => {
  expect(faultsOf(request).map(({ pointer, issue }) => `${pointer} ${issue}`)).toEqual(faults)
})

describe('a fault is named where it is', () => {
  test.each<[EvidenceRequest, string, string]>([
    [{ kind: 'chipIdQr', text: 'https://example.org' }, '/evidence/text', 'qr_not_chip_id'],
    [{ kind: 'chipIdQr', text: cardQr('GD4383800012345') }, '/evidence/text', 'qr_not_chip_id'],
    [{ kind: 'chipIdQr', text: chipIdQr.slice(0, 40) }, '/evidence/text', 'qr_too_few_fields'],
    [{ kind: 'insuranceCardQr', text: chipIdQr }, '/evidence/text', 'qr_not_insurance_card'],
    [{ kind: 'chipIdTyped', number: '38090001234', ...holder }, '/evidence/number', 'citizen_id_length'],
    [{ kind: 'chipIdTyped', number: 'GD4383800012345', ...holder }, '/evidence/number', 'citizen_id_not_digits'],
    [{ kind: 'insuranceCard', number: '038090001234', ...holder }, '/evidence/number', 'card_number_length'],
    [{ kind: 'insuranceCard', number: 'GD6383800012345', ...holder }, '/evidence/number', 'card_number_shape'],
    [
      { kind: 'insuranceCard', number: '3800012345', ...holder, fullName: 'Nguy?n V?n An' },
      '/evidence/fullName',
      'name_garbled',
    ],
    [
      { kind: 'chipIdTyped', number: '038090001234', ...holder, dateOfBirth: '15/01/1990' },
      '/evidence/dateOfBirth',
      'date_shape',
    ],
    [
      { kind: 'chipIdTyped', number: '038090001234', ...holder, dateOfBirth: '2026-11-25' },
      '/evidence/dateOfBirth',
      'date_in_future',
    ],
    [
      { kind: 'document', document: 'birthCertificate', number: 'KS-17', ...holder },
      '/evidence/number',
      'citizen_id_not_digits',
    ],
    [{ kind: 'document', document: 'passport', number: '12', ...holder }, '/evidence/number', 'member_value'],
    [{ kind: 'document', document: 'passport', number: 'C12345-67', ...holder }, '/evidence/number', 'member_value'],
  ])('%j', (request, pointer, issue) => {
    expect(faultsOf(request)).toEqual([{ pointer, issue }])
  })
})

test('whatever text arrives, it is read or named by an issue that has its texts, and the error repeats none of it', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
    fc
      .array(fc.constantFrom('038090001234', 'GD4383800012345', '|', nameHex, '15011990', 'Nam', '?', ' '), {
        minLength: 1,
        maxLength: 20,
      })
      .map((parts) => parts.join('')),
  )
  const request: fc.Arbitrary<EvidenceRequest> = fc.oneof(
    fc.record({ kind: fc.constant('chipIdQr' as const), text }),
    fc.record({ kind: fc.constant('insuranceCardQr' as const), text }),
    fc.record({ kind: fc.constant('chipIdTyped' as const), number: text, fullName: text, dateOfBirth: text }),
    fc.record({ kind: fc.constant('insuranceCard' as const), number: text, fullName: text, dateOfBirth: text }),
    fc.record({
      kind: fc.constant('document' as const),
      document: fc.constantFrom('vneid' as const, 'birthCertificate' as const, 'passport' as const),
      number: text,
      fullName: text,
      dateOfBirth: text,
    }),
  )
  fc.assert(
    fc.property(request, (any) => {
      for (const fault of faultsOf(any)) {
        expect(Object.keys(fault).sort()).toEqual(['issue', 'pointer'])
        expect(FIELD_ISSUES[fault.issue]).toBeDefined()
        expect(fault.pointer).toMatch(/^\/evidence\/(text|number|fullName|dateOfBirth)$/)
      }
    }),
    { seed: 38, numRuns: 2_000 },
  )
})
