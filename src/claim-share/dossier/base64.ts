/** Base64 as RFC 4648 §4 has it and no other way: its alphabet, its padding, no stray bits. Null: it is not that. */
export function decodeBase64(text: string): Buffer | null {
  if (text.length % 4 !== 0) return null
  const bytes = Buffer.from(text, 'base64') // takes anything: what it made is compared
  return bytes.toString('base64') === text ? bytes : null
}

/** White space between the characters, which XML Schema allows in base64Binary and programs put there. */
export function withoutSpace(text: string): string {
  return /[ \t\r\n]/.test(text) ? text.replaceAll(/[ \t\r\n]+/g, '') : text
}
