/** Where a list of shares goes on: before an index. */
export const SHARE_CURSOR_CHARACTERS_MAX = 20

export function writeShareCursor(before: number): string {
  return Buffer.from(`b${before}`).toString('base64url')
}

/** Null for anything that we did not write. */
export function readShareCursor(text: string): number | null {
  const [, digits] = /^b(\d{1,11})$/.exec(Buffer.from(text, 'base64url').toString()) ?? []
  const before = Number(digits)
  return digits !== undefined && writeShareCursor(before) === text ? before : null
}
