import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import { type Decision, decide } from '../../src/entitlement/decide.ts'
import { withPortalAnswer } from '../../src/entitlement/portal-answer.ts'
import { anyFacts } from './arbitrary-facts.ts'
import { coverage, DAY, facts } from './facts.ts'

/** Domain §1.3: every result code of the VSS card look-up (CV1923 annex), and what a desk must take it for. */
const ABOUT_THE_PERSON = {
  '000': ['valid', 'entitled', null],
  '001': ['check_paper_defence', 'undetermined', 'checkPaper'],
  '002': ['check_paper_police', 'undetermined', 'checkPaper'],
  '003': ['replaced', 'undetermined', 'notInCopy'],
  '004': ['valid_prefer_new', 'entitled', null],
  '010': ['expired', 'notEntitled', null],
  '050': ['not_found', 'undetermined', 'notInCopy'],
  '060': ['name_mismatch', 'undetermined', 'evidenceMismatch'],
  '061': ['name_mismatch', 'undetermined', 'evidenceMismatch'],
  '070': ['birth_date_mismatch', 'undetermined', 'evidenceMismatch'],
  '110': ['revoked', 'notEntitled', null],
  '120': ['reduced', 'notEntitled', null],
  '121': ['moved_out', 'undetermined', 'notInCopy'],
  '122': ['moved_within', 'undetermined', 'notInCopy'],
  '123': ['re_enrolled', 'undetermined', 'notInCopy'],
  '124': ['stopped', 'notEntitled', null],
  '130': ['child_without_card', 'undetermined', 'checkPaper'],
} as const

/** Malformed card, officer refused, upstream or account errors: nothing was said about the person. */
const ABOUT_THE_CALL = ['051', '052', '053', '054', '055', '100', '101', '205', '401', '500']

/** 080 and 090 have a meaning of low confidence only (domain §1.3, L): unknown codes are guarded. */
const GUARDED = ['080', '090', '777']

const own = {
  entitled: decide(facts([coverage()]), DAY),
  notEntitled: decide(facts([coverage({ validTo: isoDate('2026-10-31') })]), DAY),
  undetermined: decide(facts([coverage({ status: 'held' })]), DAY),
}

describe.each(Object.entries(own))('our copy says %s, and the portal', (_, decision) => {
  test.each(Object.entries(ABOUT_THE_PERSON))('%s: it wins', (vssCode, [code, kind, cause]) => {
    expect(withPortalAnswer(decision, vssCode)).toMatchObject({
      code,
      decision: kind,
      cause,
      vssCode,
      vssCodeSource: 'portal',
    })
  })

  test.each(ABOUT_THE_CALL)('%s: our answer stands', (vssCode) => {
    expect(withPortalAnswer(decision, vssCode)).toEqual({ ...decision, vssCodeSource: 'copy' })
  })

  test.each(GUARDED)('%s: guarded, never guessed', (vssCode) => {
    expect(withPortalAnswer(decision, vssCode)).toMatchObject({
      code: 'held',
      decision: 'undetermined',
      cause: 'guarded',
      vssCode,
      applies: null,
    })
  })
})

describe('the portal says 003, the card is void', () => {
  const old = coverage({ status: 'replaced' })
  const now = coverage({ coverageNo: 2, cardNumber: 'DN4383800012345' })

  test.each([
    ['the old card was presented', { presentedCard: old.cardNumber }],
    ['another card was presented', { presentedCard: now.cardNumber }],
    ['no card was presented', {}],
  ])('its successor is in our copy and pays: %s', (_, over) => {
    const answer = withPortalAnswer(decide(facts([old, now], over), DAY), '003')
    expect(answer).toMatchObject({ code: 'replaced', decision: 'entitled', cause: null, applies: now })
    expect(answer.warnings).toContain('newCard')
  })

  test('the card we know may be the void one: undetermined, nothing pays', () => {
    const answer = withPortalAnswer(own.entitled, '003')
    expect(answer).toMatchObject({ decision: 'undetermined', cause: 'notInCopy', applies: null, warnings: ['newCard'] })
  })

  test('of two cards only a superseded one is in force: undetermined', () => {
    const superseded = decide(facts([coverage({ status: 'superseded' })]), DAY)
    expect(withPortalAnswer(superseded, '003')).toMatchObject({ decision: 'undetermined', applies: null })
  })
})

test.each(['060', '061', '070'])('%s: on a mismatch nothing is disclosed, whoever found it', (vssCode) => {
  expect(withPortalAnswer(own.entitled, vssCode)).toMatchObject({ shown: [], applies: null })
})

test('a "no" of the portal takes the mark off what our copy holds', () => {
  expect(withPortalAnswer(own.entitled, '110')).toMatchObject({ shown: own.entitled.shown, applies: null })
})

test('a "yes" of the portal does not put the mark on what our copy says is over', () => {
  expect(withPortalAnswer(own.notEntitled, '000')).toMatchObject({ decision: 'entitled', applies: null })
})

test('for any facts and code: never more shown than our copy allows, a cause exactly when undetermined', () => {
  const anyCode = fc.oneof(
    fc.constantFrom(...Object.keys(ABOUT_THE_PERSON), ...ABOUT_THE_CALL, ...GUARDED),
    fc.integer({ min: 0, max: 999 }).map((n) => String(n).padStart(3, '0')),
  )
  fc.assert(
    fc.property(anyFacts, anyCode, (given, vssCode) => {
      const ours: Decision = decide(given, DAY)
      const answer = withPortalAnswer(ours, vssCode)
      expect(ours.shown).toEqual(expect.arrayContaining([...answer.shown]))
      expect(answer.cause !== null).toBe(answer.decision === 'undetermined')
      if (answer.applies !== null) {
        expect(answer.decision).toBe('entitled')
        expect(answer.shown).toContain(answer.applies)
      }
      expect(new Set(answer.warnings).size).toBe(answer.warnings.length)
    }),
    { seed: 38, numRuns: 5_000 },
  )
})
