import { type EntryAt, entryAt } from '../audit/log-id.ts'

/** `s1-42`: log and index of the entry, as a verification's id. No secret: access is checked on the entry. */
export function claimShareId(logId: number, index: number): string {
  return `s${logId}-${index}`
}

/** Of the share at a place. */
export function shareIdAt(place: number): string {
  const { logId, index } = entryAt(place)
  return claimShareId(logId, index)
}

export const CLAIM_SHARE_ID = /^s([1-9]\d{0,3})-(0|[1-9]\d{0,10})$/

export function readClaimShareId(id: string): EntryAt | null {
  const parts = CLAIM_SHARE_ID.exec(id)
  return parts === null ? null : { logId: Number(parts[1]), index: Number(parts[2]) }
}
