import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDays, isoDate } from '../../src/calendar.ts'
import type { CoverageFacts } from '../../src/coverage/coverage.ts'
import { type Decision, decide, type EntitlementFacts } from '../../src/entitlement/decide.ts'
import { DECISION_CODES } from '../../src/entitlement/decision-code.ts'
import { anyFacts } from './arbitrary-facts.ts'
import { coverage, DAY, facts } from './facts.ts'
import { CONTRACT, type ModelDecision, modelDecision } from './model.ts'

const DETERMINISTIC = { seed: 38, numRuns: 10_000 }

const yesterday = addDays(DAY, -1)
const tomorrow = addDays(DAY, 1)
const past = { validFrom: isoDate('2025-01-01'), validTo: isoDate('2025-12-31') }
const ahead = { validFrom: isoDate('2027-01-01'), validTo: isoDate('2027-12-31') }

/** A decision by the numbers of its coverages, in one order. */
function plain(decision: Decision): ModelDecision {
  return {
    ...decision,
    applies: decision.applies?.coverageNo ?? null,
    shown: decision.shown.map((each) => each.coverageNo).sort(),
    warnings: [...decision.warnings].sort(),
  }
}

function sorted(model: ModelDecision): ModelDecision {
  return { ...model, shown: [...model.shown].sort(), warnings: [...model.warnings].sort() }
}

describe('against the reference model', () => {
  test('both decide the same over generated facts', () => {
    fc.assert(
      fc.property(anyFacts, (generated) => {
        expect(plain(decide(generated, DAY))).toEqual(sorted(modelDecision(generated, DAY)))
      }),
      DETERMINISTIC,
    )
  })

  test('the generator reaches every code, so that the comparison says something about each', () => {
    const reached = new Set(fc.sample(anyFacts, DETERMINISTIC).map((generated) => decide(generated, DAY).code))
    expect([...reached].sort()).toEqual(Object.keys(CONTRACT).sort())
  })
})

test('the codes are those of the contract, each with its VSS code, decision and cause', () => {
  const ours = Object.entries(DECISION_CODES).map(([code, row]) => [code, [row.vssCode, row.decision, row.cause]])
  expect(Object.fromEntries(ours)).toEqual(CONTRACT)
})

describe('one clear case of each code', () => {
  const cases: readonly [code: string, facts: EntitlementFacts][] = [
    ['valid', facts([coverage()])],
    ['valid_prefer_new', facts([coverage({ status: 'superseded' })])],
    ['replaced', facts([coverage({ status: 'replaced' })])],
    ['check_paper_defence', facts([coverage({ status: 'defence' })])],
    ['check_paper_police', facts([coverage({ status: 'police' })])],
    ['child_without_card', facts([], { childUnderSix: true })],
    ['expired', facts([coverage(past)])],
    ['not_yet_valid', facts([coverage(ahead)])],
    ['revoked', facts([coverage({ status: 'revoked', statusFrom: DAY })])],
    ['reduced', facts([coverage({ status: 'reduced', statusFrom: yesterday })])],
    ['stopped', facts([coverage({ status: 'stopped' })])],
    ['moved_out', facts([coverage({ status: 'movedOut' })])],
    ['moved_within', facts([coverage({ status: 'movedWithin' })])],
    ['re_enrolled', facts([coverage({ status: 'reEnrolled' })])],
    ['held', facts([coverage({ status: 'held' })])],
    ['name_mismatch', facts([coverage()], { holder: 'nameDiffers' })],
    ['birth_date_mismatch', facts([coverage()], { holder: 'birthDateDiffers' })],
    ['no_match', facts([], { evidence: 'typed' })],
    ['not_found', facts([])],
    ['source_stale', facts([coverage(past)], { copy: 'stale' })],
    ['source_failed', facts([coverage()], { copy: 'failed' })],
  ]

  test.each(cases)('%s', (code, given) => {
    const [vssCode, decision, cause] = CONTRACT[code] ?? []
    expect(decide(given, DAY)).toMatchObject({ code, vssCode, decision, cause })
  })

  test('the list above leaves none out', () => {
    expect(cases.map(([code]) => code).sort()).toEqual(Object.keys(CONTRACT).sort())
  })
})

describe('the term and the day a status takes effect', () => {
  test.each([
    ['the first day of the term', { validFrom: DAY }, 'valid'],
    ['the last day of the term', { validTo: DAY }, 'valid'],
    ['no last day', { validTo: null }, 'valid'],
    ['the day before the term', { validFrom: tomorrow }, 'not_yet_valid'],
    ['the day after the term', { validTo: yesterday }, 'expired'],
    ['revoked from today', { status: 'revoked', statusFrom: DAY }, 'revoked'],
    ['revoked from tomorrow: still active today', { status: 'revoked', statusFrom: tomorrow }, 'valid'],
    ['revoked from tomorrow, term over', { ...past, status: 'revoked', statusFrom: tomorrow }, 'expired'],
    ['held from tomorrow: still active today', { status: 'held', statusFrom: tomorrow }, 'valid'],
    ['an unknown status is guarded, also before its day', { status: 'unknown', statusFrom: tomorrow }, 'held'],
    ['an unknown status is guarded, also past the term', { ...past, status: 'unknown' }, 'held'],
    ['defence keeps its own terms', { ...past, status: 'defence' }, 'check_paper_defence'],
    ['superseded and past its term is what VSS calls 003', { ...past, status: 'superseded' }, 'replaced'],
    ['superseded, but only from tomorrow', { status: 'superseded', statusFrom: tomorrow }, 'valid'],
  ] satisfies [string, Partial<CoverageFacts>, string][])('%s', (_, over, code) => {
    expect(decide(facts([coverage(over)]), DAY).code).toBe(code)
  })
})

describe('several coverages', () => {
  const first = coverage({ coverageNo: 1, cardNumber: 'GD4383800012345' })
  const second = coverage({ coverageNo: 2, cardNumber: 'HN2383800012345', level: 2 })

  test('all in force are shown, the highest benefit applies (NĐ 188/2025 Đ21 k1)', () => {
    const levels = [4, 3, 2, 1, 5] as const
    const coverages = levels.map((level, i) => coverage({ coverageNo: i + 1, level }))
    for (const best of [5, 1, 2, 3, 4]) {
      const there = coverages.filter((each) => [5, 1, 2, 3, 4].indexOf(each.level) >= [5, 1, 2, 3, 4].indexOf(best))
      const decision = decide(facts(there), DAY)
      expect(decision.applies?.level).toBe(best)
      expect(decision.shown).toHaveLength(there.length)
    }
  })

  test.each([
    ['a card that stays over a superseded one', { status: 'superseded', validTo: null }, {}, 2],
    ['then the longer term', { validTo: isoDate('2027-06-30') }, {}, 1],
    ['a term without end is the longest', { validTo: null }, { validTo: isoDate('2099-12-31') }, 1],
    ['then the newer record', {}, {}, 2],
    ['but a higher level pays, superseded or not', { status: 'superseded', level: 3 }, {}, 1],
  ] satisfies [string, Partial<CoverageFacts>, Partial<CoverageFacts>, number][])('of one level: %s', (_, a, b, no) => {
    const pair = [coverage({ coverageNo: 1, ...a }), coverage({ coverageNo: 2, ...b })]
    expect(decide(facts(pair), DAY).applies?.coverageNo).toBe(no)
  })

  test('a presented card that was replaced: its successor pays, under the code of the card', () => {
    const old = { ...first, status: 'replaced' as const }
    const decision = decide(facts([old, second], { presentedCard: old.cardNumber }), DAY)
    expect(decision).toMatchObject({ code: 'replaced', decision: 'entitled', cause: null, vssCode: '003' })
    expect(decision).toMatchObject({ applies: second, shown: [second], warnings: ['newCard'] })
  })

  test('the same, not presented: valid, and the desk learns of the new card', () => {
    const decision = decide(facts([{ ...first, status: 'replaced' }, second]), DAY)
    expect(decision).toMatchObject({ code: 'valid', applies: second, warnings: ['newCard'] })
  })

  test('a presented card that is superseded is valid, the new one is preferred and pays', () => {
    const old = { ...first, status: 'superseded' as const }
    const decision = decide(facts([old, second], { presentedCard: old.cardNumber }), DAY)
    expect(decision).toMatchObject({ code: 'valid_prefer_new', applies: second, warnings: ['newCard'] })
  })

  test('a presented card that is not on record: valid by the one that is', () => {
    const decision = decide(facts([first], { presentedCard: 'DN4383800012345' }), DAY)
    expect(decision).toMatchObject({ code: 'valid', applies: first, warnings: ['newCard'] })
  })

  test.each(['replaced', 'superseded'] as const)(
    'one number on two terms: the %s one does not hide the one in force',
    (status) => {
      const old = { ...first, status }
      const now = { ...first, coverageNo: 2 }
      for (const order of [
        [old, now],
        [now, old],
      ]) {
        const decision = decide(facts(order, { presentedCard: first.cardNumber }), DAY)
        expect(decision).toMatchObject({ code: 'valid', applies: now, warnings: ['newCard'] })
      }
    },
  )

  test.each([
    ['replaced', 'replaced'],
    ['movedOut', 'moved_out'],
    ['movedWithin', 'moved_within'],
    ['reEnrolled', 're_enrolled'],
  ] as const)('%s is decided by the record that came after', (status, code) => {
    const left = coverage({ coverageNo: 1, status })
    expect(decide(facts([left]), DAY).code).toBe(code)
    const after = coverage({ coverageNo: 2, validFrom: isoDate('2026-03-01') })
    expect(decide(facts([left, after]), DAY)).toMatchObject({ code: 'valid', applies: after })
    const stopped = { ...after, status: 'stopped' as const }
    expect(decide(facts([left, stopped]), DAY)).toMatchObject({ code: 'stopped', shown: [stopped] })
    // one that came before settles nothing
    const before = coverage({ ...past, coverageNo: 2 })
    expect(decide(facts([left, before]), DAY).code).toBe(code)
  })

  test('a void card whose successor begins tomorrow says nothing of today: nobody is sent home', () => {
    const next = coverage({ coverageNo: 2, validFrom: tomorrow, cardNumber: 'HN2383800012345' })
    const decision = decide(facts([{ ...first, status: 'replaced' }, next]), DAY)
    expect(decision).toMatchObject({ code: 'replaced', decision: 'undetermined', cause: 'notInCopy' })
    expect(decide(facts([{ ...first, status: 'replaced' }, next]), tomorrow)).toMatchObject({ code: 'valid' })
  })

  test('a presented card that does not pay, beside one that does: the desk learns to use the other', () => {
    const held = { ...first, status: 'held' as const }
    const decision = decide(facts([held, second], { presentedCard: first.cardNumber }), DAY)
    expect(decision).toMatchObject({ code: 'valid', warnings: ['newCard'] })
  })

  test('what is not known outweighs a "no", the "no" nearest to today an older one', () => {
    const cautious = [
      ['held', { status: 'held' }],
      ['check_paper_defence', { status: 'defence' }],
      ['check_paper_police', { status: 'police' }],
      ['not_yet_valid', ahead],
      ['revoked', { status: 'revoked' }],
      ['stopped', { status: 'stopped' }],
      ['reduced', { status: 'reduced' }],
      ['expired', past],
    ] satisfies [string, Partial<CoverageFacts>][]
    cautious.forEach(([code, over], i) => {
      const rest = cautious
        .slice(i)
        .map(([, each], n) => coverage({ coverageNo: 10 - n, ...each, ...(n === 0 ? over : {}) }))
      expect(decide(facts(rest), DAY).code).toBe(code)
    })
  })

  test('of two equal reasons the newest record is shown', () => {
    const older = coverage({ coverageNo: 7, ...past })
    const newer = coverage({ coverageNo: 1, ...past, validFrom: isoDate('2025-02-01') })
    expect(decide(facts([older, newer]), DAY).shown).toEqual([newer])
  })
})

describe('evidence', () => {
  test.each([
    ['nameDiffers', 'name_mismatch', '060'],
    ['nameDiffersAfterFirstLetter', 'name_mismatch', '061'],
    ['birthDateDiffers', 'birth_date_mismatch', '070'],
  ] as const)('scanned, %s: the differing field is named, nothing is shown', (holder, code, vssCode) => {
    const decision = decide(facts([coverage()], { holder }), DAY)
    expect(decision).toEqual({
      code,
      vssCode,
      decision: 'undetermined',
      cause: 'evidenceMismatch',
      shown: [],
      applies: null,
      warnings: [],
    })
  })

  test('typed: a mismatch and an unknown number are one answer, whatever the copy and the age', () => {
    for (const copy of ['fresh', 'late', 'stale', 'failed'] as const) {
      for (const childUnderSix of [false, true]) {
        const unknown = decide(facts([], { evidence: 'typed', copy, childUnderSix }), DAY)
        for (const holder of ['nameDiffers', 'nameDiffersAfterFirstLetter', 'birthDateDiffers'] as const) {
          expect(decide(facts([coverage()], { evidence: 'typed', holder, copy, childUnderSix }), DAY)).toEqual(unknown)
        }
      }
    }
  })
})

describe('the age of the copy', () => {
  test('stale: a "no" is withheld, and so is the record', () => {
    for (const over of [past, ahead, { status: 'revoked' }, { status: 'stopped' }] as Partial<CoverageFacts>[]) {
      expect(decide(facts([coverage(over)], { copy: 'stale' }), DAY)).toMatchObject({ code: 'source_stale', shown: [] })
    }
    expect(decide(facts([], { copy: 'stale' }), DAY).code).toBe('source_stale')
  })

  test('stale: a "yes" and a doubt stay what they are', () => {
    expect(decide(facts([coverage()], { copy: 'stale' }), DAY).code).toBe('valid')
    expect(decide(facts([coverage({ status: 'held' })], { copy: 'stale' }), DAY).code).toBe('held')
  })

  test('late and stale say so beside any decision, once', () => {
    fc.assert(
      fc.property(anyFacts, (generated) => {
        fc.pre(generated.copy !== 'incomplete')
        const late = decide(generated, DAY).warnings.filter((each) => each === 'copyLate').length
        expect(late).toBe(generated.copy === 'late' || generated.copy === 'stale' ? 1 : 0)
      }),
      DETERMINISTIC,
    )
  })

  test('incomplete: says so beside a "no" and a doubt, not beside a "yes": what ends a card does not wait', () => {
    const told = (coverages: CoverageFacts[], over = {}) =>
      decide(facts(coverages, { copy: 'incomplete', ...over }), DAY).warnings
    expect(told([coverage()])).toEqual([])
    for (const over of [past, ahead, { status: 'revoked' }, { status: 'held' }] as Partial<CoverageFacts>[]) {
      expect(told([coverage(over)])).toEqual(['copyLate'])
    }
    expect(told([])).toEqual(['copyLate'])
    // an unknown number and a mismatch must not differ
    for (const coverages of [[], [coverage()]]) {
      expect(told(coverages, { evidence: 'typed', holder: 'nameDiffers' })).toEqual(['copyLate'])
    }
  })
})

describe('what holds for any facts', () => {
  const holds = (check: (decision: Decision, given: EntitlementFacts) => void) =>
    fc.assert(
      fc.property(anyFacts, (given) => check(decide(given, DAY), given)),
      { ...DETERMINISTIC, numRuns: 3_000 },
    )

  test('an outage is never an answer about the person', () => {
    holds((decision, given) => {
      if (given.copy === 'failed') expect(decision.decision).toBe('undetermined')
    })
  })

  test('records of unknown status alone are neither a yes nor a no', () => {
    holds((_, given) => {
      const coverages = given.coverages.map((each) => ({ ...each, status: 'unknown' as const }))
      expect(decide({ ...given, coverages }, DAY).decision).toBe('undetermined')
    })
  })

  test('a record of unknown status never turns into a "no", whatever stands beside it', () => {
    holds((decision, given) => {
      if (given.coverages.some((each) => each.status === 'unknown')) expect(decision.decision).not.toBe('notEntitled')
      if (decision.decision === 'entitled') expect(decision.applies?.status).not.toBe('unknown')
    })
  })

  test('a stale copy never says no', () => {
    holds((decision, given) => {
      if (given.copy === 'stale') expect(decision.decision).not.toBe('notEntitled')
    })
  })

  test('undetermined has a cause, and only that', () => {
    holds(({ decision, cause }) => {
      expect(cause !== null).toBe(decision === 'undetermined')
    })
  })

  test('entitled has the coverage that pays among those shown, and only that', () => {
    holds(({ decision, applies, shown }) => {
      expect(applies !== null).toBe(decision === 'entitled')
      if (applies !== null) expect(shown).toContain(applies)
    })
  })

  test('of another person nothing is shown', () => {
    holds(({ shown }, given) => {
      if (given.holder !== 'matches') expect(shown).toEqual([])
    })
  })

  test('rows come in no order: none changes the answer', () => {
    holds((decision, given) => {
      const turned = { ...given, coverages: [...given.coverages].reverse() }
      expect(plain(decide(turned, DAY))).toEqual(plain(decision))
    })
  })

  test('the facts are not touched', () => {
    holds((decision, given) => {
      const before = structuredClone(given)
      expect(decide(given, DAY)).toEqual(decision)
      expect(given).toEqual(before)
    })
  })
})
