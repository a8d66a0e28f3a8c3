import { isChanging } from '../../mocks/province/changing.ts'
import { facilities } from '../../mocks/province/facilities.ts'
import { misread, outsider } from '../../mocks/province/outsider.ts'
import { seedKey, spread } from '../../mocks/province/permutation.ts'
import { type Person, type Province, person, personsForRecords } from '../../mocks/province/person.ts'
import { weighted, zipf } from './zipf.ts'

/**
 * How often people come (assumed): the exponent of Zipf's law. At 0.6 the first of 3.2 million is one check in a thousand,
 * and half of all checks are of the same 570,000.
 */
export const PEOPLE_EXPONENT = 0.6
/** Of a hundred: nobody's number here, and a scan that says something else than the record. */
const OUTSIDERS = 0.02
const MISREAD = 0.01
/** Different ones that a thread keeps; then they come again. */
export const ASKS_MAX = 200_000

export interface Crowd {
  readonly province: Province
  readonly records: number
}

/** Somebody at a desk of a facility, by its place in `facilities()`. */
export interface Arrival {
  readonly someone: Person
  readonly facility: number
}

/** Visits a day by what a facility is (assumed; the province has no such list): the provincial hospital gets 2.8 %, a station 0.05 %. */
const WEIGHT = { specialised: 60, hospital: 25, privateHospital: 12, clinic: 3, station: 1 } as const

export function facilityWeights(): number[] {
  return facilities().map(({ kind, level }) => {
    if (level === 'specialised') return WEIGHT.specialised
    return kind === 'specialityHospital' ? WEIGHT.hospital : WEIGHT[kind]
  })
}

/** People of the whole province as they come, without end. Whom the demo's insurer may change is none of them. */
export function arrivals({ province, records }: Crowd, random: () => number): () => Arrival {
  const people = personsForRecords(records)
  const rank = zipf(people, PEOPLE_EXPONENT, random)
  const facility = weighted(facilityWeights(), random)
  // ranks jump all over the province, the same for everybody who loads it
  const key = seedKey(province.seed, 'load')
  const resident = (): Person => {
    for (;;) {
      const index = spread(key, people, rank())
      if (!isChanging(index)) return person(province, index)
    }
  }
  const who = (): Person => {
    const kind = random()
    if (kind < OUTSIDERS) return outsider(province, rank())
    const someone = resident()
    if (kind > OUTSIDERS + MISREAD || someone.expected.code !== 'valid') return someone
    return misread(someone, kind > OUTSIDERS + MISREAD / 2 ? 'name_mismatch' : 'birth_date_mismatch')
  }
  return () => ({ someone: who(), facility: facility() })
}
