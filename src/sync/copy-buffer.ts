/**
 * Rows in PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"): half the bytes of the text format
 * for uuid and bytea, and nothing for the server to parse. Numbers are big-endian; each field has its length before it.
 */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const END = -1
const NULL_FIELD = -1
/** PostgreSQL counts days and microseconds from 2000-01-01. */
const EPOCH_2000_MS = 946_684_800_000
const DAY_MS = 86_400_000
/** Of one UTF-16 unit. */
const UTF8_BYTES_MAX = 3
const TWO_TO_32 = 4_294_967_296

export class CopyBuffer {
  #bytes: Buffer
  #end: number

  constructor(bytesHint: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(bytesHint, SIGNATURE.length))
    this.#end = SIGNATURE.copy(this.#bytes)
  }

  /** Begins a row of that many fields. */
  row(fields: number): void {
    this.#room(2)
    this.#end = this.#bytes.writeInt16BE(fields, this.#end)
  }

  int16(value: number): void {
    this.#length(2)
    this.#end = this.#bytes.writeInt16BE(value, this.#end)
  }

  int64(value: number | bigint): void {
    this.#length(8)
    if (typeof value === 'bigint') {
      this.#end = this.#bytes.writeBigInt64BE(value, this.#end)
      return
    }
    // without a bigint made for each row's position
    const high = Math.floor(value / TWO_TO_32)
    this.#end = this.#bytes.writeInt32BE(high, this.#end)
    this.#end = this.#bytes.writeUInt32BE(value - high * TWO_TO_32, this.#end)
  }

  /** 32 hex digits. */
  uuid(hex: string): void {
    this.#length(16)
    this.#end += this.#bytes.write(hex, this.#end, 'hex')
  }

  text(value: string | null): void {
    if (value === null) {
      this.nothing()
      return
    }
    this.#room(4 + value.length * UTF8_BYTES_MAX)
    const length = this.#bytes.write(value, this.#end + 4)
    this.#end = this.#bytes.writeInt32BE(length, this.#end) + length
  }

  bytea(value: Uint8Array): void {
    this.#length(value.length)
    this.#bytes.set(value, this.#end)
    this.#end += value.length
  }

  /** `YYYY-MM-DD`. */
  date(value: string | null): void {
    if (value === null) {
      this.nothing()
      return
    }
    this.#length(4)
    this.#end = this.#bytes.writeInt32BE((Date.parse(value) - EPOCH_2000_MS) / DAY_MS, this.#end)
  }

  instant(value: Date | 'infinity'): void {
    this.int64(value === 'infinity' ? 0x7fff_ffff_ffff_ffffn : BigInt(value.getTime() - EPOCH_2000_MS) * 1000n)
  }

  /** Fields written before, by `fieldsOf`: what all rows of a chunk share is encoded once. */
  fields(encoded: Uint8Array): void {
    this.#room(encoded.length)
    this.#bytes.set(encoded, this.#end)
    this.#end += encoded.length
  }

  nothing(): void {
    this.#room(4)
    this.#end = this.#bytes.writeInt32BE(NULL_FIELD, this.#end)
  }

  /** The whole stream, closed. Nothing may be added after it. */
  finish(): Buffer {
    this.#room(2)
    this.#end = this.#bytes.writeInt16BE(END, this.#end)
    return this.#bytes.subarray(0, this.#end)
  }

  /** What was written since the signature. */
  written(): Buffer {
    return this.#bytes.subarray(SIGNATURE.length, this.#end)
  }

  #length(length: number): void {
    this.#room(4 + length)
    this.#end = this.#bytes.writeInt32BE(length, this.#end)
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + bytes))
    this.#bytes.copy(larger, 0, 0, this.#end)
    this.#bytes = larger
  }
}

/** The bytes of some fields, without row and stream around them. */
export function fieldsOf(write: (to: CopyBuffer) => void): Buffer {
  const buffer = new CopyBuffer(256)
  write(buffer)
  return buffer.written()
}
