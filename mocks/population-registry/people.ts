import type { Province } from '../province/layout.ts'
import { personOf } from '../province/outsider.ts'

/** What the registry knows of somebody. */
export interface Registered {
  readonly fullName: string
  /** `YYYY-MM-DD`, `YYYY-MM` or `YYYY`. */
  readonly dateOfBirth: string
}

/** How the registry differs from cards and insurance records, by a person's index: in 6 of 100. */
export type Difference = 'none' | 'renamed' | 'birthDateCorrected' | 'cancelled'

export function differenceOf(index: number): Difference {
  switch (index % 50) {
    case 17:
      return 'renamed'
    case 31:
      return 'birthDateCorrected'
    case 43:
      return 'cancelled'
    default:
      return 'none'
  }
}

/** The demo province as the registry has it; outsiders of the insurance are known here too. */
export function registeredIn(province: Province): (citizenId: string) => Registered | null {
  return (citizenId) => {
    const person = personOf(province, citizenId)
    if (person === null) return null
    const { fullName, dateOfBirth, index } = person
    switch (differenceOf(index)) {
      case 'none':
        return { fullName, dateOfBirth }
      case 'renamed':
        return { fullName: `${fullName} Anh`, dateOfBirth }
      case 'birthDateCorrected':
        return { fullName, dateOfBirth: `${Number(dateOfBirth.slice(0, 4)) - 1}${dateOfBirth.slice(4)}` }
      case 'cancelled':
        return null
    }
  }
}
