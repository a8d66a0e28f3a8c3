import type { IsoDate } from '../calendar.ts'
import type { CoverageFacts } from '../coverage/coverage.ts'
import type { DecisionCode } from './decision-code.ts'

/** How one coverage stands on one day: in force (`superseded`: a newer card exists), or the code that says why not. */
export type Standing = 'inForce' | 'inForceSuperseded' | Exclude<DecisionCode, 'valid' | 'valid_prefer_new'>

export function standing(coverage: CoverageFacts, day: IsoDate): Standing {
  const term =
    day < coverage.validFrom ? 'before' : coverage.validTo !== null && day > coverage.validTo ? 'after' : 'in'
  switch (statusOn(coverage, day)) {
    case 'active':
      return term === 'in' ? 'inForce' : term === 'before' ? 'not_yet_valid' : 'expired'
    case 'superseded':
      // past its term the old card is what VSS calls 003: void, and a new one was issued
      return term === 'in' ? 'inForceSuperseded' : term === 'before' ? 'not_yet_valid' : 'replaced'
    case 'replaced':
      return 'replaced'
    case 'defence':
      return 'check_paper_defence'
    case 'police':
      return 'check_paper_police'
    case 'revoked':
      return 'revoked'
    case 'reduced':
      return 'reduced'
    case 'movedOut':
      return 'moved_out'
    case 'movedWithin':
      return 'moved_within'
    case 'reEnrolled':
      return 're_enrolled'
    case 'stopped':
      return 'stopped'
    case 'held':
    case 'unknown':
      return 'held'
  }
}

/** Before the day a status took effect the card was an active one. An unknown status is guarded on every day. */
function statusOn(coverage: CoverageFacts, day: IsoDate): CoverageFacts['status'] {
  const started = coverage.statusFrom === null || day >= coverage.statusFrom
  return started || coverage.status === 'unknown' ? coverage.status : 'active'
}

/** These say that another record exists somewhere: if it is here, it decides; if not, we do not know. */
export function awaitsSuccessor(code: Standing): boolean {
  return code === 'replaced' || code === 'moved_out' || code === 'moved_within' || code === 're_enrolled'
}

export function comesAfter(later: CoverageFacts, earlier: CoverageFacts): boolean {
  return later.validFrom === earlier.validFrom
    ? later.coverageNo > earlier.coverageNo
    : later.validFrom > earlier.validFrom
}
