import type { CoverageDays } from '../coverage/holder.ts'
import { sealHolder } from '../coverage/holder.ts'
import { type DataKeys, type LookupKey, lookupKey, mac128 } from '../data-keys.ts'
import type { CheckedRow } from './check-row.ts'

/** A version of a coverage as the database holds it: it names nobody. */
export interface SealedVersion {
  readonly subject: LookupKey
  readonly coverageNo: number
  readonly group: string
  readonly level: number
  readonly province: string
  readonly registeredFacility: string
  readonly days: CoverageDays
  readonly area: string | null
  readonly status: string
  readonly tag: string
  readonly sealed: Buffer
}

export function sealRow(keys: DataKeys, row: CheckedRow): SealedVersion {
  const subject = subjectOf(keys, row)
  const { sealed, days } = sealHolder(keys, subject, row.holder, row)
  return {
    subject,
    coverageNo: row.coverageNo,
    group: row.card.group,
    level: row.card.level,
    province: row.card.province,
    registeredFacility: row.registeredFacility,
    days,
    area: row.area,
    status: row.status,
    tag: contentTag(keys, row),
    sealed,
  }
}

/** Every other number that leads to the person. */
export function aliasesOf(keys: DataKeys, subject: LookupKey, row: CheckedRow): LookupKey[] {
  return [row.card.insuranceNumber, ...row.formerNumbers]
    .map((number) => lookupKey(keys, number))
    .filter((key) => key !== subject)
}

/** A person is known by the personal number; the few who have none by the insurance number. */
function subjectOf(keys: DataKeys, row: CheckedRow): LookupKey {
  return lookupKey(keys, row.holder.citizenId ?? row.card.insuranceNumber)
}

/**
 * Keyed digest of all that a version says, its days as they came: two rows with one tag are one version. Parts are joined by a control
 * character that no part can hold (names and numbers were checked), so different rows give different texts.
 */
function contentTag(keys: DataKeys, row: CheckedRow): string {
  const { holder, formerNumbers, coverageNo, registeredFacility, validFrom, validTo, fiveYearsFrom } = row
  const { citizenId, fullName, dateOfBirth, sex, cardNumber } = holder
  const text =
    `${citizenId}\u001f${fullName}\u001f${dateOfBirth}\u001f${sex}\u001f${cardNumber}\u001f${formerNumbers.join(',')}\u001f` +
    `${coverageNo}\u001f${registeredFacility}\u001f${validFrom}\u001f${validTo}\u001f${fiveYearsFrom}\u001f` +
    `${row.area}\u001f${row.status}\u001f${row.statusFrom}`
  return mac128(keys.rowTag, text)
}
