import { add, type Decimal, isEqual, multiply, parseDecimal, round, subtract, ZERO } from './decimal.ts'
import type { Row, Table } from './dossier.ts'
import type { FindingCode, Findings } from './finding.ts'

/** What holds between the fields of a claim: dates in order, cards in step, amounts that agree to the last decimal. */
export function checkClaim(tables: readonly Table[], findings: Findings): void {
  const summary = rowsOf(tables, 'XML1')[0]
  if (summary === undefined) return
  const tell = (code: FindingCode, field: string) =>
    findings.add({ code, table: 'XML1', row: 1, field, path: `${summary.path}/${field}` })
  checkCards(summary, tell)
  checkDates(summary, ['NGAY_VAO', 'NGAY_VAO_NOI_TRU', 'NGAY_RA', 'NGAY_TTOAN'], tell)
  checkSums(summary, tables, tell)
  for (const [name, price] of LINES) {
    for (const line of rowsOf(tables, name)) {
      const tellOf = (code: FindingCode, field: string) =>
        findings.add({ code, table: name, row: line.number, field, path: `${line.path}/${field}` })
      checkDates(line, ['NGAY_YL', 'NGAY_TH_YL', 'NGAY_KQ'], tellOf)
      const product = both(amountOf(line, 'SO_LUONG'), amountOf(line, price), multiply)
      const amount = amountOf(line, 'THANH_TIEN_BV')
      if (product !== null && amount !== null && !isEqual(round(product, 2), amount)) {
        tellOf('amount_product', 'THANH_TIEN_BV')
      }
    }
  }
  for (const { name, rows } of tables.filter(({ name }) => !OF_MONEY.has(name))) {
    for (const row of rows) {
      const tellOf = (code: FindingCode, field: string) =>
        findings.add({ code, table: name, row: row.number, field, path: `${row.path}/${field}` })
      for (const fields of PERIODS) checkDates(row, fields, tellOf)
    }
  }
}

/** Of the papers that come with a visit: none ends before it begins. */
const PERIODS: readonly (readonly string[])[] = [
  ['NGAY_VAO', 'NGAY_VAO_NOI_TRU', 'NGAY_RA'],
  ['NGOAITRU_TUNGAY', 'NGOAITRU_DENNGAY'],
  ['TU_NGAY', 'DEN_NGAY'],
  ['NGAYBD_DTRI_LAO', 'NGAYKT_DTRI_LAO'],
  ['NGAY_BAT_DAU_XU_TRI', 'NGAY_KET_THUC_XU_TRI'],
]

/** The tables of money lines, and their unit price. */
const LINES = [
  ['XML2', 'DON_GIA'],
  ['XML3', 'DON_GIA_BV'],
] as const

const OF_MONEY: ReadonlySet<string> = new Set(['XML1', ...LINES.map(([name]) => name)])

const isDrug = (_: Row, table: string) => table === 'XML2'
/** A supply that goes with a service has the code of both. */
const isSupply = ({ fields }: Row, table: string) => table === 'XML3' && (fields.get('MA_VAT_TU') ?? '') !== ''

/**
 * Amounts of XML1 that are sums over the lines, all of them or some. The annex of QĐ 130 says so of the first four (high; that a
 * supply is a line with its code: medium); the others follow from it.
 */
const SUMS: readonly (readonly [total: string, line: string, of?: (row: Row, table: string) => boolean])[] = [
  ['T_THUOC', 'THANH_TIEN_BV', isDrug],
  ['T_VTYT', 'THANH_TIEN_BV', isSupply],
  ['T_TONGCHI_BV', 'THANH_TIEN_BV'],
  ['T_TONGCHI_BH', 'THANH_TIEN_BH'],
  ['T_BNTT', 'T_BNTT'],
  ['T_BNCCT', 'T_BNCCT'],
  ['T_BHTT', 'T_BHTT'],
  ['T_NGUONKHAC', 'T_NGUONKHAC'],
]

function checkSums(summary: Row, tables: readonly Table[], tell: (code: FindingCode, field: string) => void): void {
  const left = both(amountOf(summary, 'T_TONGCHI_BH'), amountOf(summary, 'T_BNCCT'), subtract)
  const paid = amountOf(summary, 'T_BHTT')
  if (left !== null && paid !== null && !isEqual(left, paid)) tell('amount_sum', 'T_BHTT')
  const all = LINES.flatMap(([name]) => rowsOf(tables, name).map((row) => ({ row, name })))
  for (const [total, field, isOf] of SUMS) {
    const stated = amountOf(summary, total)
    const lines = all.filter(({ row, name }) => isOf === undefined || isOf(row, name)).map(({ row }) => row)
    const sum = lines.reduce<Decimal | null>((so, line) => both(so, amountOf(line, field, ZERO), add), ZERO)
    // a line whose amount is no number is told as that: no sum can be had
    if (stated !== null && sum !== null && !isEqual(stated, sum)) tell('amount_lines', total)
  }
}

/** Several cards in one stay: their terms and places of registration stand in the same order. */
function checkCards(summary: Row, tell: (code: FindingCode, field: string) => void): void {
  const count = (field: string) => summary.fields.get(field)?.split(';').length ?? 0
  if ((summary.fields.get('MA_THE_BHYT') ?? '') === '') return
  const cards = count('MA_THE_BHYT')
  for (const field of ['MA_DKBD', 'GT_THE_TU', 'GT_THE_DEN']) {
    if (count(field) !== cards) tell('cards_uneven', field)
  }
}

/** Each that is there, not before the one before it. `yyyyMMddHHmm` sorts as text, and so does `yyyyMMdd`. */
function checkDates(row: Row, fields: readonly string[], tell: (code: FindingCode, field: string) => void): void {
  let before = ''
  for (const field of fields) {
    const text = row.fields.get(field) ?? ''
    if (!/^\d{8}(?:\d{4})?$/.test(text)) continue
    if (text.length === before.length && text < before) tell('dates_disorder', field)
    else before = text
  }
}

function rowsOf(tables: readonly Table[], name: string): Row[] {
  return tables.filter((table) => table.name === name).flatMap(({ rows }) => rows)
}

function amountOf(row: Row, field: string, whereNone: Decimal | null = null): Decimal | null {
  const text = row.fields.get(field) ?? ''
  return text === '' ? whereNone : parseDecimal(text)
}

function both(a: Decimal | null, b: Decimal | null, join: (a: Decimal, b: Decimal) => Decimal): Decimal | null {
  return a === null || b === null ? null : join(a, b)
}
