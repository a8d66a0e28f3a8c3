import type { Parsed } from '../brand.ts'
import { type IsoDate, parseIsoDate } from '../calendar.ts'
import { type BirthDate, parseQrBirthDate } from './birth-date.ts'
import { type CitizenId, parseCitizenId } from './citizen-id.ts'
import type { EvidenceIssue } from './evidence-issue.ts'
import { type FormerNumber, parseFormerNumber } from './former-number.ts'
import { type FullName, parseFullName } from './name.ts'
import { SCANNED_FIELDS_MIN, scannedFields } from './scanned-text.ts'
import { type Sex, sexOfWord } from './sex.ts'

/** What the QR of a chip ID says. It is not signed (domain §3): input that saves typing, never proof of the card. */
export interface ChipIdQr {
  readonly citizenId: CitizenId
  readonly formerNumber: FormerNumber | null
  readonly fullName: FullName
  readonly birthDate: BirthDate
  readonly sex: Sex
  readonly issuedOn: IsoDate | null
}

/**
 * Number · former number, may be empty · name · birth `ddMMyyyy` · Nam/Nữ · address · issue `ddMMyyyy`, by bars. Cards of
 * 2024 may have more fields behind (cancelled numbers, parents' names: NĐ 70/2024 Đ12 k1); where each stands is not
 * published, so they are read over. So is the address, on purpose: nothing here needs it.
 */
export function parseChipIdQr(text: string, today: IsoDate): Parsed<ChipIdQr, EvidenceIssue> {
  const fields = scannedFields(text)
  if (!fields.ok) return fields
  const [number, former = '', name = '', birth = '', sex = '', , issued = ''] = fields.value
  const citizenId = readNumber(number)
  if (fields.value.length < SCANNED_FIELDS_MIN) {
    return { ok: false, issue: citizenId.ok ? 'qr_too_few_fields' : 'qr_not_chip_id' }
  }
  if (!citizenId.ok) return citizenId
  const fullName = parseFullName(name)
  if (!fullName.ok) return fullName
  const birthDate = parseQrBirthDate(birth, today)
  if (!birthDate.ok) return birthDate

  const formerNumber = parseFormerNumber(former)
  return {
    ok: true,
    value: {
      citizenId: citizenId.value,
      // A CMND of 2012–2016 had the personal number itself: that is not a former one.
      formerNumber: formerNumber === (citizenId.value as string) ? null : formerNumber,
      fullName: fullName.value,
      birthDate: birthDate.value,
      sex: sexOfWord(sex),
      issuedOn: readIssueDay(issued, today),
    },
  }
}

/**
 * Scanners can be set to send a label first (`CCCD:`, `QR: `): anything without a digit. A label with digits is refused,
 * as nobody can say where it ends and the number begins.
 */
function readNumber(field: string): Parsed<CitizenId, EvidenceIssue> {
  const labelled = /^([^0-9]{0,32})([0-9]+)$/.exec(field)
  if (labelled === null) return { ok: false, issue: /[0-9]/.test(field) ? 'citizen_id_not_digits' : 'qr_not_chip_id' }
  const [, label = '', digits = ''] = labelled
  // The QR of the insurance card: its 10-digit number, or two letters and 13 digits.
  if (digits.length === 10 || (digits.length === 13 && /(?:^|[^A-Za-z])[A-Za-z]{2}$/.test(label))) {
    return { ok: false, issue: 'qr_not_chip_id' }
  }
  return parseCitizenId(digits)
}

/** Nothing is decided by the issue date, so an odd or missing one refuses nobody. */
function readIssueDay(text: string, today: IsoDate): IsoDate | null {
  const [, day, month, year] = /^([0-9]{2})\/?([0-9]{2})\/?([0-9]{4})$/.exec(text) ?? []
  const issuedOn = parseIsoDate(`${year}-${month}-${day}`)
  return issuedOn !== null && issuedOn <= today ? issuedOn : null
}
