import type { Brand, Parsed } from '../brand.ts'
import type { EvidenceIssue } from '../identity/evidence-issue.ts'

/** Mã số BHXH, 10 digits: the person's for life. Cards printed since 1/4/2021 show only this (QĐ 1666/QĐ-BHXH). */
export type InsuranceNumber = Brand<string, 'InsuranceNumber'>

/** 15 characters: group 2 letters, level 1 digit, province 2, insurance number 10 (QĐ 1351/QĐ-BHXH 2015). */
export type CardNumber = Brand<string, 'CardNumber'>

export type BenefitLevel = 1 | 2 | 3 | 4 | 5

/** A card of either print names the person by one of the two. */
export type CardOrInsuranceNumber =
  | { readonly kind: 'card'; readonly cardNumber: CardNumber }
  | { readonly kind: 'insurance'; readonly insuranceNumber: InsuranceNumber }

export interface CardNumberParts {
  readonly group: string
  /** As printed. For CN and LH the law moved since; level by group and date is the entitlement's (NQ 261/2025/QH15). */
  readonly level: BenefitLevel
  /** Who issued the card; the facility of first registration may lie elsewhere. */
  readonly province: string
  readonly insuranceNumber: InsuranceNumber
}

/**
 * Domain §5.2, in its order of levels; sources put a few letters (CT, PV) on other levels, so no level is attached.
 * An unknown group is for a warning, never a reason to refuse: the list grows by decree.
 */
const KNOWN_GROUPS: ReadonlySet<string> = new Set(
  [
    'CC TE',
    'CK CB KC HN DT DK XD BT TS AK CT CN LH',
    'HT TC PV TG DS HK',
    'DN HX CH NN TK HC XK TB NO XB TN CS XN MS HD TQ TA TY HG LS HS SV GB GD ND TH TV TD TU BA',
    'QN CA CY',
  ].flatMap((groups) => groups.split(' ')),
)

/** The printed number is set in groups (`GD 4 38 3800012345`) and people type it so. Longer text is no number at all. */
const TYPED_CHARS_MAX = 64

export function isKnownGroup(group: string): boolean {
  return KNOWN_GROUPS.has(group)
}

export function parseInsuranceNumber(text: string): Parsed<InsuranceNumber, EvidenceIssue> {
  const number = withoutGaps(text)
  if (/^[0-9]{10}$/.test(number)) return { ok: true, value: number as InsuranceNumber }
  return { ok: false, issue: /^[0-9]*$/.test(number) ? 'insurance_number_length' : 'insurance_number_not_digits' }
}

export function parseCardNumber(text: string): Parsed<CardNumber, EvidenceIssue> {
  const number = withoutGaps(text)
  if (number.length !== 15) return { ok: false, issue: 'card_number_length' }
  // Checked before the case is changed: ß, ﬀ and ſ become ASCII letters in upper case.
  if (!/^[A-Za-z]{2}[1-5][0-9]{12}$/.test(number)) return { ok: false, issue: 'card_number_shape' }
  return { ok: true, value: number.toUpperCase() as CardNumber }
}

/** 10 or 15. Twelve digits are a citizen id, which is other evidence. */
export function parseCardOrInsuranceNumber(text: string): Parsed<CardOrInsuranceNumber, EvidenceIssue> {
  if (withoutGaps(text).length === 10) {
    const number = parseInsuranceNumber(text)
    return number.ok ? { ok: true, value: { kind: 'insurance', insuranceNumber: number.value } } : number
  }
  const number = parseCardNumber(text)
  return number.ok ? { ok: true, value: { kind: 'card', cardNumber: number.value } } : number
}

export function readCardNumber(card: CardNumber): CardNumberParts {
  return {
    group: card.slice(0, 2),
    level: Number(card[2]) as BenefitLevel,
    province: card.slice(3, 5),
    insuranceNumber: card.slice(5) as InsuranceNumber,
  }
}

/** `GD438********45` (domain §10.10). */
export function maskCardNumber(card: CardNumber): string {
  return `${card.slice(0, 5)}********${card.slice(13)}`
}

function withoutGaps(text: string): string {
  return text.length > TYPED_CHARS_MAX ? text : text.replace(/[\s-]+/g, '')
}
