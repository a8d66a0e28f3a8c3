import type { IsoDate } from '../../src/calendar.ts'
import type { CoverageFacts } from '../../src/coverage/coverage.ts'
import type { EntitlementFacts } from '../../src/entitlement/decide.ts'

/**
 * The decision rules once more, from the table of the contract and the law, as predicates over all coverages of a
 * person: no standing of one record, no fold. Written apart from `decide.ts`, so that one mistake is not made twice.
 */
export interface ModelDecision {
  readonly code: string
  readonly decision: 'entitled' | 'notEntitled' | 'undetermined'
  readonly cause: string | null
  readonly vssCode: string | null
  readonly applies: number | null
  readonly shown: readonly number[]
  readonly warnings: readonly string[]
}

/** code → VSS code, decision, cause: the rows of the contract, typed off by hand. */
export const CONTRACT: Readonly<Record<string, readonly [string | null, ModelDecision['decision'], string | null]>> = {
  valid: ['000', 'entitled', null],
  valid_prefer_new: ['004', 'entitled', null],
  replaced: ['003', 'undetermined', 'notInCopy'],
  check_paper_defence: ['001', 'undetermined', 'checkPaper'],
  check_paper_police: ['002', 'undetermined', 'checkPaper'],
  child_without_card: ['130', 'undetermined', 'checkPaper'],
  expired: ['010', 'notEntitled', null],
  not_yet_valid: [null, 'notEntitled', null],
  revoked: ['110', 'notEntitled', null],
  reduced: ['120', 'notEntitled', null],
  stopped: ['124', 'notEntitled', null],
  moved_out: ['121', 'undetermined', 'notInCopy'],
  moved_within: ['122', 'undetermined', 'notInCopy'],
  re_enrolled: ['123', 'undetermined', 'notInCopy'],
  held: [null, 'undetermined', 'guarded'],
  name_mismatch: ['060', 'undetermined', 'evidenceMismatch'],
  birth_date_mismatch: ['070', 'undetermined', 'evidenceMismatch'],
  no_match: [null, 'undetermined', 'noMatch'],
  not_found: ['050', 'undetermined', 'notInCopy'],
  source_stale: [null, 'undetermined', 'sourceFailed'],
  source_failed: ['100', 'undetermined', 'sourceFailed'],
}

type Predicate = (c: CoverageFacts) => boolean

export function modelDecision(facts: EntitlementFacts, day: IsoDate): ModelDecision {
  const all = facts.coverages
  const newest = [...all].sort((a, b) =>
    a.validFrom < b.validFrom ? 1 : a.validFrom > b.validFrom ? -1 : b.coverageNo - a.coverageNo,
  )

  const begun: Predicate = (c) => c.statusFrom === null || c.statusFrom <= day
  const says =
    (...statuses: CoverageFacts['status'][]): Predicate =>
    (c) =>
      statuses.includes(c.status) && begun(c)
  // before its day a status has not happened yet; what nobody understands is guarded on every day
  const active: Predicate = (c) => c.status === 'active' || (c.status !== 'unknown' && !begun(c))
  const superseded = says('superseded')
  const guarded: Predicate = (c) => c.status === 'unknown' || says('held')(c)
  const ahead: Predicate = (c) => c.validFrom > day
  const past: Predicate = (c) => c.validTo !== null && c.validTo < day
  const within: Predicate = (c) => !ahead(c) && !past(c)
  const pays: Predicate = (c) => (active(c) || superseded(c)) && within(c)
  const isVoid: Predicate = (c) => says('replaced')(c) || (superseded(c) && past(c))
  // a later record that has not begun does not say what covers today
  const hasLater: Predicate = (c) => newest.slice(0, newest.indexOf(c)).some((later) => !ahead(later))

  const outcome = (code: string, part: Partial<ModelDecision> = {}): ModelDecision => {
    const row = CONTRACT[code]
    if (row === undefined) throw new Error(`the contract has no ${code}`)
    const [vssCode, decision, cause] = row
    const told = part.decision ?? decision
    const isLate =
      facts.copy === 'late' || facts.copy === 'stale' || (facts.copy === 'incomplete' && told !== 'entitled')
    const warnings = [...(part.warnings ?? []), ...(isLate ? ['copyLate'] : [])]
    return { code, decision, cause, vssCode, applies: null, shown: [], ...part, warnings }
  }

  // who it is
  if (facts.copy === 'failed') return outcome('source_failed')
  const nobody = all.length === 0
  const somebodyElse = !nobody && facts.holder !== 'matches'
  if (nobody || (somebodyElse && facts.evidence === 'typed')) {
    if (facts.childUnderSix) return outcome('child_without_card')
    if (facts.evidence === 'typed') return outcome('no_match')
    return outcome(facts.copy === 'stale' ? 'source_stale' : 'not_found')
  }
  if (somebodyElse && facts.holder === 'birthDateDiffers') return outcome('birth_date_mismatch')
  if (somebodyElse) {
    return outcome('name_mismatch', facts.holder === 'nameDiffersAfterFirstLetter' ? { vssCode: '061' } : {})
  }

  // what pays
  const paying = all.filter(pays)
  if (paying.length > 0) {
    const [best] = [5, 1, 2, 3, 4].flatMap((level) =>
      paying
        .filter((c) => c.level === level)
        .sort(
          (a, b) =>
            Number(superseded(a)) - Number(superseded(b)) ||
            (b.validTo ?? '9999-12-31').localeCompare(a.validTo ?? '9999-12-31') ||
            b.coverageNo - a.coverageNo,
        ),
    )
    if (best === undefined) throw new Error('a level outside 1–5')
    const shownCard = all.filter((c) => c.cardNumber === facts.presentedCard)
    const newCard =
      paying.some(superseded) || all.some(isVoid) || (facts.presentedCard !== null && !shownCard.some(pays))
    const part = {
      applies: best.coverageNo,
      shown: paying.map((c) => c.coverageNo),
      warnings: newCard ? ['newCard'] : [],
    }
    if (!shownCard.some(pays) && shownCard.some(isVoid)) {
      return outcome('replaced', { ...part, decision: 'entitled', cause: null })
    }
    const oldCardShown = shownCard.some(pays) && shownCard.filter(pays).every(superseded)
    return outcome(oldCardShown || superseded(best) ? 'valid_prefer_new' : 'valid', part)
  }

  // why nothing pays, most cautious first; who moved on is decided by the record that came after
  const reasons: readonly (readonly [string, Predicate])[] = [
    ['held', guarded],
    ['check_paper_defence', says('defence')],
    ['check_paper_police', says('police')],
    ['replaced', (c) => isVoid(c) && !hasLater(c)],
    ['re_enrolled', (c) => says('reEnrolled')(c) && !hasLater(c)],
    ['moved_within', (c) => says('movedWithin')(c) && !hasLater(c)],
    ['moved_out', (c) => says('movedOut')(c) && !hasLater(c)],
    ['not_yet_valid', (c) => (active(c) || superseded(c)) && ahead(c)],
    ['revoked', says('revoked')],
    ['stopped', says('stopped')],
    ['reduced', says('reduced')],
    ['expired', (c) => active(c) && past(c)],
  ]
  for (const [code, holds] of reasons) {
    const because = newest.find(holds)
    if (because === undefined) continue
    if (facts.copy === 'stale' && CONTRACT[code]?.[1] === 'notEntitled') return outcome('source_stale')
    return outcome(code, { shown: [because.coverageNo], warnings: all.some(isVoid) ? ['newCard'] : [] })
  }
  throw new Error('a coverage that neither pays nor has a reason')
}
