/** How a table of the standard is written down here, and what it says of each field. */

/**
 * `text` · `number` (digits, a point) · `instant` (`yyyyMMddHHmm`) · `day` (`yyyyMMdd`) · `birth` (`yyyyMMddHHmm`, day and
 * month or hour and minute may be zeros) · `facility` (five characters) · `card` (mã thẻ).
 */
export type FieldType = 'text' | 'number' | 'instant' | 'day' | 'birth' | 'facility' | 'card'

export interface FieldSpec {
  readonly name: string
  readonly type: FieldType
  /** Characters; null: the standard sets no bound. */
  readonly lengthMax: number | null
  /** Must not be empty. */
  readonly required: boolean
  /** Several values, joined by `;`. */
  readonly several: boolean
  /** The element itself may be missing: a field that came with a later decision. */
  readonly later: boolean
  /** It may always be missing: sources of the standard differ over it. */
  readonly doubtful: boolean
  /** Values it may have; null: any. */
  readonly codes: ReadonlySet<string> | null
}

export interface TableSpec {
  /** `XML1`. */
  readonly name: string
  /** From the root to a row: `['CHITIEU_CHITIET_THUOC', 'DSACH_CHI_TIET_THUOC', 'CHI_TIET_THUOC']`. */
  readonly path: readonly string[]
  readonly single: boolean
  readonly fields: readonly FieldSpec[]
}

const TYPES: Readonly<Record<string, FieldType>> = {
  S: 'text',
  N: 'number',
  T: 'instant',
  D: 'day',
  B: 'birth',
  F: 'facility',
  C: 'card',
}

/**
 * Fields as lines of `NAME:S100!`: the type's letter, the length or `n`, then `!` required, `;` several values, `?` later,
 * `~` doubtful.
 */
export function readFields(text: string, codes: Readonly<Record<string, readonly string[]>>): FieldSpec[] {
  return text
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [, name = '', letter = '', length = '', marks = ''] = /^(\w+):([A-Z])(\d+|n)([!;?~]*)$/.exec(word) ?? []
      const type = TYPES[letter]
      if (type === undefined) throw new TypeError(`${word} is no field`)
      const list = codes[name]
      return {
        name,
        type,
        lengthMax: length === 'n' ? null : Number(length),
        required: marks.includes('!'),
        several: marks.includes(';'),
        later: marks.includes('?'),
        doubtful: marks.includes('~'),
        codes: list === undefined ? null : new Set(list),
      }
    })
}
