import type { Parsed } from '../brand.ts'
import { type IsoDate, isCalendarDay } from '../calendar.ts'
import { type BirthDate, parseQrBirthDate } from './birth-date.ts'
import { type CitizenId, describeCitizenId, parseCitizenId } from './citizen-id.ts'
import type { EvidenceIssue } from './evidence-issue.ts'
import { type MrzName, parseMrzName } from './mrz-name.ts'
import { withoutInvisible } from './scanned-text.ts'
import type { Sex } from './sex.ts'

/**
 * The machine-readable zone on the back of a chip ID: ICAO 9303-5, TD1, three lines of 30. Like the QR it is printed, not
 * signed. Its check digits find each single misread of number and dates; names, sex and nationality have none.
 */
export interface ChipIdMrz {
  readonly citizenId: CitizenId
  readonly name: MrzName
  readonly birthDate: BirthDate
  readonly sex: Sex
}

/** 90 characters, and what scanners add around three lines. */
export const MRZ_CHARS_MAX = 256
const LINE = 30

/** Scanners announce OCR when told to (AIM identifier, ISO/IEC 15424). */
const AIM_OCR = /^\]o[0-9]/

/** As Viet Nam fills the fields of TD1 (domain §4): whatever stands where it has fillers, a digit cannot vouch for it. */
const LAYOUT = new RegExp(
  `^ID VNM (?<document>.{9})(?<documentCheck>.) (?<optional>(?<personal>.{12})<<)(?<personalCheck>.)
   (?<birth>.{6})(?<birthCheck>.) (?<sex>[MF<]) (?<expiry>.{6})(?<expiryCheck>.) VNM <{11}(?<compositeCheck>.) (?<name>.{30})$`.replace(
    /\s/g,
    '',
  ),
)

export function parseChipIdMrz(text: string, today: IsoDate): Parsed<ChipIdMrz, EvidenceIssue> {
  const zone = readZone(text)
  if (!zone.ok) return zone
  const mrz = zone.value
  const fields = LAYOUT.exec(mrz)?.groups
  if (fields === undefined) return { ok: false, issue: mrz.startsWith('IDVNM') ? 'mrz_layout' : 'mrz_not_chip_id' }
  const { document = '', personal = '', birth = '', expiry = '', name: nameLine = '' } = fields

  // each by its name, before anything is read: what a scanner got wrong is not reasoned about
  if (!agrees(document, fields['documentCheck'])) return { ok: false, issue: 'mrz_check_document_number' }
  if (!agrees(fields['optional'], fields['personalCheck'])) return { ok: false, issue: 'mrz_check_personal_number' }
  if (!agrees(birth, fields['birthCheck'])) return { ok: false, issue: 'mrz_check_birth_date' }
  if (!agrees(expiry, fields['expiryCheck'])) return { ok: false, issue: 'mrz_check_expiry' }
  if (!agrees(compositeOf(mrz), fields['compositeCheck'])) return { ok: false, issue: 'mrz_check_composite' }

  // a check digit cannot tell 6 from G, nor 0 from A: 10 more is the same to it
  const citizenId = parseCitizenId(personal)
  if (!citizenId.ok) return citizenId
  if (document !== personal.slice(3)) return { ok: false, issue: 'mrz_numbers_differ' }
  const birthDate = readBirthDate(birth, citizenId.value, today)
  if (!birthDate.ok) return birthDate
  if (!isExpiry(expiry)) return { ok: false, issue: 'mrz_expiry_impossible' }
  const name = parseMrzName(nameLine)
  if (!name.ok) return name
  return {
    ok: true,
    value: { citizenId: citizenId.value, name: name.value, birthDate: birthDate.value, sex: sexOf(fields['sex']) },
  }
}

/**
 * The 90 characters, free of what scanners put between and around the lines. A zone has no blanks and no case, so neither
 * can be lost with them; a blank that stood for a filler leaves too few characters and is refused, as nobody knows which.
 */
function readZone(text: string): Parsed<string, EvidenceIssue> {
  if (text.length > MRZ_CHARS_MAX) return { ok: false, issue: 'mrz_too_long' }
  const lines = withoutInvisible(text)
    .split(/[\s\p{Cc}]+/u)
    .filter((line) => line !== '')
  const zone = lines
    .join('')
    .replace(AIM_OCR, '')
    .replace(/[a-z]/g, (letter) => letter.toUpperCase())
  if (/[^A-Z0-9<]/.test(zone)) return { ok: false, issue: 'mrz_characters' }
  return zone.length === 3 * LINE ? { ok: true, value: zone } : { ok: false, issue: 'mrz_length' }
}

const WEIGHTS = [7, 3, 1] as const

/** ICAO 9303-3 §4.9: 0–9, A–Z = 10–35, `<` = 0, weighted 7 3 1, modulo 10. */
function agrees(field = '', check = ''): boolean {
  let sum = 0
  for (let i = 0; i < field.length; i++) {
    const char = field.charAt(i)
    sum += (char === '<' ? 0 : Number.parseInt(char, 36)) * (WEIGHTS[i % 3] ?? 0)
  }
  return check === String(sum % 10)
}

/** What the last digit of the second line covers: all of both lines but document code, state, sex and nationality. */
function compositeOf(mrz: string): string {
  const second = mrz.slice(LINE, 2 * LINE)
  return mrz.slice(5, LINE) + second.slice(0, 7) + second.slice(8, 15) + second.slice(18, 29)
}

/**
 * The zone has two digits of the year; the century is the number's. Where the two digits themselves are others than the
 * number's (a birth year that was corrected), it is the year nearest to the number's: 00 beside a number of 1999 is 2000.
 */
function readBirthDate(field: string, citizenId: CitizenId, today: IsoDate): Parsed<BirthDate, EvidenceIssue> {
  const [, yy, month, day] = /^([0-9]{2})([0-9]{2}|<<)([0-9]{2}|<<)$/.exec(field) ?? []
  if (yy === undefined || month === undefined || day === undefined) return { ok: false, issue: 'date_shape' }
  const near = describeCitizenId(citizenId).birthYear
  const sameCentury = near - (near % 100) + Number(yy)
  const [year] = [sameCentury, sameCentury - 100, sameCentury + 100]
    .filter((candidate) => candidate <= Number(today.slice(0, 4)))
    .sort((a, b) => Math.abs(a - near) - Math.abs(b - near))
  if (year === undefined) return { ok: false, issue: 'date_in_future' }
  // an unknown part is filled (ICAO 9303-3 §4.8), on the card's front and in its QR it is zeros
  return parseQrBirthDate(`${day}${month}`.replaceAll('<', '0') + String(year), today)
}

/** Nothing is decided by it: a chip ID without an end has fillers or a day far away. But it must be one of those. */
function isExpiry(field: string): boolean {
  if (field === '<<<<<<') return true
  if (!/^[0-9]{6}$/.test(field)) return false
  return isCalendarDay(2000 + Number(field.slice(0, 2)), Number(field.slice(2, 4)), Number(field.slice(4)))
}

function sexOf(letter = '<'): Sex {
  return letter === 'M' ? 'male' : letter === 'F' ? 'female' : 'unknown'
}
