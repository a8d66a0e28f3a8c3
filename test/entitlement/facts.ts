import { isoDate } from '../../src/calendar.ts'
import type { CoverageFacts } from '../../src/coverage/coverage.ts'
import type { EntitlementFacts } from '../../src/entitlement/decide.ts'

/** The service date of these tests. */
export const DAY = isoDate('2026-11-24')

/** An active card of level 4 in its term, changed where a test says so. */
export function coverage(over: Partial<CoverageFacts> = {}): CoverageFacts {
  return {
    coverageNo: 1,
    group: 'GD',
    level: 4,
    registeredFacility: '38001',
    validFrom: isoDate('2026-01-01'),
    validTo: isoDate('2026-12-31'),
    fiveYearsFrom: null,
    area: null,
    status: 'active',
    statusFrom: null,
    knownFrom: '2026-11-20T02:00:00.000Z',
    cardNumber: 'GD4383800012345',
    ...over,
  }
}

/** A scan of the holder's own chip ID against a fresh copy, changed where a test says so. */
export function facts(coverages: readonly CoverageFacts[], over: Partial<EntitlementFacts> = {}): EntitlementFacts {
  return {
    evidence: 'scanned',
    holder: 'matches',
    presentedCard: null,
    childUnderSix: false,
    coverages,
    copy: 'fresh',
    ...over,
  }
}
