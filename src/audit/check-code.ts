import type { DataKeys, Pseudonym } from '../data-keys.ts'

/**
 * Ten characters that a claim quotes: the log index (35 bits, 34 billion entries) and a 15-bit MAC over index, facility
 * and person, in Crockford's base32. A made-up code passes once in 32,768 tries, and each try is a logged claim.
 */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const INDEX_MAX = 2 ** 35 - 1
const MAC_SPAN = 2 ** 15
const LENGTH = 10

export interface CheckedDeed {
  readonly logId: number
  readonly index: number
  readonly facility: string
  readonly person: Pseudonym
}

export function checkCode(keys: DataKeys, deed: CheckedDeed): string {
  if (deed.index > INDEX_MAX) throw new RangeError('the log index no longer fits a check code: open a successor log')
  let value = deed.index * MAC_SPAN + mac15(keys, deed) // 50 bits: exact in a double
  let text = ''
  for (let i = 0; i < LENGTH; i++) {
    text = ALPHABET[value % 32] + text
    value = Math.floor(value / 32)
  }
  return `${text.slice(0, 5)}-${text.slice(5)}`
}

/** The log index a code names, and whether it was made for that facility and person. Null for a malformed code. */
export function readCheckCode(code: string): { readonly index: number; readonly mac: number } | null {
  const text = code.toUpperCase().replaceAll('-', '').replaceAll('O', '0').replace(/[IL]/g, '1')
  if (text.length !== LENGTH) return null
  let value = 0
  for (const char of text) {
    const digit = ALPHABET.indexOf(char)
    if (digit < 0) return null
    value = value * 32 + digit
  }
  return { index: Math.floor(value / MAC_SPAN), mac: value % MAC_SPAN }
}

export function isCheckCodeOf(keys: DataKeys, code: string, deed: CheckedDeed): boolean {
  const read = readCheckCode(code)
  return read !== null && read.index === deed.index && read.mac === mac15(keys, deed)
}

function mac15(keys: DataKeys, deed: CheckedDeed): number {
  const text = `${deed.logId}:${deed.index}:${deed.facility}:${deed.person}`
  return Number.parseInt(keys.checkCode(text).slice(0, 4), 16) % MAC_SPAN
}
