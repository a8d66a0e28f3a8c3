import type { Holder } from '../coverage/coverage.ts'
import type { HolderMatch } from '../entitlement/decide.ts'
import { type BirthDate, compareBirthDates } from '../identity/birth-date.ts'
import { compareMrzName } from '../identity/mrz-name.ts'
import { compareNames, firstLetterAgrees } from '../identity/name.ts'
import type { Evidence } from './evidence.ts'

/** Of the evidence, what says whose it is. */
export type Presented = Pick<Evidence, 'fullName' | 'birthDate' | 'mrzName'>

export interface Comparison {
  /** `transliterated`: as well as a machine-readable zone can say it. Told as `near`, without the warning. */
  readonly name: 'exact' | 'transliterated' | 'near' | 'differs'
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
const NAMES = ['exact', 'transliterated', 'near', 'differs'] as const
const BIRTH_DATES = ['exact', 'coarser', 'differs'] as const

/** Lower agrees better; whether it is the person outweighs how exactly. Rows come in no order, so this gives one. */
function disagreement({ match, name, birthDate }: Comparison): number {
  return MATCHES.indexOf(match) * 12 + NAMES.indexOf(name) * 3 + BIRTH_DATES.indexOf(birthDate)
}

function compareWithHolder(evidence: Presented, holder: Holder): Comparison {
  const name =
    evidence.mrzName === null
      ? compareNames(evidence.fullName, holder.fullName)
      : compareMrzName(evidence.mrzName, holder.fullName)
  // a stored date was parsed when it was loaded
  const birthDate = compareBirthDates(evidence.birthDate, holder.dateOfBirth as BirthDate)
  return { name, birthDate, match: matchOf() }

  function matchOf(): HolderMatch {
    // a near name is taken for a spelling fault only where the full number and the exact birth date vouch for it
    const nameAgrees = name === 'exact' || name === 'transliterated' || (name === 'near' && birthDate === 'exact')
    if (nameAgrees && birthDate !== 'differs') return 'matches'
    if (name !== 'differs' && birthDate === 'differs') return 'birthDateDiffers'
    return firstLetterAgrees(evidence.fullName, holder.fullName) ? 'nameDiffersAfterFirstLetter' : 'nameDiffers'
  }
}
