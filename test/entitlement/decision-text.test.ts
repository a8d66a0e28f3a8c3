import { describe, expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import { type Decision, decide } from '../../src/entitlement/decide.ts'
import { DECISION_CODES, type DecisionCode, WARNINGS } from '../../src/entitlement/decision-code.ts'
import { DECISION_TEXTS, textsFor, WARNING_TEXTS } from '../../src/entitlement/decision-text.ts'
import { coverage, DAY, facts } from './facts.ts'

const ADMITS = 'Vẫn tiếp nhận'
/** Ways to ask for a copy of papers, which NĐ 188/2025 Đ38 k3 forbids. */
const COPY_OF_PAPERS = /bản sao|sao y|photo|phô ?tô|bản chụp|chụp lại|scan giấy|nộp giấy/i

const VIETNAMESE = /[\u0103\u0111\u01A1\u01B0\u1EA0-\u1EF9]/i

const decisionTexts = Object.entries(DECISION_TEXTS)
const everyText = [...decisionTexts, ...Object.entries(WARNING_TEXTS)]

function said(decision: Decision, vssCodeSource: 'copy' | 'portal' = 'copy') {
  const coverages = decision.shown.map((each) => ({ ...each, knownSince: each.knownFrom }))
  return textsFor({ ...decision, coverages, vssCodeSource })
}

test('each code and each warning has its texts, and nothing else has', () => {
  expect(Object.keys(DECISION_TEXTS).sort()).toEqual([...Object.keys(DECISION_CODES), 'replaced_by_card_here'].sort())
  expect(Object.keys(WARNING_TEXTS).sort()).toEqual([...WARNINGS].sort())
})

test.each(everyText)('%s: both texts are one line, in NFC, and end as a sentence', (_, { desk, integrator }) => {
  for (const text of [desk, integrator]) {
    expect(text).toMatch(/^\S.*[.]$/u)
    expect(text).not.toMatch(/\s{2}|\n/)
    expect(text).toBe(text.normalize('NFC'))
  }
  // Vietnamese for the desk, English (but for the names of decrees) for the integrator
  expect(desk).toMatch(VIETNAMESE)
  expect(integrator.replace(/NĐ|Đ\d+/g, '')).not.toMatch(VIETNAMESE)
})

test.each(everyText)('%s: the desk is not told to ask for a copy of papers', (_, { desk }) => {
  expect(desk).not.toMatch(COPY_OF_PAPERS)
})

test.each(decisionTexts)(
  '%s: an undetermined answer admits the patient, and only that needs to say so',
  (code, { desk }) => {
    const undetermined =
      code !== 'replaced_by_card_here' && DECISION_CODES[code as DecisionCode].decision === 'undetermined'
    expect(desk.includes(ADMITS)).toBe(undetermined)
  },
)

test('no two codes say the same', () => {
  expect(new Set(decisionTexts.map(([, each]) => each.desk)).size).toBe(decisionTexts.length)
  expect(new Set(decisionTexts.map(([, each]) => each.integrator)).size).toBe(decisionTexts.length)
})

describe('the text of one answer', () => {
  test.each([
    ['expired', { validFrom: isoDate('2025-01-01'), validTo: isoDate('2025-12-31') }, 'Hết hạn ngày 31/12/2025.'],
    ['not_yet_valid', { validFrom: isoDate('2027-01-05'), validTo: null }, 'Có giá trị từ ngày 05/01/2027.'],
    [
      'revoked',
      { status: 'revoked', statusFrom: isoDate('2026-10-01') },
      'Từ ngày 01/10/2026, hệ thống biết từ ngày 20/11/2026.',
    ],
    ['reduced', { status: 'reduced', statusFrom: null }, 'Hệ thống biết từ ngày 20/11/2026.'],
    [
      'stopped',
      { status: 'stopped', statusFrom: isoDate('2026-11-01') },
      'Từ ngày 01/11/2026, hệ thống biết từ ngày 20/11/2026.',
    ],
  ] as const)('%s names the date that a refused patient will ask for', (code, over, dates) => {
    const decision = decide(facts([coverage(over)]), DAY)
    expect(decision.code).toBe(code)
    expect(said(decision).desk).toBe(`${DECISION_TEXTS[code].desk} ${dates}`)
  })

  test('since when we know is a day in Viet Nam', () => {
    const late = coverage({ status: 'stopped', knownFrom: '2026-11-20T17:30:00.000Z' })
    expect(said(decide(facts([late]), DAY)).desk).toContain('Hệ thống biết từ ngày 21/11/2026.')
  })

  test('a portal that says no is not explained by the dates of our copy', () => {
    const decision = decide(
      facts([coverage({ validFrom: isoDate('2025-01-01'), validTo: isoDate('2025-12-31') })]),
      DAY,
    )
    expect(said(decision, 'portal').desk).toBe(DECISION_TEXTS.expired.desk)
  })

  test('a replaced card whose successor pays has its own text', () => {
    const old = coverage({ status: 'replaced' })
    const now = coverage({ coverageNo: 2, cardNumber: 'DN4383800012345' })
    const decision = decide(facts([old, now], { presentedCard: old.cardNumber }), DAY)
    expect(said(decision).desk).toBe(`${DECISION_TEXTS.replaced_by_card_here.desk} ${WARNING_TEXTS.newCard.desk}`)
    expect(said(decide(facts([old]), DAY)).desk).toContain(DECISION_TEXTS.replaced.desk)
  })

  test('warnings come behind, for both readers', () => {
    const decision = decide(facts([coverage()], { copy: 'late', presentedCard: 'DN4383800012345' }), DAY)
    expect(decision.warnings).toEqual(['newCard', 'copyLate'])
    const { desk, integrator } = WARNING_TEXTS.newCard
    expect(said(decision).desk).toBe(`${DECISION_TEXTS.valid.desk} ${desk} ${WARNING_TEXTS.copyLate.desk}`)
    expect(said(decision).integrator).toBe(
      `${DECISION_TEXTS.valid.integrator} ${integrator} ${WARNING_TEXTS.copyLate.integrator}`,
    )
  })
})
