import type { Brand, Parsed } from '../brand.ts'
import { withoutAccents } from './accents.ts'
import type { EvidenceIssue } from './evidence-issue.ts'
import { withoutInvisible } from './scanned-text.ts'

/** A name in NFC, single spaces, no invisible or control character; case as given. */
export type FullName = Brand<string, 'FullName'>

export type NameAgreement = 'exact' | 'near' | 'differs'

/** HO_TEN is S255 in QĐ 3176: a longer name could not be claimed for. */
export const NAME_CHARS_MAX = 255

/** Before any normalising: decomposed Vietnamese has three characters to a letter, spaces and marks may add to it. */
const RAW_CHARS_MAX = 2048

/** Latin letters as Vietnamese uses them, composed. Nearly every name stops here. */
const PLAIN = /^[A-Za-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F\u1E00-\u1EFF ]+$/

/** Such letters with single spaces between them: composed, visible, and what normalising would leave of them. */
const TIDY =
  /^(?:[A-Za-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F\u1E00-\u1EFF]+ )*[A-Za-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F\u1E00-\u1EFF]+$/

/**
 * `Sm` holds the bar and the angle brackets, `C` the controls and lone surrogates. `Sk` is not listed: grave and acute stand
 * for the apostrophe in names such as H`Hen.
 */
const FOREIGN_TO_NAMES = /[\p{N}\p{C}\p{Sm}\p{Sc}\p{So}]/u

/** Written or left out at will in names of ethnic minorities and foreigners: H'Hen, Y-Bhăm, St. John. */
const LOOSE_MARKS = /[-\u2010-\u2015'\u2018\u2019\u02B9\u02BC`\u00B4.\u00B7]+/g

export function parseFullName(text: string): Parsed<FullName, EvidenceIssue> {
  if (text.length <= NAME_CHARS_MAX && TIDY.test(text)) return { ok: true, value: text as FullName }
  if (text.length > RAW_CHARS_MAX) return { ok: false, issue: 'name_too_long' }
  const name = singleSpaced(withoutInvisible(text).normalize('NFC'))
  if (name === '') return { ok: false, issue: 'name_empty' }
  if (name.length > NAME_CHARS_MAX) return { ok: false, issue: 'name_too_long' }
  if (PLAIN.test(name)) return { ok: true, value: name as FullName }
  if (/[?\uFFFD]/.test(name)) return { ok: false, issue: 'name_garbled' }
  if (FOREIGN_TO_NAMES.test(name) || !/\p{L}/u.test(name)) return { ok: false, issue: 'name_not_a_name' }
  return { ok: true, value: name as FullName }
}

/**
 * VSS tells 060 from 061 and knows no near name; ours (domain §10.5) lets a spelling variant through with a warning when
 * number and birth date are exact. `exact` ignores case and Unicode form only; `near` all that Vietnamese desks write in
 * two ways: accents left out, tone placed on the other vowel (hòa, hoà), đ or d, i or y, apostrophes, a missing space.
 */
export function compareNames(a: string, b: string): NameAgreement {
  if (a === b || a.toLowerCase() === b.toLowerCase()) return 'exact'
  const foldedA = folded(a)
  const foldedB = folded(b)
  if (foldedA === foldedB) return 'exact'
  return areNear(baseLetters(foldedA), baseLetters(foldedB)) ? 'near' : 'differs'
}

/** VSS 061 (wrong name, right first letter) against 060; accents do not count. */
export function firstLetterAgrees(a: string, b: string): boolean {
  const [first] = baseLetters(folded(a))
  const [other] = baseLetters(folded(b))
  return first !== undefined && first === other
}

/**
 * With as many words on both sides, each must agree: Hoa Nam is not Hoan Am. Only where a space was lost or added may the
 * words be joined.
 */
function areNear(a: string, b: string): boolean {
  if (a === b) return a !== ''
  const wordsA = a.split(' ')
  const wordsB = b.split(' ')
  return wordsA.length !== wordsB.length && wordsA.join('') === wordsB.join('')
}

/** Up, then down: some letters have one form only in one case (ß, final sigma). */
function folded(name: string): string {
  return singleSpaced(name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC'))
}

/**
 * y is a way to write i where it is the syllable's only vowel or opens it (Mỹ Mĩ, Lý Lí, Quý Quí); behind another vowel it
 * is another sound and another name: Mai is not May, Thúi not Thúy.
 */
function baseLetters(foldedName: string): string {
  const letters = withoutAccents(foldedName.replace(LOOSE_MARKS, '')).replace(/(^|[^aeiouy]|qu)y/g, '$1i')
  return singleSpaced(letters)
}

function singleSpaced(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
