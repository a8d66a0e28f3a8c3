import { chipIdOf } from './chip-id.ts'
import { EXPECTED } from './expected.ts'
import { type Layout, layoutOf, PEOPLE_MAX, type Province, yearStart } from './layout.ts'
import {
  insuranceNumber,
  OUTSIDER_PROVINCE_DIGITS,
  outsiderBirth,
  outsiderIndex,
  outsidersIn,
  ownerOf,
} from './numbers.ts'
import { draw } from './permutation.ts'
import { type Person, person } from './person.ts'

/**
 * People whose scan does not meet a record. Outsiders look like residents, but their numbers come from a reserved part of
 * every bucket (numbers.ts): no province of any size has them.
 */
export type OutsiderCode = 'not_found' | 'child_without_card'

/** Seven and older, of whom the province has no record. */
export function outsider(province: Province, i: number): Person {
  return stranger(layoutOf(province), 'not_found', i)
}

/** Under six, and not in the records either: insured by law, by the birth certificate. */
export function childOutsider(province: Province, i: number): Person {
  return stranger(layoutOf(province), 'child_without_card', i)
}

/** Whoever has that number, in the records or not. A cancelled former number is nobody's. */
export function personOf(province: Province, citizenId: string): Person | null {
  const layout = layoutOf(province)
  const owner = ownerOf(layout, citizenId)
  if (owner === null) return null
  if (owner.kind === 'resident') return person(province, owner.index)
  for (const code of ['not_found', 'child_without_card'] as const) {
    const i = outsiderIndex(layout, ...placesOf(layout, code), owner)
    if (i !== null) return stranger(layout, code, i)
  }
  return null
}

/** How many different ones there are: about nine million and one million. */
export function outsiderCount(province: Province, code: OutsiderCode): number {
  return outsidersIn(...placesOf(layoutOf(province), code))
}

/** Whoever turns six in the year of the base date is neither: on which side they are depends on the day. */
function placesOf(layout: Layout, code: OutsiderCode): [from: number, to: number] {
  return code === 'not_found'
    ? [0, yearStart(layout, layout.baseYear - 6)]
    : [yearStart(layout, layout.baseYear - 5), PEOPLE_MAX]
}

/** Insurance numbers of the two kinds are taken from the two halves of the 100 million. */
const CHILDREN_FROM = PEOPLE_MAX / 2

function stranger(layout: Layout, code: OutsiderCode, i: number): Person {
  const born = outsiderBirth(layout, ...placesOf(layout, code), i)
  const own = code === 'not_found' ? i : CHILDREN_FROM + i
  const { fullName, dateOfBirth, address, issuedOn } = chipIdOf(layout, draw(layout.outsiderKey, own), born)
  return {
    index: i,
    citizenId: born.citizenId,
    formerNumbers: [],
    fullName,
    dateOfBirth,
    sex: born.sex,
    address,
    issuedOn,
    insuranceNumber: insuranceNumber(layout, OUTSIDER_PROVINCE_DIGITS, own),
    coverages: [],
    expected: EXPECTED[code],
  }
}

/** With surnames that names.ts does not have, so no resident is called so. */
const OTHER_NAMES = ['Nghiêm Vĩnh Khuê', 'Ông Thục Trinh', 'Đàm Kha Luân', 'Khuất Tịnh Nghi', 'Ưng Bửu Ngôn']

/** The person as a wrong scan presents them: the same number, one field of somebody else. */
export function misread(person: Person, code: 'name_mismatch' | 'birth_date_mismatch'): Person {
  const expected = EXPECTED[code]
  return code === 'name_mismatch'
    ? { ...person, fullName: OTHER_NAMES[person.index % OTHER_NAMES.length] as string, expected }
    : { ...person, dateOfBirth: otherDate(person.dateOfBirth), expected }
}

/** Wrong by one in the finest part that is known. The second for the first: nobody is born on the base date itself. */
function otherDate(date: string): string {
  const known = date.split('-')
  const finest = Number(known.pop())
  const wrong = finest === 1 ? 2 : finest - 1
  return [...known, String(wrong).padStart(2, '0')].join('-')
}
