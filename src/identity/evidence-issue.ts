/**
 * Every way a piece of evidence can be unusable. An issue is about the writing of the evidence, never about the person:
 * a number of another province, an unknown sex or digits that disagree with the birth date are no issue (domain §2,
 * NĐ 70/2024 Đ11: numbers are cancelled and re-issued). What is said to the desk and to the integrator is elsewhere.
 */
export const EVIDENCE_ISSUES = [
  // The 12-digit personal number.
  'citizen_id_not_digits',
  'citizen_id_length',

  // The insurance card (15) and the insurance number (10).
  'insurance_number_not_digits',
  'insurance_number_length',
  'card_number_length',
  'card_number_shape',

  // The birth date.
  'date_shape',
  'date_impossible', // 30 February, month 13, a day of an unknown month
  'date_in_future',
  'date_too_old',

  // The full name.
  'name_empty',
  'name_too_long',
  'name_garbled', // `?` or U+FFFD: a scanner or a program lost letters on the way
  'name_not_a_name', // no letter, or digits, control characters, `|`, other symbols

  // Scanned text.
  'qr_empty',
  'qr_too_long',
  'qr_too_few_fields', // begins as the right code, but was cut off
  'qr_not_chip_id',
  'qr_not_insurance_card',
  'qr_bad_hex',
  'qr_bad_utf8',

  // The machine-readable zone. Which check digit disagrees is told, what it should have been never.
  'mrz_too_long',
  'mrz_characters',
  'mrz_length',
  'mrz_not_chip_id',
  'mrz_layout',
  'mrz_check_document_number',
  'mrz_check_personal_number',
  'mrz_check_birth_date',
  'mrz_check_expiry',
  'mrz_check_composite', // each field agrees with its own digit, all of them with none
  'mrz_numbers_differ',
  'mrz_expiry_impossible',
  'mrz_name',
] as const

export type EvidenceIssue = (typeof EVIDENCE_ISSUES)[number]
