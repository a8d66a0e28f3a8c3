import { type DataKeys, type LookupKey, type Names, nameSince } from '../data-keys.ts'
import type { BirthDate } from '../identity/birth-date.ts'
import type { FullName } from '../identity/name.ts'
import type { Evidence } from './evidence.ts'
import type { Comparison } from './holder-match.ts'

/**
 * What of a question is kept with its entry, sealed, so that it can be asked of another state of the copy: whom the
 * number leads to, and what the holder is compared by, since a number may have led to somebody else at another time.
 * 200 bytes an entry.
 */
export interface Asked {
  /** Under that generation of the lookup key; see `nameSince`. */
  readonly name: LookupKey
  readonly generation: number
  /** The state of the copy that was read (`feed_batch.applied_at`), as PostgreSQL writes it; null: it could not be read. */
  readonly seen: string | null
  readonly how: Evidence['how']
  readonly card: string | null
  readonly birthDate: BirthDate
  readonly fullName: FullName
  /** Of a machine-readable zone; absent in entries from before it was read. */
  readonly mrzName?: Evidence['mrzName']
}

/**
 * Null where the evidence did not lead to its person: a mismatch, typed evidence without a match, a paper without a
 * number. Who could not say whose record it is today is told of no other day's record either.
 */
export function askedOf(
  keys: DataKeys,
  [name]: Names,
  evidence: Evidence,
  comparison: Comparison | null,
  seen: string | null,
): Asked | null {
  const { number, how, cardNumber, birthDate, fullName, mrzName } = evidence
  if (number === null) return null
  // a scan without a record has proven nothing wrong: the record may come later
  const mayAskAgain = comparison === null ? how === 'scanned' : comparison.match === 'matches'
  if (!mayAskAgain) return null
  const [generation] = keys.lookupGenerations
  return { name, generation, seen, how, card: cardNumber, birthDate, fullName, mrzName }
}

export function nameAsked(keys: DataKeys, asked: Asked): LookupKey {
  return nameSince(keys, asked.name, asked.generation)
}
