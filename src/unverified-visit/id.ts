import type { EntryAt } from '../audit/log-id.ts'

/** `u1-42`: log and index of the entry, as a verification's id. */
export function visitIdOf({ logId, index }: EntryAt): string {
  return `u${logId}-${index}`
}

export const VISIT_ID = /^u([1-9]\d{0,3})-(0|[1-9]\d{0,10})$/

export function readVisitId(id: string): EntryAt | null {
  const parts = VISIT_ID.exec(id)
  return parts === null ? null : { logId: Number(parts[1]), index: Number(parts[2]) }
}
