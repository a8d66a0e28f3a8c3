/** `u1-42`: log and index of the entry, as a verification's id. */
export function visitIdOf(logId: number, index: number): string {
  return `u${logId}-${index}`
}

export function readVisitId(id: string): { readonly logId: number; readonly index: number } | null {
  const parts = /^u([1-9]\d{0,3})-(0|[1-9]\d{0,10})$/.exec(id)
  return parts === null ? null : { logId: Number(parts[1]), index: Number(parts[2]) }
}
