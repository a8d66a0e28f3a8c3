import type { Parsed } from '../brand.ts'

/**
 * By their fields these codes hold some 100 to 500 characters; a name of 255 letters, as UTF-8 in hex (1,530), still fits.
 * A QR holds 2,953 bytes at most, whatever is in it. Longer text is no such card, and the work per request stays bounded.
 */
export const SCANNED_CHARS_MAX = 2048

/** Fewer means the scan was cut off. Both cards have seven fields and more; the last ones may be missing (domain §3). */
export const SCANNED_FIELDS_MIN = 6

/**
 * Characters without width that scanners, phones and copy-and-paste leave in text: soft hyphen, joiners, direction marks,
 * BOM, variation selectors, fillers. No Vietnamese writing needs one, and two names that look alike must not differ by one.
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]+/gu

export function withoutInvisible(text: string): string {
  return text.replace(INVISIBLE, '')
}

/** Scanners announce the symbology when told to (AIM identifier, ISO/IEC 15424); its digit must not join the number's. */
const AIM_QR = /^\]Q[0-6]/

/** The bar-separated fields of a scan, free of what scanners add around the whole and around each. */
export function scannedFields(text: string): Parsed<readonly [string, ...string[]], 'qr_empty' | 'qr_too_long'> {
  if (text.length > SCANNED_CHARS_MAX) return { ok: false, issue: 'qr_too_long' }
  const scan = withoutEdges(withoutEdges(withoutInvisible(text)).replace(AIM_QR, ''))
  if (scan === '') return { ok: false, issue: 'qr_empty' }
  return { ok: true, value: scan.split('|').map(withoutEdges) as [string, ...string[]] }
}

/** White space and control characters (CR, LF, TAB, NUL, STX, ETX, GS) off both ends; a loop, as `[…]+$` is quadratic. */
function withoutEdges(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isEdge(text.charCodeAt(start))) start++
  while (end > start && isEdge(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isEdge(code: number): boolean {
  return code <= 0x20 || (code >= 0x7f && code <= 0xa0) || code === 0x2028 || code === 0x2029 || code === 0x3000
}
