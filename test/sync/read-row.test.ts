import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rowsOf } from '../../mocks/province/person.ts'
import { isoDate } from '../../src/calendar.ts'
import { readRow, readRows } from '../../src/sync/read-row.ts'

const today = isoDate('2026-11-24')
const rows = rowsOf({ seed: 'rows', baseDate: today }, 0, 200)
const line = (value: unknown) => Buffer.from(JSON.stringify(value))

describe('a line of a data file', () => {
  test('of the province is understood as it was written', () => {
    for (const row of rows) {
      const read = readRow(line({ op: 'put', ...row }), today)
      if (!read.ok || read.value.op !== 'put') throw new Error(JSON.stringify(read))
      const { row: taken } = read.value
      expect(taken).toMatchObject({ coverageNo: row.coverageNo, status: row.status, validFrom: row.validFrom })
      expect(taken.holder).toMatchObject({
        citizenId: row.citizenId,
        fullName: row.fullName,
        cardNumber: row.cardNumber,
      })
      expect(readRow(line(row), today)).toEqual(read) // `op` may be left out
    }
  })

  test('that removes names a coverage by the number of its person', () => {
    const of = { op: 'remove', citizenId: '038090001234', insuranceNumber: '3800012345', coverageNo: 2 }
    expect(readRow(line(of), today)).toEqual({
      ok: true,
      value: { op: 'remove', number: '038090001234', coverageNo: 2 },
    })
    expect(readRow(line({ ...of, citizenId: null }), today)).toMatchObject({ value: { number: '3800012345' } })
    expect(readRow(line({ ...of, coverageNo: 0 }), today)).toEqual({ ok: false, issue: 'coverage_no_range' })
  })

  const [row] = rows
  test.each<[string, Buffer]>([
    ['row_not_utf8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['row_not_json', Buffer.from('{"op":"put"')],
    ['row_not_json', Buffer.from('')],
    ['row_shape', line(null)],
    ['row_shape', line([row])],
    ['row_shape', line({ ...row, op: 'merge' })],
    ['row_shape', line({ ...row, note: 'x' })],
    ['row_shape', line({ ...row, fullName: 'A'.repeat(201) })],
    ['row_shape', line({ ...row, citizenId: 38090001234 })],
    ['row_shape', line({ ...row, formerNumbers: Array.from({ length: 21 }, () => '172000001') })],
    ['status_unknown', line({ ...row, status: 'asleep' })],
    ['sex_unknown', line({ ...row, sex: 'robot' })],
    ['area_unknown', line({ ...row, area: 'K9' })],
    ['insurance_number_differs', line({ ...row, insuranceNumber: '0000000000' })],
  ])('is a fault of its own: %s', (issue, bytes) => {
    expect(readRow(bytes, today)).toEqual({ ok: false, issue })
  })

  test('never makes the reader throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
          fc
            .record(
              Object.fromEntries(
                Object.keys(row ?? {}).map((name) => [
                  name,
                  fc.oneof(fc.constant((row as never)[name]), fc.anything()),
                ]),
              ) as never,
            )
            .map((each) => Buffer.from(JSON.stringify(each) ?? '')),
        ),
        (bytes) => {
          expect(typeof readRow(bytes, today).ok).toBe('boolean')
        },
      ),
      { seed: 42, numRuns: 300 },
    )
  })

  test('keeps its position and its bytes', () => {
    const bytes = Buffer.from('{"a":1}\n\nx')
    expect(
      [...readRows({ position: 7, count: 3, bytes }, today)].map((each) => [each.position, each.line.toString()]),
    ).toEqual([
      [7, '{"a":1}'],
      [8, ''],
      [9, 'x'],
    ])
  })
})
