/**
 * Something in a dossier that the insurer will not like. Named by place and rule, never with a value: what stands there
 * may be a person's. Texts: `finding-text.ts`.
 */
export interface Finding {
  readonly code: FindingCode
  /** `XML1`; null: of the envelope, or of what came beside it. */
  readonly table: string | null
  /** 1 is the first row of the table; null: of the table as a whole. */
  readonly row: number | null
  /** `T_BHTT`; null: of the row as a whole. */
  readonly field: string | null
  /** Where it stands in the file, or in its table, as XPath writes it. */
  readonly path: string
}

export const FINDING_CODES = [
  'table_unknown',
  'table_structure',
  'table_repeated',
  'field_missing',
  'field_required',
  'field_unknown',
  'field_repeated',
  'field_too_long',
  'field_not_number',
  'field_not_code',
  'field_not_date',
  'field_not_facility',
  'field_not_card',
  'cards_uneven',
  'dates_disorder',
  'amount_sum',
  'amount_lines',
  'amount_product',
  'count_dossiers',
  'signature_invalid',
  'signature_unverifiable',
  'signature_absent',
  'check_code_not_genuine',
  'check_code_other_person',
  'check_missing',
] as const
export type FindingCode = (typeof FINDING_CODES)[number]

/** Enough to mend a dossier by; more than these are counted, and their first ones kept. */
export const FINDINGS_MAX = 200

/** What was found, in order. */
export class Findings {
  readonly kept: Finding[] = []
  total = 0

  add(finding: Finding): void {
    this.total++
    if (this.kept.length < FINDINGS_MAX) this.kept.push(finding)
  }
}
