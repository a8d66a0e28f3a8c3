import type { Holder } from '../coverage/coverage.ts'
import type { HolderMatch } from '../entitlement/decide.ts'
import { type BirthDate, compareBirthDates } from '../identity/birth-date.ts'
import { compareNames, firstLetterAgrees } from '../identity/name.ts'
import type { Evidence } from './evidence.ts'

/** Of the evidence, what says whose it is. */
export type Presented = Pick<Evidence, 'fullName' | 'birthDate'>

export interface Comparison {
  readonly name: 'exact' | 'near' | 'differs'
  readonly birthDate: 'exact' | 'coarser' | 'differs'
  readonly match: HolderMatch
}

/** The record that agrees best speaks for the person: an insurer may have corrected the name on the newer one only. */
export function compareWithHolders(evidence: Presented, holders: readonly Holder[]): Comparison | null {
  let best: Comparison | null = null
  for (const holder of holders) {
    const next = compareWithHolder(evidence, holder)
    if (best === null || disagreement(next) < disagreement(best)) best = next
  }
  return best
}

const MATCHES = ['matches', 'birthDateDiffers', 'nameDiffersAfterFirstLetter', 'nameDiffers'] as const
const NAMES = ['exact', 'near', 'differs'] as const
const BIRTH_DATES = ['exact', 'coarser', 'differs'] as const

/** Lower agrees better; whether it is the person outweighs how exactly. Rows come in no order, so this gives one. */
function disagreement({ match, name, birthDate }: Comparison): number {
  return MATCHES.indexOf(match) * 9 + NAMES.indexOf(name) * 3 + BIRTH_DATES.indexOf(birthDate)
}

function compareWithHolder(evidence: Presented, holder: Holder): Comparison {
  const name = compareNames(evidence.fullName, holder.fullName)
  // a stored date was parsed when it was loaded
  const birthDate = compareBirthDates(evidence.birthDate, holder.dateOfBirth as BirthDate)
  return { name, birthDate, match: matchOf() }

  function matchOf(): HolderMatch {
    // a near name is taken for a spelling fault only where the full number and the exact birth date vouch for it
    const nameAgrees = name === 'exact' || (name === 'near' && birthDate === 'exact')
    if (nameAgrees && birthDate !== 'differs') return 'matches'
    if (name !== 'differs' && birthDate === 'differs') return 'birthDateDiffers'
    return firstLetterAgrees(evidence.fullName, holder.fullName) ? 'nameDiffersAfterFirstLetter' : 'nameDiffers'
  }
}
