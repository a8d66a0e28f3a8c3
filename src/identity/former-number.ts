import type { Brand } from '../brand.ts'

/**
 * A number the person had before: an identity card (CMND) of 9 digits, or a personal number of 12 that was cancelled or
 * stood on a CMND of 2012–2016. The chip ID carries it (NĐ 70/2024 Đ12 k1), so the desk may not ask for proof of it.
 */
export type FormerNumber = Brand<string, 'FormerNumber'>

/** Null for anything else: a former number only helps a look-up, an odd one is no reason to refuse the card. */
export function parseFormerNumber(text: string): FormerNumber | null {
  const number = text.trim()
  return /^(?:[0-9]{9}|[0-9]{12})$/.test(number) ? (number as FormerNumber) : null
}
