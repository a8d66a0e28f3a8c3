import type { IsoDate } from '../../src/calendar.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { caseOf } from './cases.ts'
import { chipIdOf } from './chip-id.ts'
import { coveragesOf } from './coverages.ts'
import { EXPECTED, type Expected } from './expected.ts'
import { type Layout, layoutOf, type Province } from './layout.ts'
import {
  cancelledNumber,
  checkIndex,
  cmnd,
  insuranceNumber,
  insuranceProvince,
  placeOf,
  residentBirth,
} from './numbers.ts'
import { draw } from './permutation.ts'
import { TRAIT } from './traits.ts'

export type { Province } from './layout.ts'

/** Somebody of the demo province: synthetic, and the same for the same seed, base date and index. */
export interface Person {
  readonly index: number
  readonly citizenId: string
  readonly formerNumbers: readonly string[]
  readonly fullName: string
  /** `YYYY-MM-DD`, `YYYY-MM` or `YYYY`. */
  readonly dateOfBirth: string
  readonly sex: 'male' | 'female'
  /** As printed on the chip ID. */
  readonly address: string
  /** Of the chip ID. */
  readonly issuedOn: IsoDate
  readonly insuranceNumber: string
  /** The one that decides stands first; none for people outside the records. */
  readonly coverages: readonly FeedRow[]
  /** For a scan of the chip ID's QR with the base date as service date. */
  readonly expected: Expected
}

/**
 * In every 100 record slots the last is a second coverage of the 99th person, so that the loader can start anywhere: the
 * person of a slot, and the slot of a person, are divisions.
 */
const SLOTS = 100
const PEOPLE = SLOTS - 1

export function person(province: Province, index: number): Person {
  checkIndex(index)
  return resident(layoutOf(province), index)
}

export function personsForRecords(records: number): number {
  return Math.floor(records / SLOTS) * PEOPLE + Math.min(records % SLOTS, PEOPLE)
}

/** Records `from` up to, not including, `before`. Ranges that meet give every record once, in the order of people. */
export function rowsOf(province: Province, from: number, before: number): FeedRow[] {
  const layout = layoutOf(province)
  const rows: FeedRow[] = []
  for (let slot = from; slot < before; ) {
    const inBlock = slot % SLOTS
    const index = Math.floor(slot / SLOTS) * PEOPLE + Math.min(inBlock, PEOPLE - 1)
    checkIndex(index)
    const { coverages } = resident(layout, index)
    for (let k = inBlock === PEOPLE ? 1 : 0; k < coverages.length && slot < before; k++, slot++) {
      rows.push(coverages[k] as FeedRow)
    }
  }
  return rows
}

function resident(layout: Layout, index: number): Person {
  const place = placeOf(layout, index)
  const key = draw(layout.traitKey, place)
  const born = residentBirth(layout, place)
  const chipId = chipIdOf(layout, key, born)

  const formerNumbers: string[] = []
  // CMND were given from the age of 14 until 2020; three in ten still matter to somebody (assumed).
  if (born.year < 2005 && draw(key, TRAIT.cmnd) % 10 < 3) formerNumbers.push(cmnd(layout, index))
  const cancelled = cancelledNumber(layout, born)
  if (cancelled !== null) formerNumbers.push(cancelled)

  const hasTwo = index % PEOPLE === PEOPLE - 1
  const code = hasTwo ? 'valid' : caseOf(layout, key, chipId.age)
  const holder = {
    citizenId: born.citizenId,
    formerNumbers,
    insuranceNumber: insuranceNumber(layout, insuranceProvince(born), index),
    fullName: chipId.fullName,
    dateOfBirth: chipId.dateOfBirth,
    sex: born.sex,
  }
  return {
    index,
    ...holder,
    address: chipId.address,
    issuedOn: chipId.issuedOn,
    coverages: coveragesOf(layout, key, holder, chipId, code, hasTwo),
    expected: EXPECTED[code],
  }
}
