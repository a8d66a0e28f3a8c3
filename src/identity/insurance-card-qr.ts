import type { Parsed } from '../brand.ts'
import type { IsoDate } from '../calendar.ts'
import { type CardOrInsuranceNumber, parseCardOrInsuranceNumber } from '../coverage/card-number.ts'
import { type BirthDate, parseQrBirthDate } from './birth-date.ts'
import type { EvidenceIssue } from './evidence-issue.ts'
import { type FullName, parseFullName } from './name.ts'
import { SCANNED_FIELDS_MIN, scannedFields } from './scanned-text.ts'
import { type Sex, sexOfCode } from './sex.ts'

/** What the QR of a paper insurance card says. Its term and facility are not read: the synced record says what holds. */
export interface InsuranceCardQr {
  readonly number: CardOrInsuranceNumber
  readonly fullName: FullName
  readonly birthDate: BirthDate
  readonly sex: Sex
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** Both papers, of 15 characters and (since 1/4/2021) of 10 digits, begin alike: number · name in hex · birth · 1 or 2. */
export function parseInsuranceCardQr(text: string, today: IsoDate): Parsed<InsuranceCardQr, EvidenceIssue> {
  const fields = scannedFields(text)
  if (!fields.ok) return fields
  const [first, nameHex = '', birth = '', sex = ''] = fields.value
  const number = readNumber(first)
  if (!number.ok) return number
  if (fields.value.length < SCANNED_FIELDS_MIN) return { ok: false, issue: 'qr_too_few_fields' }
  const name = readHex(nameHex)
  if (!name.ok) return name
  const fullName = parseFullName(name.value)
  if (!fullName.ok) return fullName
  const birthDate = parseQrBirthDate(birth, today)
  if (!birthDate.ok) return birthDate
  return {
    ok: true,
    value: { number: number.value, fullName: fullName.value, birthDate: birthDate.value, sex: sexOfCode(sex) },
  }
}

/**
 * A scanner's label (`BHYT:`) must end in a sign of its own, as a card number begins with letters. Ten digits or two letters
 * and a digit: what else the text may be, it is no insurance card.
 */
function readNumber(field: string): Parsed<CardOrInsuranceNumber, EvidenceIssue> {
  const [, text = ''] = /^(?:[^0-9]{0,31}[:=#>\s])?([0-9A-Za-z]+)$/.exec(field) ?? []
  const isCandidate = /^[A-Za-z]{2}[0-9]/.test(text) || (text.length === 10 && /^[0-9]/.test(text))
  return isCandidate ? parseCardOrInsuranceNumber(text) : { ok: false, issue: 'qr_not_insurance_card' }
}

function readHex(hex: string): Parsed<string, EvidenceIssue> {
  if (hex.length % 2 !== 0 || !/^[0-9A-Fa-f]*$/.test(hex)) return { ok: false, issue: 'qr_bad_hex' }
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  try {
    return { ok: true, value: UTF8.decode(bytes) }
  } catch {
    // Fatal on purpose: U+FFFD in a name would be compared as if it had been written there.
    return { ok: false, issue: 'qr_bad_utf8' }
  }
}
