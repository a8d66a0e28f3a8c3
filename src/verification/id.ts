/**
 * Ids name the log and the index of the entry, so that a lookup needs no second index. They are no secret: access is
 * checked on the entry.
 */
export function verificationId(logId: number, index: number): string {
  return `v${logId}-${index}`
}

/** Log and index: `v1-0`. */
export const VERIFICATION_ID = /^v([1-9]\d{0,3})-(0|[1-9]\d{0,10})$/

export function readVerificationId(id: string): { readonly logId: number; readonly index: number } | null {
  const parts = VERIFICATION_ID.exec(id)
  return parts === null ? null : { logId: Number(parts[1]), index: Number(parts[2]) }
}
