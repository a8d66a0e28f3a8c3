import type { Brand, Parsed } from '../brand.ts'
import { type BirthDate, birthYear } from './birth-date.ts'
import type { EvidenceIssue } from './evidence-issue.ts'
import type { Sex } from './sex.ts'

/**
 * The personal number (số định danh cá nhân), 12 digits: PPP of birth registration, G century and sex, YY birth year,
 * six random digits (NĐ 137/2015 Đ13, TT 59/2021/TT-BCA Đ4). It has no check digit, so nothing here can repair one.
 */
export type CitizenId = Brand<string, 'CitizenId'>

export interface CitizenIdDigits {
  /** Province or, from 100 up, country. Kept as written: the codes outlive the mergers of 2025. */
  readonly provinceCode: string
  readonly sex: 'male' | 'female'
  readonly birthYear: number
}

/** A lost leading zero (a spreadsheet's 11 digits) is refused, not restored: any other digit may be the missing one. */
export function parseCitizenId(text: string): Parsed<CitizenId, EvidenceIssue> {
  const number = text.trim()
  if (/^[0-9]{12}$/.test(number)) return { ok: true, value: number as CitizenId }
  return { ok: false, issue: /^[0-9]*$/.test(number) ? 'citizen_id_length' : 'citizen_id_not_digits' }
}

export function describeCitizenId(id: CitizenId): CitizenIdDigits {
  const centuryAndSex = Number(id[3])
  return {
    provinceCode: id.slice(0, 3),
    sex: centuryAndSex % 2 === 0 ? 'male' : 'female',
    birthYear: 1900 + Math.floor(centuryAndSex / 2) * 100 + Number(id.slice(4, 6)),
  }
}

/**
 * The digits disagree with the birth year or the sex. A warning only: a number stays after sex or birth year are
 * corrected until a new one is issued (NĐ 70/2024 Đ11 k7, k8, k11), and such cards are genuine.
 */
export function isNumberUnusual(id: CitizenId, birthDate: BirthDate, sex: Sex = 'unknown'): boolean {
  const digits = describeCitizenId(id)
  return digits.birthYear !== birthYear(birthDate) || (sex !== 'unknown' && digits.sex !== sex)
}

/** `038*****1234` (domain §10.10): enough for two people at a desk to agree on which card, too little to look one up. */
export function maskCitizenId(id: CitizenId): string {
  return `${id.slice(0, 3)}*****${id.slice(8)}`
}
