import type { DataKeys } from '../data-keys.ts'
import { open, SealError, seal } from '../seal.ts'
import type { Holder } from './coverage.ts'

/** The sealed part of a coverage: an array, since its member names would be 60 of 130 bytes in 100 million rows. */
export function sealHolder(keys: DataKeys, subject: string, holder: Holder): Buffer {
  const { citizenId, fullName, dateOfBirth, sex, cardNumber } = holder
  return seal(keys, 'coverage', subject, JSON.stringify([citizenId, fullName, dateOfBirth, sex, cardNumber]))
}

export function openHolder(keys: DataKeys, subject: string, sealed: Uint8Array): Holder {
  const parts: unknown = JSON.parse(open(keys, 'coverage', subject, sealed))
  if (!Array.isArray(parts) || parts.length !== 5) throw new SealError('a sealed holder has another shape')
  const [citizenId, fullName, dateOfBirth, sex, cardNumber] = parts as [
    string | null,
    string,
    string,
    Holder['sex'],
    string,
  ]
  return { citizenId, fullName, dateOfBirth, sex, cardNumber }
}
