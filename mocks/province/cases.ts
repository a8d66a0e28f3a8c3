import { CASE_PER_MILLE, type ResidentCode } from './expected.ts'
import { type Layout, WORKING_AGE } from './layout.ts'
import { draw } from './permutation.ts'
import { TRAIT } from './traits.ts'

const CASES = Object.entries(CASE_PER_MILLE) as [ResidentCode, number][]

/** Children under six are always covered; soldiers and police are of working age. Shares are of all people. */
export function caseOf(layout: Layout, key: number, age: number): ResidentCode {
  if (age < 6) return 'valid'
  let random = (draw(key, TRAIT.case) / 0x1_0000_0000) * 1000
  for (const [code, perMille] of CASES) {
    if (code === 'check_paper_defence' || code === 'check_paper_police') {
      if (age < WORKING_AGE.from || age > WORKING_AGE.to) continue
      random -= perMille / layout.shareOfWorkingAge
    } else random -= perMille / layout.shareSixAndOver
    if (random < 0) return code
  }
  return 'valid'
}
