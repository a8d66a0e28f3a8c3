import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDays, isoDate } from '../../src/calendar.ts'
import { CopyBuffer, fieldsOf } from '../../src/sync/copy-buffer.ts'

/**
 * A reader of the layout as PostgreSQL documents it (COPY, "Binary Format"): signature, 32 bits of flags, length of the
 * header's extension, then tuples of a field count and per field a length (-1: null) and that many bytes; -1 ends it.
 */
function readCopy(bytes: Buffer): (Buffer | null)[][] {
  let at = 0
  const take = (length: number) => {
    if (at + length > bytes.length) throw new Error('the stream ends in the middle')
    at += length
    return bytes.subarray(at - length, at)
  }
  expect(take(11)).toEqual(Buffer.from([0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00]))
  expect(take(4).readInt32BE()).toBe(0) // no OIDs, no critical extension
  take(take(4).readInt32BE())
  const rows: (Buffer | null)[][] = []
  for (;;) {
    const fields = take(2).readInt16BE()
    if (fields === -1) break
    rows.push(
      Array.from({ length: fields }, () => {
        const length = take(4).readInt32BE()
        return length === -1 ? null : Buffer.from(take(length))
      }),
    )
  }
  expect(at).toBe(bytes.length)
  return rows
}

interface Field {
  readonly write: (to: CopyBuffer) => void
  /** What must be read back: null, or the value as the documented layout of its type says. */
  readonly value: unknown
  readonly read: (bytes: Buffer) => unknown
}

const Y2K = isoDate('2000-01-01')
const Y2K_MS = Date.UTC(2000, 0, 1)
const sized = (length: number, read: (bytes: Buffer) => unknown) => (bytes: Buffer) =>
  bytes.length === length ? read(bytes) : `${bytes.length} bytes`

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.integer({ min: -32_768, max: 32_767 }).map((value) => ({
    write: (to: CopyBuffer) => to.int16(value),
    value,
    read: sized(2, (bytes) => bytes.readInt16BE()),
  })),
  fc.oneof(fc.maxSafeInteger(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)).map((value) => ({
    write: (to: CopyBuffer) => to.int64(value),
    value: BigInt(value),
    read: sized(8, (bytes) => bytes.readBigInt64BE()),
  })),
  fc.stringMatching(/^[0-9a-f]{32}$/).map((value) => ({
    write: (to: CopyBuffer) => to.uuid(value),
    value,
    read: sized(16, (bytes) => bytes.toString('hex')),
  })),
  fc.option(fc.string({ unit: 'grapheme', maxLength: 80 })).map((value) => ({
    write: (to: CopyBuffer) => to.text(value),
    value,
    read: (bytes: Buffer) => bytes.toString('utf8'),
  })),
  fc.uint8Array({ maxLength: 200 }).map((value) => ({
    write: (to: CopyBuffer) => to.bytea(value),
    value: Buffer.from(value).toString('hex'),
    read: (bytes: Buffer) => bytes.toString('hex'),
  })),
  // days since 2000-01-01
  fc.option(fc.integer({ min: -40_000, max: 40_000 }).map((days) => addDays(Y2K, days))).map((value) => ({
    write: (to: CopyBuffer) => to.date(value),
    value,
    read: sized(4, (bytes) => addDays(Y2K, bytes.readInt32BE())),
  })),
  // microseconds since 2000-01-01 00:00 UTC
  fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2200, 0, 1) }).map((ms) => ({
    write: (to: CopyBuffer) => to.instant(new Date(ms)),
    value: BigInt(ms - Y2K_MS) * 1_000n,
    read: sized(8, (bytes) => bytes.readBigInt64BE()),
  })),
  fc.constant({
    write: (to: CopyBuffer) => to.instant('infinity'),
    value: 2n ** 63n - 1n, // the largest number is infinity
    read: sized(8, (bytes) => bytes.readBigInt64BE()),
  }),
  fc.constant({ write: (to: CopyBuffer) => to.nothing(), value: null, read: () => 'something' }),
)

test('any rows come out as they went in, whatever room was asked for', () => {
  fc.assert(
    fc.property(fc.array(fc.array(field, { maxLength: 20 }), { maxLength: 8 }), fc.nat(300), (rows, hint) => {
      const buffer = new CopyBuffer(hint)
      for (const row of rows) {
        buffer.row(row.length)
        for (const each of row) each.write(buffer)
      }
      const read = readCopy(buffer.finish()).map((row, r) =>
        row.map((bytes, f) => bytes && (rows[r]?.[f]?.read(bytes) ?? null)),
      )
      expect(read).toEqual(rows.map((row) => row.map((each) => each.value)))
    }),
    { seed: 38, numRuns: 1_000 },
  )
})

test('fields encoded once stand in each row as if they had been written there', () => {
  fc.assert(
    fc.property(
      fc.array(field, { maxLength: 10 }),
      fc.array(field, { maxLength: 10 }),
      fc.nat(60),
      (own, shared, hint) => {
        const encoded = fieldsOf((to) => {
          for (const each of shared) each.write(to)
        })
        const [once, twice] = [new CopyBuffer(hint), new CopyBuffer(hint)]
        for (let row = 0; row < 3; row++) {
          once.row(own.length + shared.length)
          twice.row(own.length + shared.length)
          for (const each of own) each.write(once)
          for (const each of own) each.write(twice)
          once.fields(encoded)
          for (const each of shared) each.write(twice)
        }
        expect(once.finish()).toEqual(twice.finish())
      },
    ),
    { seed: 38, numRuns: 300 },
  )
})

describe('the bytes themselves', () => {
  test('nothing at all: header and trailer', () => {
    expect(new CopyBuffer(64).finish().toString('hex')).toBe('5047434f50590aff0d0a000000000000000000ffff')
  })

  test('one row, spelled out', () => {
    const buffer = new CopyBuffer(1)
    buffer.row(4)
    buffer.int16(1)
    buffer.text('Đ')
    buffer.date('2000-01-02')
    buffer.nothing()
    const body = buffer.finish().subarray(19).toString('hex')
    expect(body).toBe(
      ['0004', '00000002', '0001', '00000002', 'c490', '00000004', '00000001', 'ffffffff', 'ffff'].join(''),
    )
  })

  test('a day before 2000 is a negative number, a millisecond a thousand microseconds', () => {
    const buffer = new CopyBuffer(64)
    buffer.row(2)
    buffer.date('1999-12-31')
    buffer.instant(new Date('1999-12-31T23:59:59.999Z'))
    const [row] = readCopy(buffer.finish())
    expect(row?.[0]?.readInt32BE()).toBe(-1)
    expect(row?.[1]?.readBigInt64BE()).toBe(-1_000n)
  })
})
