import type { IsoDate } from '../calendar.ts'
import type { Coverage, CoverageFacts } from './coverage.ts'

/** What an earlier version of a coverage said of its status. */
export interface EarlierStatus {
  readonly coverageNo: number
  readonly status: CoverageFacts['status']
  readonly statusFrom: IsoDate | null
}

/** Whether what stands on record now leaves open how a coverage stood on that day: its status began later. */
export function needsHistory(coverages: readonly Coverage[], day: IsoDate): boolean {
  return coverages.some(({ facts }) => facts.statusFrom !== null && facts.statusFrom > day)
}

/**
 * The coverages as they stood on a past day, as far as known now. Later knowledge wins: the newest word whose status had
 * begun by that day counts, all else (term, level, card) is as corrected since. Without such a word the card was active.
 * `earlier`: what was known before, the newest first.
 */
export function asOfDay(
  coverages: readonly Coverage[],
  earlier: readonly EarlierStatus[],
  day: IsoDate,
): readonly Coverage[] {
  return coverages.map((coverage) => {
    const { facts } = coverage
    if (facts.statusFrom === null || facts.statusFrom <= day) return coverage
    const word = earlier.find(
      (each) => each.coverageNo === facts.coverageNo && (each.statusFrom === null || each.statusFrom <= day),
    )
    if (word === undefined) return coverage
    return { ...coverage, facts: { ...facts, status: word.status, statusFrom: word.statusFrom } }
  })
}
