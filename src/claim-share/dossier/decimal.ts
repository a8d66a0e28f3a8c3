/** An exact decimal: `units` ÷ 10^`scale`. Amounts are never binary fractions (QĐ 3176: THANH_TIEN has two decimals). */
export interface Decimal {
  readonly units: bigint
  readonly scale: number
}

export const ZERO: Decimal = { units: 0n, scale: 0 }

/** As the tables write a number: digits, a point, digits. Null: it is none, or longer than any field holds. */
export function parseDecimal(text: string): Decimal | null {
  const parts = /^(-?)(\d{1,18})(?:\.(\d{1,9}))?$/.exec(text)
  if (parts === null) return null
  const [, sign = '', whole = '', fraction = ''] = parts
  return { units: BigInt(`${sign}${whole}${fraction}`), scale: fraction.length }
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale)
  return { units: unitsAt(a, scale) + unitsAt(b, scale), scale }
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { units: -b.units, scale: b.scale })
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale }
}

export function isEqual(a: Decimal, b: Decimal): boolean {
  const scale = Math.max(a.scale, b.scale)
  return unitsAt(a, scale) === unitsAt(b, scale)
}

/** Half away from zero, as money is rounded. */
export function round(value: Decimal, places: number): Decimal {
  if (value.scale <= places) return value
  const step = 10n ** BigInt(value.scale - places)
  const half = value.units < 0n ? -step / 2n : step / 2n
  return { units: (value.units + half) / step, scale: places }
}

function unitsAt(value: Decimal, scale: number): bigint {
  return value.units * 10n ** BigInt(scale - value.scale)
}
