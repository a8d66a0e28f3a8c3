import { describe, expect, test } from 'vitest'
import { type ClaimedCheck, claimFlags, type SeenClaim } from '../../src/audit/flag/claim-rules.ts'
import {
  type Counted,
  manyMisses,
  type SeenCheck,
  stayWithoutEndCheck,
  twoFacilities,
  unusualVolume,
} from '../../src/audit/flag/rules.ts'
import { FLAG_TEXTS } from '../../src/audit/flag/texts.ts'
import { type Before, notice } from '../../src/audit/project/notice.ts'
import type { CheckRow } from '../../src/audit/project/rows.ts'
import { VIETNAMESE } from '../http/http-support.ts'

/** What auditors are shown accuses nobody of what is usual, and shows what is not. */

const at = (time: string, part: Partial<SeenCheck> = {}): SeenCheck => ({
  index: 7,
  facility: '38001',
  recordedAt: `2026-11-02T${time}Z`,
  route: null,
  purpose: 'arrival',
  ...part,
})
const former = (part: Partial<SeenCheck> = {}) => at('01:00:00.000', { index: 3, facility: '38002', ...part })

describe('one person at two facilities', () => {
  test.each<[string, SeenCheck, SeenCheck, boolean]>([
    ['59 minutes later', at('01:59:00.000'), former(), true],
    ['an hour later to the millisecond', at('02:00:00.000'), former(), true],
    ['a millisecond more', at('02:00:00.001'), former(), false],
    ['at the same facility', at('01:10:00.000'), former({ facility: '38001' }), false],
    ['now an emergency', at('01:10:00.000', { route: '2' }), former(), false],
    ['then an emergency', at('01:10:00.000'), former({ route: '2' }), false],
    ['referred', at('01:10:00.000', { route: '1.3' }), former(), false],
    ['another route', at('01:10:00.000', { route: '1.1' }), former({ route: '3.1' }), true],
    ['an appointment', at('01:10:00.000', { purpose: 'appointment' }), former(), false],
    ['an appointment before', at('01:10:00.000'), former({ purpose: 'appointment' }), false],
    ['recorded before it', at('00:30:00.000'), former(), true],
  ])('%s', (_, check, earlier, told) => {
    expect(twoFacilities(check, earlier) !== null).toBe(told)
  })
  test('says which other, and how far apart', () => {
    expect(twoFacilities(at('01:20:59.000'), former())).toEqual({
      ...{ rule: 'twoFacilities', index: 7, facility: '38001', recordedAt: '2026-11-02T01:20:59.000Z', otherIndex: 3 },
      restricted: false,
      facts: { otherFacility: '38002', minutes: 20 },
    })
  })
})

describe('many misses', () => {
  test.each<[string, Counted, Counted, boolean]>([
    ['nine are chance', { checks: 20, misses: 9 }, { checks: 0, misses: 0 }, false],
    ['ten of fifty', { checks: 50, misses: 10 }, { checks: 0, misses: 0 }, true],
    ['ten of fifty-one', { checks: 51, misses: 10 }, { checks: 0, misses: 0 }, false],
    ['three times what is usual', { checks: 50, misses: 15 }, { checks: 1_000, misses: 100 }, true],
    ['less than that', { checks: 50, misses: 14 }, { checks: 1_000, misses: 100 }, false],
    ['too little known: one in twenty is usual', { checks: 50, misses: 10 }, { checks: 199, misses: 199 }, true],
  ])('%s', (_, today, usual, told) => {
    expect(manyMisses(at('01:00:00.000'), today, usual) !== null).toBe(told)
  })
})

describe('unusual volume', () => {
  test.each<[string, number, Counted, number, boolean]>([
    ['three times the usual', 300, { checks: 700, misses: 0 }, 7, true],
    ['less than that', 299, { checks: 700, misses: 0 }, 7, false],
    ['too few days known', 900, { checks: 600, misses: 0 }, 6, false],
    ['a small station', 99, { checks: 70, misses: 0 }, 7, false],
  ])('%s', (_, checks, usual, days, told) => {
    expect(unusualVolume(at('01:00:00.000'), { checks, misses: 0 }, usual, days) !== null).toBe(told)
  })
})

const claim = (part: Partial<SeenClaim> = {}): SeenClaim => ({
  ...{ index: 9, facility: '38001', recordedAt: '2026-11-05T01:00:00.000Z', person: 'p', visit: 'v' },
  ...{ admitted: '202611020800', discharged: '202611041000', careType: '03', totalHospital: '500' },
  ...{ totalInsured: '400.50', copayment: '80.10', paidByInsurer: '320.4', terms: [], reasonGiven: false },
  ...{ bodyOnly: false, restricted: false, ...part },
})
const seen = (part: Partial<ClaimedCheck> = {}): ClaimedCheck => ({
  ...{ index: 5, decision: 'entitled', code: 'valid', purpose: 'end', serviceDate: '2026-11-04', ...part },
})
const other = (part: Partial<SeenClaim> = {}) => claim({ index: 4, visit: 'w', ...part })

describe('a claim', () => {
  test.each<[string, SeenClaim, ClaimedCheck[], SeenClaim[], string[]]>([
    ['sound', claim(), [seen()], [], []],
    ['without a check', claim(), [], [], ['claimWithoutCheck']],
    ['whose check did not find cover', claim(), [seen({ decision: 'undetermined' })], [], ['claimedNotEntitled']],
    ['one of whose checks did', claim(), [seen({ decision: 'notEntitled' }), seen({ index: 6 })], [], []],
    [
      'that asks for nothing',
      claim({ totalInsured: '80.1', paidByInsurer: '0' }),
      [seen({ decision: 'notEntitled' })],
      [],
      [],
    ],
    ['discharged before', claim({ discharged: '202611020759' }), [seen()], [], ['datesContradict']],
    ['under a term', claim({ terms: [{ from: '20261102', to: '20261102' }] }), [seen()], [], []],
    ['under an open term', claim({ terms: [{ from: '20261102', to: null }] }), [seen()], [], []],
    ['past its term', claim({ terms: [{ from: '20260101', to: '20261101' }] }), [seen()], [], ['datesContradict']],
    ['with a check of the day before', claim(), [seen(), seen({ serviceDate: '2026-11-01' })], [], []],
    ['with a check two days before', claim(), [seen(), seen({ serviceDate: '2026-10-31' })], [], ['datesContradict']],
    ['like another visit', claim(), [seen()], [other({ totalInsured: '400.5' })], ['repeatedClaim']],
    ['like another of another amount', claim(), [seen()], [other({ totalInsured: '400.51' })], []],
    ['like another of another day', claim(), [seen()], [other({ admitted: '202611030800' })], []],
    ['like its former version', claim(), [seen()], [other({ visit: 'v' })], []],
    [
      'like the same visit id elsewhere',
      claim(),
      [seen()],
      [other({ visit: 'v', facility: '38002' })],
      ['repeatedClaim'],
    ],
    ['of another person', claim(), [seen()], [other({ person: 'q' })], []],
    ['whose sum is off', claim({ paidByInsurer: '320.40000001' }), [seen()], [], ['amountsContradict']],
    ['over the total', claim({ totalHospital: '400.49' }), [seen()], [], ['amountsContradict']],
    ['below zero', claim({ copayment: '-0.01', paidByInsurer: '400.51' }), [seen()], [], ['amountsContradict']],
    ['without its amounts', claim({ totalInsured: null }), [seen()], [], []],
    [
      'of a stay never checked at its end',
      claim(),
      [seen({ purpose: 'during', serviceDate: '2026-11-03' })],
      [],
      ['stayWithoutEndCheck'],
    ],
    ['of a stay checked on its last day', claim(), [seen({ purpose: 'during' })], [], []],
    ['of an outpatient', claim({ careType: '01' }), [seen({ purpose: 'arrival', serviceDate: '2026-11-03' })], [], []],
    ['of which the entry alone is left', claim({ bodyOnly: true, paidByInsurer: '1' }), [], [], ['amountsContradict']],
  ])('%s', (_, given, checks, formers, rules) => {
    expect(claimFlags(given, checks, formers).map(({ rule }) => rule)).toEqual(rules)
  })
  test('like one with HIV data would be told to all', () => {
    const [told] = claimFlags(claim(), [seen()], [other({ restricted: true })])
    expect(told).toMatchObject({ rule: 'repeatedClaim', restricted: true, otherIndex: 4 })
    expect(claimFlags(claim({ restricted: true }), [], [])[0]?.restricted).toBe(true)
  })
})

test('a stay would be told before its time, or not after it', () => {
  const latest = at('01:00:00.000')
  expect(stayWithoutEndCheck(latest, '2026-12-02T00:59:59.999Z')).toBeNull()
  expect(stayWithoutEndCheck(latest, '2026-12-02T01:00:00.000Z')).toMatchObject({ index: 7, facts: { days: 30 } })
})

test('a rule would have no explanation in one of the languages, or say that there was no check', () => {
  for (const { explanation, innocent } of Object.values(FLAG_TEXTS)) {
    expect(innocent.vi.length).toBe(innocent.en.length)
    expect(innocent.en.length).toBeGreaterThan(1)
    for (const text of [explanation.vi, ...innocent.vi]) expect(text).toMatch(VIETNAMESE)
    for (const text of [explanation.en, ...innocent.en]) expect(text.replace(/[NQ]Đ|Đ\d+/g, '')).not.toMatch(VIETNAMESE)
    expect(explanation.en).not.toMatch(/\bno check\b(?! .*recorded here)/)
    expect(explanation.vi).not.toMatch(/không tra cứu/)
  }
})

const NOTHING: Before = { checks: [], days: [], stays: [], overdue: [] }

function row(index: number, recordedAt: string, part: Partial<CheckRow> = {}): CheckRow {
  return {
    ...{ index, recordedAt, facility: '38001', kind: 'verification', decision: 'entitled', code: 'valid', cause: null },
    ...{ assurance: 'unsigned', method: 'chipIdQr', erased: false, purpose: 'during', serviceDate: '2026-11-02' },
    ...{ route: null, inpatient: null, person: 'p1', visit: null, ...part },
  }
}

describe('where stretches begin would change what is noticed', () => {
  const entries = [
    row(0, '2026-09-01T01:00:00.000Z', { visit: 'a', inpatient: true }),
    row(1, '2026-09-01T01:20:00.000Z', { facility: '38002' }),
    row(2, '2026-09-20T01:00:00.000Z', { visit: 'a' }),
    row(3, '2026-10-21T01:00:00.000Z', { visit: 'a' }), // 31 days later: told; and no stay any more, for it does not say so
    row(4, '2026-11-25T01:00:00.000Z', { visit: 'b', inpatient: true }),
    row(5, '2026-11-26T01:00:00.000Z', { visit: 'b', purpose: 'end' }),
    row(6, '2026-11-26T02:00:00.000Z', { visit: 'c', inpatient: true, person: 'p2' }),
    row(7, '2026-12-30T01:00:00.000Z', { person: null }),
    ...Array.from({ length: 60 }, (_, n) =>
      row(8 + n, '2026-12-31T01:00:00.000Z', { person: `x${n}`, code: n % 3 === 0 ? 'not_found' : 'valid' }),
    ),
  ]
  const WANTED = [
    '1 twoFacilities',
    '2 stayWithoutEndCheck',
    '6 stayWithoutEndCheck',
    '35 manyMisses', // the tenth of 28
  ]

  test.each([100, 40, 7, 3, 2, 1])('stretches of %i', (size) => {
    const told: string[] = []
    let seen: Before = NOTHING
    for (let from = 0; from < entries.length; from += size) {
      const stretch = entries.slice(from, from + size)
      const touched = new Set(stretch.map((each) => each.visit))
      const logTime = stretch.at(-1)?.recordedAt ?? ''
      const overdue = seen.stays.filter(
        (each) => !touched.has(each.visit) && Date.parse(logTime) - Date.parse(each.recordedAt) >= 30 * 86_400_000,
      )
      const before = { ...seen, stays: seen.stays.filter((each) => touched.has(each.visit)), overdue }
      const noticed = notice(stretch, before, logTime)
      told.push(...noticed.flags.map((flag) => `${flag.index} ${flag.rule}`))
      const gone = new Set([...noticed.ended, ...noticed.stays].map(({ visit }) => visit))
      const keyOf = (each: { facility: string; day: string }) => `${each.facility} ${each.day}`
      const counted = new Set(noticed.days.map(keyOf))
      seen = {
        checks: [
          ...seen.checks,
          ...stretch.flatMap(({ person, ...each }) => (person === null ? [] : [{ ...each, person }])),
        ],
        days: [...seen.days.filter((each) => !counted.has(keyOf(each))), ...noticed.days],
        stays: [...seen.stays.filter((each) => !gone.has(each.visit)), ...noticed.stays],
        overdue: [],
      }
    }
    // a stay over its time within one stretch is told with the next one
    const { flags } = notice([], { ...NOTHING, overdue: seen.stays }, '2027-02-28T00:00:00.000Z')
    told.push(...flags.map((flag) => `${flag.index} ${flag.rule}`))
    expect(told.toSorted()).toEqual(WANTED.toSorted())
  })
})

test('what is usual would be that of a former day', () => {
  const day = (n: number, checks: number) => Array.from({ length: checks }, () => `2026-11-0${n}T01:00:00.000Z`)
  const rows = [...[1, 2, 3, 4, 5, 6, 7].flatMap((n) => day(n, 40)), ...day(8, 130)].map((recordedAt, index) =>
    row(index, recordedAt, { person: `x${index}` }),
  )
  const { flags } = notice(rows, NOTHING, rows.at(-1)?.recordedAt ?? '')
  // the 120th of the eighth day
  expect(flags.map(({ index, rule }) => [index, rule])).toEqual([[7 * 40 + 119, 'unusualVolume']])
})

test('whoever came from elsewhere would be told again at each check that follows, or after a transfer', () => {
  const at = (n: number) => `2026-11-02T01:0${n}:00.000Z`
  const there = { facility: '38002' }
  const rows = [
    row(0, at(0)),
    row(1, at(1), there),
    row(2, at(2), there),
    row(3, at(3)),
    row(4, at(4), { ...there, route: '1.3' }),
    row(5, at(5), there),
  ]
  const { flags } = notice(rows, NOTHING, at(9))
  expect(flags.map(({ index, otherIndex }) => [index, otherIndex])).toEqual([
    [1, 0],
    [3, 2],
  ])
})
