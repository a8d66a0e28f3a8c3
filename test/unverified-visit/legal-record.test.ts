import { describe, expect, test } from 'vitest'
import { type LegalRecord, legalRecord, type RecordedFacts } from '../../src/unverified-visit/legal-record.ts'
import { textsOfVisit } from '../../src/unverified-visit/visit-text.ts'
import { expectEnglish, VIETNAMESE } from '../http/http-support.ts'

const facts: RecordedFacts = {
  facility: '38001',
  visitId: '38001-2411-0042',
  presentedAt: '2026-11-24T01:00:00.000Z',
  claimedNumber: 'GD4383800012345',
  failures: [{ at: '2026-11-24T01:01:00.000Z', code: '500' }],
  attempts: ['2026-11-24T01:05:00.000Z'],
  checkCode: '00000-00QDJ',
  entry: 'u1-7',
}

function filledIn(record: LegalRecord, name: string): unknown {
  return record.filled.find((line) => line.name === name)?.value
}

const named = (lines: readonly { name: string }[]) => lines.map((line) => line.name)

test('all that Điều 38 wants stands in the record or under what is to be added, nothing in both', () => {
  const record = legalRecord(facts)
  expect(named(record.filled)).toEqual([
    'facility',
    'visitId',
    'presentedAt',
    'claimedNumber',
    'failures',
    'attempts',
    'checkCode',
    'entry',
  ])
  expect(named(record.toAdd)).toEqual(['contact', 'screenshot'])
  for (const name of ['facility', 'visitId', 'presentedAt', 'failures', 'attempts', 'checkCode', 'entry'] as const) {
    expect(filledIn(record, name)).toEqual(facts[name])
  }
})

test('a number that nobody wrote down is for the facility to add', () => {
  const record = legalRecord({ ...facts, claimedNumber: null })
  expect(named(record.filled)).not.toContain('claimedNumber')
  expect(named(record.toAdd)).toEqual(['claimedNumber', 'contact', 'screenshot'])
})

describe('the number is masked', () => {
  test.each([
    ['GD4383800012345', 'GD438********45'],
    ['gd 4 38 3800012345', 'GD438********45'],
    ['3800012345', '380***2345'],
    ['038090001234', '038*****1234'],
    ['038 090 001 234', '038*****1234'],
    ['XX0000000000000', 'XX0********0000'],
    ['12345', '*****'],
  ])('%s', (claimedNumber, masked) => {
    expect(filledIn(legalRecord({ ...facts, claimedNumber }), 'claimedNumber')).toBe(masked)
  })
})

test('every line is Vietnamese with its accents, composed, and English; no copies of papers are asked for', () => {
  const record = legalRecord({ ...facts, claimedNumber: null })
  const texts = [
    ...[record, ...record.filled, ...record.toAdd].map(({ vi, en }) => ({ desk: vi, integrator: en })),
    ...(['open', 'checked', 'gaveUp', 'superseded'] as const).flatMap((each) => [
      textsOfVisit(each, true),
      textsOfVisit(each, false),
    ]),
  ]
  for (const { desk, integrator } of texts) {
    expect(desk).toMatch(VIETNAMESE)
    expect(desk).toBe(desk.normalize('NFC'))
    expect(desk).not.toMatch(/bản sao|sao y|photo|phô ?tô|bản chụp/i)
    expectEnglish(integrator)
  }
  expect(record.basis).toBe('Khoản 2 Điều 38 Nghị định 188/2025/NĐ-CP')
})

test('whoever is not looked up yet is admitted', () => {
  for (const evidence of [true, false])
    expect(textsOfVisit('open', evidence).desk).toContain('Vẫn tiếp nhận người bệnh')
  expect(textsOfVisit('open', false).integrator).not.toBe(textsOfVisit('open', true).integrator)
})
