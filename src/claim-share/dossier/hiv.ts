import type { Table } from './dossier.ts'

/**
 * Whether a dossier says something of HIV (Luật HIV Đ30): whoever lacks `audit:hiv` sees none of it. Rather one too many
 * than one too few: hepatitis B shares two of these drugs, and a test before an operation counts as the contract has it.
 * XML6, ICD B20–B24 and Z21: contract. The other codes of ICD-10 and the list of drugs are our own (medium); 24.0169–24.0182
 * are the HIV tests of the catalogue of techniques (TT 43/2013, low).
 */
const ICD = /(?:^|[;,\s])(?:B2[0-4]|Z21|R75|F02\.?4|O98\.?7|Z11\.?4|Z20\.?6|Z71\.?7)/i
const TESTS = /^24\.?01(?:69|7\d|8[0-2])\b/
const WORDS = new RegExp(
  `(?<![\\p{L}\\d])(?:${[
    'HIV',
    'AIDS',
    'ARV',
    'CD4',
    'suy giảm miễn dịch mắc phải',
    'abacavir',
    'atazanavir',
    'bictegravir',
    'cabotegravir',
    'darunavir',
    'didanosine?',
    'dolutegravir',
    'efavirenz',
    'emtricitabine?',
    'etravirine?',
    'lamivudine?',
    'lopinavir',
    'nevirapine?',
    'raltegravir',
    'rilpivirine?',
    'ritonavir',
    'stavudine?',
    'tenofovir',
    'zidovudine?',
  ].join('|')})(?![\\p{L}])`,
  'iu',
)
/** Fields that exist to say it: any value in one does. */
const FIELDS = new Set(['NGAYKD_HIV', 'BDDT_ARV', 'PHANLOAI_LAO_HIV', 'NGAY_BAT_DAU_DT_CTX'])

export function saysHiv(tables: readonly Table[]): boolean {
  return tables.some(
    ({ name, rows }) =>
      (name === 'XML6' && rows.length > 0) ||
      rows.some(({ fields }) => [...fields].some(([field, text]) => text !== '' && saysIt(field, text))),
  )
}

function saysIt(field: string, text: string): boolean {
  if (FIELDS.has(field)) return true
  if (field.startsWith('MA_BENH') && ICD.test(text)) return true
  if (field === 'MA_DICH_VU' && TESTS.test(text)) return true
  return WORDS.test(text.normalize('NFC'))
}
