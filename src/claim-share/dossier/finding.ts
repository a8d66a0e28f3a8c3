/**
 * Something in a dossier that the insurer will not like. Named by place and rule, never with a value: what stands there
 * may be a person's. Texts: `finding-text.ts`.
 */
export interface Finding {
  readonly code: FindingCode
  /** `XML1`; null: of the envelope. */
  readonly table: string | null
  /** 1 is the first row of the table; null: of the table as a whole. */
  readonly row: number | null
  /** `T_BHTT`; null: of the row as a whole. */
  readonly field: string | null
  /** Where it stands in the file, as XPath writes it. */
  readonly path: string
}

export const FINDING_CODES = [
  'table_unknown',
  'table_unreadable',
  'table_missing',
  'table_repeated',
  'field_missing',
  'field_required',
  'field_unknown',
  'field_repeated',
  'field_order',
  'field_too_long',
  'field_not_number',
  'field_not_code',
  'field_not_date',
  'field_other_visit',
  'cards_uneven',
  'dates_disorder',
  'amount_sum',
  'amount_lines',
  'amount_product',
  'count_rows',
  'signature_invalid',
  'signature_unverifiable',
  'signature_absent',
  'check_code_not_genuine',
  'check_code_other_person',
  'check_missing',
] as const
export type FindingCode = (typeof FINDING_CODES)[number]
