import type { Parsed } from '../brand.ts'
import { withoutAccents } from './accents.ts'
import type { EvidenceIssue } from './evidence-issue.ts'
import { compareNames, type FullName, type NameAgreement, parseFullName } from './name.ts'

/** A name as line 3 of a machine-readable zone has it: A–Z, and cut where it did not fit. */
export interface MrzName {
  readonly fullName: FullName
  /** As it stands in the zone, a blank for each separator: a name that was cut between two words ends with one. */
  readonly letters: string
  /** It fills the line: there may have been more. */
  readonly isCut: boolean
}

/** `SURNAME<<GIVEN<NAMES<<<…`; a single name has no given ones. */
export function parseMrzName(line: string): Parsed<MrzName, EvidenceIssue> {
  if (!/^[A-Z]+(?:<[A-Z]+)*(?:<<[A-Z]+(?:<[A-Z]+)*)?<*$/.test(line)) return { ok: false, issue: 'mrz_name' }
  const isCut = !line.endsWith('<<')
  const letters = line.replace(/<+/g, ' ')
  const fullName = parseFullName(letters)
  if (!fullName.ok) return fullName
  return { ok: true, value: { fullName: fullName.value, letters: isCut ? letters : letters.trimEnd(), isCut } }
}

/**
 * `transliterated`: the zone says this name as well as a zone can. It knows no accents, so whether those agree is not told
 * by it, and is no fault of the record's either. A name of 30 letters and more agrees as far as it goes.
 */
export function compareMrzName(mrz: MrzName, written: string): NameAgreement | 'transliterated' {
  if (!mrz.isCut) {
    const agreement = compareNames(mrz.fullName, written)
    return agreement === 'near' && transliterations(written).includes(mrz.letters) ? 'transliterated' : agreement
  }
  const whole = transliterations(written).map((name) => `${name} `)
  if (whole.some((name) => name.startsWith(mrz.letters))) return 'transliterated'
  return compareNames(mrz.letters, (whole[0] ?? '').slice(0, mrz.letters.length))
}

/**
 * ICAO 9303-3 §6: accents left out, đ as D, an apostrophe left out, a hyphen a filler. How Viet Nam writes H'Hen or Y-Bhăm
 * is not published, so each mark may be either.
 */
function transliterations(name: string): readonly string[] {
  const base = withoutAccents(name.toLowerCase()).toUpperCase()
  return ['', ' '].map((mark) =>
    base
      .replace(/[^A-Z ]+/g, mark)
      .replace(/ +/g, ' ')
      .trim(),
  )
}
