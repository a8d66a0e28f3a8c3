import fc from 'fast-check'
import { addDays, type IsoDate } from '../../src/calendar.ts'
import type { BenefitLevel } from '../../src/coverage/card-number.ts'
import type { CoverageFacts } from '../../src/coverage/coverage.ts'
import { COVERAGE_STATUSES } from '../../src/coverage/status.ts'
import type { EntitlementFacts } from '../../src/entitlement/decide.ts'
import { coverage, DAY } from './facts.ts'

/** Few values, so that ties and meetings are common: same level, same end, a term that begins or ends today. */
const day = (from: number, to: number) => fc.integer({ min: from, max: to }).map((n) => addDays(DAY, n))

const term: fc.Arbitrary<{ validFrom: IsoDate; validTo: IsoDate | null }> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ validFrom: day(-3, 0), validTo: fc.option(day(0, 3)) }) },
  { weight: 3, arbitrary: fc.record({ validFrom: day(-6, -3), validTo: day(-3, -1) }) },
  { weight: 2, arbitrary: fc.record({ validFrom: day(1, 3), validTo: fc.option(day(3, 6)) }) },
)

export const CARDS = ['GD4383800012345', 'DN4383800012345', 'HN2383800012345'] as const

const anyCoverage: fc.Arbitrary<CoverageFacts> = fc
  .record({
    coverageNo: fc.integer({ min: 1, max: 9 }),
    level: fc.constantFrom<BenefitLevel>(1, 2, 3, 4, 5, 4, 4),
    term,
    status: fc.oneof(
      { weight: 4, arbitrary: fc.constant('active' as const) },
      { weight: 3, arbitrary: fc.constantFrom('superseded' as const, 'replaced' as const) },
      { weight: 5, arbitrary: fc.constantFrom(...COVERAGE_STATUSES, 'unknown' as const) },
    ),
    statusFrom: fc.option(day(-2, 2)),
    cardNumber: fc.constantFrom(...CARDS),
  })
  .map(({ term, ...rest }) => coverage({ ...rest, ...term }))

/** 0–4 coverages; `coverageNo` tells them apart, as the table's key does. */
export const anyFacts: fc.Arbitrary<EntitlementFacts> = fc.record({
  evidence: fc.constantFrom('scanned' as const, 'typed' as const),
  holder: fc.oneof(
    { weight: 4, arbitrary: fc.constant('matches' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'nameDiffers' as const,
        'nameDiffersAfterFirstLetter' as const,
        'birthDateDiffers' as const,
      ),
    },
  ),
  presentedCard: fc.option(fc.constantFrom(...CARDS, 'TE1383800099999')),
  childUnderSix: fc.boolean(),
  coverages: fc.uniqueArray(anyCoverage, { maxLength: 4, selector: (c) => c.coverageNo }),
  copy: fc.oneof(
    { weight: 3, arbitrary: fc.constant('fresh' as const) },
    {
      weight: 2,
      arbitrary: fc.constantFrom('incomplete' as const, 'late' as const, 'stale' as const, 'failed' as const),
    },
  ),
})
