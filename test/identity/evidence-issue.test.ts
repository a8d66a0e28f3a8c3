import { expect, test } from 'vitest'
import { zoneOf } from '../../mocks/province/mrz.ts'
import type { Parsed } from '../../src/brand.ts'
import { isoDate } from '../../src/calendar.ts'
import { parseCardNumber, parseInsuranceNumber } from '../../src/coverage/card-number.ts'
import { parseBirthDate } from '../../src/identity/birth-date.ts'
import { parseChipIdQr } from '../../src/identity/chip-id-qr.ts'
import { parseCitizenId } from '../../src/identity/citizen-id.ts'
import { EVIDENCE_ISSUES, type EvidenceIssue } from '../../src/identity/evidence-issue.ts'
import { parseInsuranceCardQr } from '../../src/identity/insurance-card-qr.ts'
import { parseChipIdMrz } from '../../src/identity/mrz.ts'
import { parseFullName } from '../../src/identity/name.ts'

const today = isoDate('2026-11-24')

const AN = {
  document: '090001234',
  personal: '038090001234',
  birth: '900115',
  sex: 'M',
  expiry: '300115',
  name: 'NGUYEN<<VAN<AN<<<<<<<<<<<<<<<<',
}
const MRZ = zoneOf(AN)
const mrz = (from: string, to: string) => () => parseChipIdMrz(MRZ.replace(from, to), today)

/** The shortest evidence that has each issue; a new issue does not compile without one. */
const PRODUCERS: Record<EvidenceIssue, () => Parsed<unknown, EvidenceIssue>> = {
  citizen_id_not_digits: () => parseCitizenId('03809000123O'),
  citizen_id_length: () => parseCitizenId('38090001234'),
  insurance_number_not_digits: () => parseInsuranceNumber('38O0012345'),
  insurance_number_length: () => parseInsuranceNumber('380001234'),
  card_number_length: () => parseCardNumber('GD438380001234'),
  card_number_shape: () => parseCardNumber('GD9383800012345'),
  date_shape: () => parseBirthDate('15/01/1990', today),
  date_impossible: () => parseBirthDate('1990-02-30', today),
  date_in_future: () => parseBirthDate('2026-11-25', today),
  date_too_old: () => parseBirthDate('1899-12-31', today),
  name_empty: () => parseFullName(' \u200B '),
  name_too_long: () => parseFullName('A'.repeat(256)),
  name_garbled: () => parseFullName('Nguy?n V?n An'),
  name_not_a_name: () => parseFullName('038090001234'),
  qr_empty: () => parseChipIdQr('\r\n', today),
  qr_too_long: () => parseChipIdQr('|'.repeat(2049), today),
  qr_too_few_fields: () => parseChipIdQr('038090001234|172000001|Nguyễn', today),
  qr_not_chip_id: () => parseChipIdQr('https://example.vn/', today),
  qr_not_insurance_card: () => parseInsuranceCardQr('https://example.vn/', today),
  qr_bad_hex: () => parseInsuranceCardQr('3800012345|4E6|15/01/1990|1|-|38 - 001', today),
  qr_bad_utf8: () => parseInsuranceCardQr('3800012345|C3|15/01/1990|1|-|38 - 001', today),
  mrz_too_long: () => parseChipIdMrz('<'.repeat(257), today),
  mrz_characters: mrz('NGUYEN', 'NGUYÊN'),
  mrz_length: mrz('NGUYEN', 'NGUYE'),
  mrz_not_chip_id: mrz('IDVNM', 'IDFRA'),
  mrz_layout: mrz('VNM<<<', 'VNM<0<'),
  mrz_check_document_number: mrz('IDVNM090001234', 'IDVNM090001284'),
  mrz_check_personal_number: mrz('038090001234<', '038090001284<'),
  mrz_check_birth_date: mrz('900115', '900116'),
  mrz_check_expiry: mrz('300115', '300116'),
  mrz_check_composite: mrz('<8\n', '<9\n'),
  mrz_numbers_differ: () => parseChipIdMrz(zoneOf({ ...AN, document: '090001235' }), today),
  mrz_expiry_impossible: () => parseChipIdMrz(zoneOf({ ...AN, expiry: '300230' }), today),
  mrz_name: mrz('<<VAN', '<<V4N'),
}

test.each(EVIDENCE_ISSUES)('%s is what its parser says, not a neighbour of it', (issue) => {
  expect(PRODUCERS[issue]()).toEqual({ ok: false, issue })
})

test('an issue is named in snake_case and once', () => {
  expect(EVIDENCE_ISSUES.filter((issue) => !/^[a-z]+(_[a-z0-9]+)+$/.test(issue))).toEqual([])
  expect(new Set(EVIDENCE_ISSUES).size).toBe(EVIDENCE_ISSUES.length)
})
