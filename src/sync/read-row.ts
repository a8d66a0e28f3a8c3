import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import type { Parsed } from '../brand.ts'
import type { IsoDate } from '../calendar.ts'
import { parseInsuranceNumber } from '../coverage/card-number.ts'
import { COVERAGE_STATUSES } from '../coverage/status.ts'
import { parseCitizenId } from '../identity/citizen-id.ts'
import { type CheckedRow, COVERAGE_NO_MAX, checkRow, type RowFault } from './check-row.ts'
import type { Lines } from './data-file.ts'

/** Longer texts are no such field; the check of each says what it is. */
const text = z.string().max(200)
const FORMER_NUMBERS_MAX = 20

const putSchema = z.strictObject({
  op: z.literal('put').optional(),
  citizenId: text.nullable(),
  formerNumbers: z.array(text).max(FORMER_NUMBERS_MAX),
  insuranceNumber: text,
  cardNumber: text,
  coverageNo: z.number(),
  fullName: text,
  dateOfBirth: text,
  sex: z.enum(['male', 'female', 'unknown']),
  registeredFacility: text,
  validFrom: text,
  validTo: text.nullable(),
  fiveYearsFrom: text.nullable(),
  area: z.enum(['K1', 'K2', 'K3']).nullable(),
  status: z.enum(COVERAGE_STATUSES),
  statusFrom: text.nullable(),
})

const removeSchema = z.strictObject({
  op: z.literal('remove'),
  citizenId: text.nullable(),
  insuranceNumber: text,
  coverageNo: z.number(),
})

/** One line of a data file, understood. */
export type FeedOperation =
  | { readonly op: 'put'; readonly row: CheckedRow }
  | { readonly op: 'remove'; readonly number: string; readonly coverageNo: number }

/** Each line of a part with what it says; a line that says nothing keeps its bytes for quarantine. */
export function* readRows(
  lines: Lines,
  asOf: IsoDate,
): Generator<{ readonly position: number; readonly line: Buffer; readonly read: Parsed<FeedOperation, RowFault> }> {
  let from = 0
  for (let i = 0; i < lines.count; i++) {
    const end = lines.bytes.indexOf(0x0a, from)
    const line = lines.bytes.subarray(from, end < 0 ? lines.bytes.length : end)
    from = end + 1
    yield { position: lines.position + i, line, read: readRow(line, asOf) }
  }
}

export function readRow(line: Uint8Array, asOf: IsoDate): Parsed<FeedOperation, RowFault> {
  if (!isUtf8(line)) return { ok: false, issue: 'row_not_utf8' }
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString('utf8'))
  } catch {
    return { ok: false, issue: 'row_not_json' }
  }
  if (isRemove(json)) {
    const removed = removeSchema.safeParse(json)
    return removed.success ? readRemove(removed.data) : { ok: false, issue: 'row_shape' }
  }
  const put = putSchema.safeParse(json)
  if (!put.success) return { ok: false, issue: faultOf(put.error.issues[0]?.path[0]) }
  const checked = checkRow(put.data, asOf)
  return checked.ok ? { ok: true, value: { op: 'put', row: checked.value } } : checked
}

/** Looked at first: a schema that refuses costs three times one that passes, and nearly all rows are puts. */
function isRemove(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'op' in json && json.op === 'remove'
}

/** A value of a closed list that we do not know is said as such; all else is another shape. */
function faultOf(member: PropertyKey | undefined): RowFault {
  if (member === 'status') return 'status_unknown'
  if (member === 'sex') return 'sex_unknown'
  if (member === 'area') return 'area_unknown'
  return 'row_shape'
}

function readRemove(row: z.infer<typeof removeSchema>): Parsed<FeedOperation, RowFault> {
  const number = row.citizenId === null ? parseInsuranceNumber(row.insuranceNumber) : parseCitizenId(row.citizenId)
  if (!number.ok) return number
  if (!Number.isInteger(row.coverageNo) || row.coverageNo < 1 || row.coverageNo > COVERAGE_NO_MAX) {
    return { ok: false, issue: 'coverage_no_range' }
  }
  return { ok: true, value: { op: 'remove', number: number.value, coverageNo: row.coverageNo } }
}
