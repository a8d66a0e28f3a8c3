/** Where a list of shares goes on: before a place among the entries of all logs, which has up to 16 digits. */
export const SHARE_CURSOR_CHARACTERS_MAX = 23

export function writeShareCursor(before: number): string {
  return Buffer.from(`b${before}`).toString('base64url')
}

/** Null for anything that we did not write. */
export function readShareCursor(text: string): number | null {
  const [, digits] = /^b(\d{1,16})$/.exec(Buffer.from(text, 'base64url').toString()) ?? []
  const before = Number(digits)
  return digits !== undefined && writeShareCursor(before) === text ? before : null
}
