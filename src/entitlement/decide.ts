import type { IsoDate } from '../calendar.ts'
import type { CoverageFacts } from '../coverage/coverage.ts'
import { type Cause, DECISION_CODES, type DecisionCode, type DecisionKind, type Warning } from './decision-code.ts'
import { benefitRank } from './rate.ts'
import { awaitsSuccessor, comesAfter, type Standing, standing } from './standing.ts'

/** Whether the person of the evidence is the holder on record. */
export type HolderMatch = 'matches' | 'nameDiffers' | 'nameDiffersAfterFirstLetter' | 'birthDateDiffers'

export interface EntitlementFacts {
  /** Scanned evidence was printed by the state; typed evidence may be a guess, and must not learn what exists. */
  readonly evidence: 'scanned' | 'typed'
  readonly holder: HolderMatch
  /** The 15-character card the person showed, if that is what they showed. */
  readonly presentedCard: string | null
  /** The evidence says the person is under six on the service date. */
  readonly childUnderSix: boolean
  readonly coverages: readonly CoverageFacts[]
  /**
   * `incomplete`: a batch of the feed is known to be missing. `stale`: so old that its "no" is worth nothing. `failed`: it
   * could not be read, or was never loaded.
   */
  readonly copy: 'fresh' | 'incomplete' | 'late' | 'stale' | 'failed'
}

export interface Decision {
  readonly code: DecisionCode
  readonly decision: DecisionKind
  readonly cause: Cause | null
  readonly vssCode: string | null
  /** What may be shown: every coverage in force; without one, the coverage that decided. Empty on any mismatch. */
  readonly shown: readonly CoverageFacts[]
  /** The one of `shown` that pays; null unless entitled by it. */
  readonly applies: CoverageFacts | null
  readonly warnings: readonly Warning[]
}

/**
 * What cover is in force on the service date. Pure: the same facts and day give the same decision.
 * An outage, an unknown status or a missing successor never becomes "not insured", nor "insured".
 */
export function decide(facts: EntitlementFacts, day: IsoDate): Decision {
  if (facts.copy === 'failed') return nothingShown('source_failed')
  const decided = decideByCopy(facts, day)
  return isLateFor(facts.copy, decided) ? { ...decided, warnings: [...decided.warnings, 'copyLate'] } : decided
}

/**
 * Whatever it says, a late copy may not know it yet: a new card, a corrected name. What ends a card does not wait for a
 * missing batch (`sync/delta/apply.ts`): of an incomplete one only what is no "yes" may be out of date.
 */
function isLateFor(copy: Exclude<EntitlementFacts['copy'], 'failed'>, decided: Decision): boolean {
  switch (copy) {
    case 'fresh':
      return false
    case 'incomplete':
      return decided.decision !== 'entitled'
    case 'late':
    case 'stale':
      return true
  }
}

function decideByCopy(facts: EntitlementFacts, day: IsoDate): Decision {
  if (facts.coverages.length === 0) return absent(facts)
  if (facts.holder !== 'matches') return facts.evidence === 'typed' ? absent(facts) : mismatch(facts.holder)

  const stood = facts.coverages.map((coverage) => ({ coverage, standing: standing(coverage, day) }))
  const inForce = stood.filter(isInForce)
  return inForce.length > 0 ? entitled(facts, stood, inForce) : notInForce(facts, stood, day)
}

interface Stood {
  readonly coverage: CoverageFacts
  readonly standing: Standing
}

function isInForce(each: Stood): boolean {
  return each.standing === 'inForce' || each.standing === 'inForceSuperseded'
}

function entitled(facts: EntitlementFacts, stood: readonly Stood[], inForce: readonly Stood[]): Decision {
  const best = inForce.reduce((a, b) => (betterFor(b, a) ? b : a))
  const shown = inForce.map((each) => each.coverage)
  // one card number may stand on several records, a term each: what is in force speaks for the card
  const presented = stood.filter((each) => each.coverage.cardNumber === facts.presentedCard)
  const presentedInForce = presented.filter(isInForce)
  const newer = stood.some((each) => each.standing === 'inForceSuperseded' || each.standing === 'replaced')
  const anotherCardPays = facts.presentedCard !== null && presentedInForce.length === 0
  const warnings: Warning[] = newer || anotherCardPays ? ['newCard'] : []

  if (presentedInForce.length === 0 && presented.some((each) => each.standing === 'replaced')) {
    return { ...coded('replaced'), decision: 'entitled', cause: null, shown, applies: best.coverage, warnings }
  }
  const isSuperseded = (each: Stood) => each.standing === 'inForceSuperseded'
  const preferNew = isSuperseded(best) || (presentedInForce.length > 0 && presentedInForce.every(isSuperseded))
  return { ...coded(preferNew ? 'valid_prefer_new' : 'valid'), shown, applies: best.coverage, warnings }
}

/** Highest level first; then a card that stays over one that was superseded; then the longer term; then the newer. */
function betterFor(a: Stood, b: Stood): boolean {
  const byLevel = benefitRank(a.coverage.level) - benefitRank(b.coverage.level)
  if (byLevel !== 0) return byLevel < 0
  if (a.standing !== b.standing) return a.standing === 'inForce'
  const [endA, endB] = [a.coverage.validTo ?? '9999', b.coverage.validTo ?? '9999']
  return endA === endB ? a.coverage.coverageNo > b.coverage.coverageNo : endA > endB
}

/**
 * Most cautious first: what we do not know outweighs a "no", and the reason nearest to today outweighs an older one.
 * A wrong "not insured" sends a sick person home.
 */
const CAUTION: readonly Standing[] = [
  'held',
  'check_paper_defence',
  'check_paper_police',
  'replaced',
  're_enrolled',
  'moved_within',
  'moved_out',
  'not_yet_valid',
  'revoked',
  'stopped',
  'reduced',
  'expired',
]

function notInForce(facts: EntitlementFacts, stood: readonly Stood[], day: IsoDate): Decision {
  // a record that was replaced or moved is decided as its successor where that one is here and has begun:
  // one that begins tomorrow does not say what covers today
  const succeeded = (each: Stood) =>
    stood.some((other) => comesAfter(other.coverage, each.coverage) && other.coverage.validFrom <= day)
  const standingAlone = stood.filter((each) => !awaitsSuccessor(each.standing) || !succeeded(each))
  const rank = (each: Stood) => CAUTION.indexOf(each.standing)
  const decisive = standingAlone.reduce((a, b) =>
    rank(a) === rank(b) ? (comesAfter(b.coverage, a.coverage) ? b : a) : rank(b) < rank(a) ? b : a,
  )
  const code = decisive.standing as Exclude<Standing, 'inForce' | 'inForceSuperseded'>
  if (facts.copy === 'stale' && DECISION_CODES[code].decision === 'notEntitled') return nothingShown('source_stale')
  const newer = stood.some((each) => each.standing === 'replaced')
  return { ...coded(code), shown: [decisive.coverage], applies: null, warnings: newer ? ['newCard'] : [] }
}

/** For typed evidence an unknown number and a mismatch come here alike and leave alike. */
function absent(facts: EntitlementFacts): Decision {
  if (facts.childUnderSix) return nothingShown('child_without_card')
  if (facts.evidence === 'typed') return nothingShown('no_match')
  return nothingShown(facts.copy === 'stale' ? 'source_stale' : 'not_found')
}

function mismatch(holder: Exclude<HolderMatch, 'matches'>): Decision {
  switch (holder) {
    case 'nameDiffers':
      return nothingShown('name_mismatch')
    case 'nameDiffersAfterFirstLetter':
      return { ...nothingShown('name_mismatch'), vssCode: '061' }
    case 'birthDateDiffers':
      return nothingShown('birth_date_mismatch')
  }
}

function coded(code: DecisionCode): Pick<Decision, 'code' | 'decision' | 'cause' | 'vssCode'> {
  return { code, ...DECISION_CODES[code] }
}

function nothingShown(code: DecisionCode): Decision {
  return { ...coded(code), shown: [], applies: null, warnings: [] }
}
