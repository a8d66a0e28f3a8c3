import { describe, expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import type { CopyRead, CoverageFacts } from '../../src/coverage/coverage.ts'
import type { LookupKey } from '../../src/data-keys.ts'
import { decide, type EntitlementFacts } from '../../src/entitlement/decide.ts'
import { type AnswerParts, buildAnswer } from '../../src/verification/answer.ts'
import { readEvidence } from '../../src/verification/evidence.ts'
import { compareWithHolders } from '../../src/verification/holder-match.ts'

const TODAY = isoDate('2026-11-24')
const NOW = new Date('2026-11-24T03:00:00.000Z')

const record: CoverageFacts = {
  coverageNo: 1,
  group: 'GD',
  level: 4,
  registeredFacility: '38001',
  validFrom: isoDate('2026-01-01'),
  validTo: isoDate('2026-12-31'),
  fiveYearsFrom: isoDate('2028-01-01'),
  area: 'K1',
  status: 'active',
  statusFrom: null,
  knownFrom: '2026-11-20T02:00:00.000Z',
  cardNumber: 'GD4383800012345',
}
const typed = readEvidence(
  { kind: 'chipIdTyped', number: '038090001234', fullName: 'Nguyễn Văn An', dateOfBirth: '1990-01-15' },
  TODAY,
)
const copy: CopyRead = {
  subject: '0'.repeat(32) as LookupKey,
  watermark: {
    feedSequence: 42,
    asOf: new Date('2026-11-24T02:46:27.500Z'),
    loadedAt: '2026-11-24 02:47:01.5+00',
    incomplete: false,
  },
  checkpoint: null,
  coverages: [],
}

function parts(facts: Partial<EntitlementFacts> = {}, over: Partial<AnswerParts> = {}): AnswerParts {
  const all: EntitlementFacts = {
    evidence: 'typed',
    holder: 'matches',
    presentedCard: null,
    childUnderSix: false,
    coverages: [record],
    copy: 'fresh',
    ...facts,
  }
  return {
    evidence: typed,
    comparison: { name: 'exact', birthDate: 'exact', match: 'matches' },
    decision: { ...decide(all, TODAY), vssCodeSource: 'copy' },
    copy,
    serviceDate: TODAY,
    checkedAt: NOW,
    ...over,
  }
}

test('the members of the contract, and no more: what is recorded is what was answered', () => {
  expect(buildAnswer(parts())).toEqual({
    checkedAt: '2026-11-24T03:00:00.000Z',
    serviceDate: '2026-11-24',
    decision: 'entitled',
    code: 'valid',
    cause: null,
    vssCode: '000',
    vssCodeSource: 'copy',
    warnings: [],
    identity: {
      method: 'chipIdTyped',
      assurance: 'unsigned',
      name: 'exact',
      birthDate: 'exact',
      registry: 'notAsked',
    },
    coverages: [
      {
        cardNumber: 'GD4383800012345',
        group: 'GD',
        level: 4,
        ratePercent: null,
        rateStatus: 'provisional',
        validFrom: '2026-01-01',
        validTo: '2026-12-31',
        registeredFacility: '38001',
        areaCode: 'K1',
        fiveYearsFrom: '2028-01-01',
        status: 'active',
        statusFrom: null,
        knownSince: '2026-11-20T02:00:00.000Z',
        applies: true,
      },
    ],
    data: { source: 'copy', asOf: '2026-11-24T02:46:27.500Z', ageSeconds: 812, feedSequence: 42 },
    goodUntil: '2026-11-24T16:59:59.999Z',
  })
})

test('of several in force exactly one is marked', () => {
  const better = { ...record, coverageNo: 2, level: 2 as const }
  const { coverages } = buildAnswer(parts({ coverages: [record, better] }))
  expect(coverages.map((each) => [each.level, each.applies])).toEqual([
    [4, false],
    [2, true],
  ])
})

test('typed evidence: an unknown number and each mismatch give the same bytes', () => {
  const holder = { citizenId: null, sex: 'male', cardNumber: record.cardNumber } as const
  const unknown = JSON.stringify(
    buildAnswer(parts({ coverages: [] }, { comparison: null, copy: { ...copy, subject: null } })),
  )
  for (const [fullName, dateOfBirth] of [
    ['Nguyễn Văn An', '1990-01-16'],
    ['Nguyễn Văn Bình', '1990-01-15'],
    ['Trần Thị Bình', '1985'],
  ] as const) {
    const comparison = compareWithHolders(typed, [{ ...holder, fullName, dateOfBirth }])
    const mismatch = buildAnswer(parts({ holder: comparison?.match ?? 'matches' }, { comparison }))
    expect(JSON.stringify(mismatch)).toBe(unknown)
  }
})

test('scanned evidence: the differing field is named, its value and the record are not', () => {
  const comparison = { name: 'exact', birthDate: 'differs', match: 'birthDateDiffers' } as const
  const scanned = parts({ evidence: 'scanned', holder: 'birthDateDiffers' })
  const answer = buildAnswer({ ...scanned, comparison, evidence: { ...typed, how: 'scanned', method: 'chipIdQr' } })
  expect(answer).toMatchObject({ code: 'birth_date_mismatch', identity: { name: 'exact', birthDate: 'differs' } })
  expect(answer.coverages).toEqual([])
})

describe('how far the copy reaches', () => {
  test('a copy that could not be read has no age', () => {
    const answer = buildAnswer(parts({ copy: 'failed' }, { copy: null, comparison: null }))
    expect(answer.code).toBe('source_failed')
    expect(answer.data).toEqual({ source: 'copy', asOf: null, ageSeconds: null, feedSequence: null })
  })

  test('a feed whose clock runs ahead has age 0, not less', () => {
    const ahead = {
      ...copy,
      watermark: {
        feedSequence: 1,
        asOf: new Date('2026-11-24T03:00:05Z'),
        loadedAt: '2026-11-24 02:47:01.5+00',
        incomplete: false,
      },
    }
    expect(buildAnswer(parts({}, { copy: ahead })).data.ageSeconds).toBe(0)
  })
})

describe('how long an answer is good', () => {
  test.each([
    ['entitled: to the end of the service date in Viet Nam', {}, NOW, TODAY, '2026-11-24T16:59:59.999Z'],
    ['a "no": 15 minutes', { coverages: [{ ...record, status: 'revoked' }] }, NOW, TODAY, '2026-11-24T03:15:00.000Z'],
    ['a doubt: 15 minutes', { coverages: [{ ...record, status: 'held' }] }, NOW, TODAY, '2026-11-24T03:15:00.000Z'],
    [
      'a doubt shortly before midnight: not past the service date',
      { coverages: [{ ...record, status: 'held' }] },
      new Date('2026-11-24T16:55:00.000Z'),
      TODAY,
      '2026-11-24T16:59:59.999Z',
    ],
    ['a past service date: not past that day', {}, NOW, isoDate('2026-11-01'), '2026-11-01T16:59:59.999Z'],
  ] as const)('%s', (_, facts, checkedAt, serviceDate, until) => {
    expect(buildAnswer(parts(facts as Partial<EntitlementFacts>, { checkedAt, serviceDate })).goodUntil).toBe(until)
  })
})
