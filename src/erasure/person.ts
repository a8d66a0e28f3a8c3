import { openHolder } from '../coverage/holder.ts'
import { type DataKeys, everyNameOf, type LookupKey, mac128, type Pseudonym, pseudonym } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import { findAliasesOf, findBearers } from './store.ts'

/** Everything a person may be called by in the log's details and in a hold. */
export interface KnownPerson {
  /** People with a coverage in force behind the numbers: more than one means that they are not one person's. */
  readonly people: number
  readonly names: readonly LookupKey[]
  /** Of all numbers, those given and those our copy has: see `personTarget`. */
  readonly targets: readonly string[]
}

/**
 * Whose numbers these are. A detail was named by what a number led to on its day: by the number itself where our copy had
 * nobody, by the person's own number where it had; under the lookup key of then. So the numbers given are followed
 * through our copy, its history too, to all numbers of that person, and each is named under every key there was.
 */
export async function knowPerson(sql: Sql, keys: DataKeys, given: readonly string[]): Promise<KnownPerson> {
  const numbers = new Set(given)
  const bearers = await findBearers(
    sql,
    [...numbers].flatMap((number) => everyNameOf(keys, number)),
  )
  for (const { subject, sealed, days } of bearers) {
    const { holder } = openHolder(keys, subject, sealed, days)
    if (holder.citizenId !== null) numbers.add(holder.citizenId)
    numbers.add(holder.cardNumber.slice(-10)) // mã số BHXH
  }
  const subjects = [...new Set(bearers.map(({ subject }) => subject))]
  const aliases = await findAliasesOf(sql, subjects)
  const named = [...numbers].flatMap((number) => everyNameOf(keys, number))
  return {
    people: new Set(bearers.filter(({ isCurrent }) => isCurrent).map(({ subject }) => subject)).size,
    names: [...new Set([...named, ...subjects, ...aliases])],
    targets: [...numbers].map((number) => personTarget(keys, number)),
  }
}

/** A person in `legal_hold`: under a key that is never rotated, for one number. */
export function personTarget(keys: DataKeys, number: string): string {
  return `person:${mac128(keys.request, `hold:${number}`)}`
}

/** Each name in each year: a detail has the pseudonym of the year it was written in. */
export function pseudonymsOf(
  keys: DataKeys,
  names: readonly LookupKey[],
  firstYear: number,
  lastYear: number,
): Pseudonym[] {
  const years = Array.from({ length: lastYear - firstYear + 1 }, (_, n) => firstYear + n)
  return years.flatMap((year) => names.map((name) => pseudonym(keys, year, name)))
}
