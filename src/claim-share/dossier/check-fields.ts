import { daysInMonth } from '../../calendar.ts'
import { parseCardOrInsuranceNumber } from '../../coverage/card-number.ts'
import { parseCitizenId } from '../../identity/citizen-id.ts'
import { parseDecimal } from './decimal.ts'
import type { Row, Table } from './dossier.ts'
import type { FindingCode, Findings } from './finding.ts'
import type { FieldSpec, TableSpec } from './table.ts'
import { isRoute } from './tables.ts'

/** A table against what the standard says of its fields. `day`: when the visit ends, `yyyyMMdd`. */
export function checkTable(table: Table, spec: TableSpec, day: string, findings: Findings): void {
  const { name } = table
  const wanted = `/${spec.path.join('/')}`
  if (spec.single && table.rows.length > 1) {
    findings.add({ code: 'table_repeated', table: name, row: null, field: null, path: table.path })
  }
  for (const row of table.rows) {
    const tell = (code: FindingCode, field: string | null) =>
      findings.add({
        code,
        table: name,
        row: row.number,
        field,
        path: field === null ? row.path : `${row.path}/${field}`,
      })
    if (row.path.replaceAll(/\[\d+\]/g, '') !== wanted) tell('table_structure', null)
    for (const field of row.repeated) tell('field_repeated', field)
    checkRow(row, spec.fields, day, tell)
  }
}

function checkRow(
  row: Row,
  fields: readonly FieldSpec[],
  day: string,
  tell: (code: FindingCode, field: string) => void,
): void {
  const known = new Set(fields.map(({ name }) => name))
  for (const field of row.fields.keys()) {
    if (!known.has(field)) tell('field_unknown', safeName(field))
  }
  for (const field of fields) {
    const text = row.fields.get(field.name)
    if (text === undefined) {
      if (!field.later && !field.doubtful) tell('field_missing', field.name)
    } else if (text === '') {
      if (field.required) tell('field_required', field.name)
    } else {
      const code = faultOf(field, text, day)
      if (code !== null) tell(code, field.name)
    }
  }
}

/** An element's name is the sender's own word: one that could be anything is not repeated. */
function safeName(field: string): string {
  return /^[A-Z][A-Z_]{0,39}\d{0,2}$/.test(field) ? field : '?'
}

function faultOf(field: FieldSpec, text: string, day: string): FindingCode | null {
  if (field.lengthMax !== null && [...text].length > field.lengthMax) return 'field_too_long'
  if (field.name === 'MA_DOITUONG_KCB') return isRoute(text, day) ? null : 'field_not_code'
  const values = field.several ? text.split(';').map((each) => each.trim()) : [text]
  for (const value of values) {
    // one of several may be unknown: it keeps its place
    const code = field.several && value === '' ? null : faultOfValue(field, value)
    if (code !== null) return code
  }
  return null
}

function faultOfValue(field: FieldSpec, value: string): FindingCode | null {
  if (field.codes !== null && !field.codes.has(value)) return 'field_not_code'
  switch (field.type) {
    case 'text':
      return null
    case 'number':
      return parseDecimal(value) === null ? 'field_not_number' : null
    case 'instant':
      return isInstant(value) ? null : 'field_not_date'
    case 'day':
      return isDay(value) ? null : 'field_not_date'
    case 'birth':
      return isBirth(value) ? null : 'field_not_date'
    case 'facility':
      return /^\d{2}[0-9A-Z]{3}$/.test(value) ? null : 'field_not_facility'
    case 'card':
      // since 2021 the number of a person stands for their card as well
      return parseCardOrInsuranceNumber(value).ok || parseCitizenId(value).ok ? null : 'field_not_card'
  }
}

function isDay(text: string): boolean {
  return /^\d{8}$/.test(text) && isDate(text, false)
}

function isInstant(text: string): boolean {
  return /^\d{12}$/.test(text) && isDate(text, false) && isTime(text.slice(8))
}

/** Unknown day and month: `0000`; unknown hour and minute: `0000`. */
function isBirth(text: string): boolean {
  return /^\d{12}$/.test(text) && isDate(text, true) && isTime(text.slice(8))
}

function isDate(text: string, yearAlone: boolean): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(4, 6)), Number(text.slice(6, 8))]
  if (year < 1800) return false
  if (yearAlone && month === 0 && day === 0) return true
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
}

function isTime(text: string): boolean {
  return Number(text.slice(0, 2)) < 24 && Number(text.slice(2, 4)) < 60
}
