import { userInfo } from 'node:os'
import type { EntryKind, EntryOutcome } from '../audit/entry.ts'
import { prepare } from '../audit/log.ts'
import type { PendingRow } from '../audit/store.ts'
import type { DataKeys } from '../data-keys.ts'

/** An entry about what an operator does by command; who that was on this machine is in its sealed details. */
export function operatorDeed(
  keys: DataKeys,
  kind: EntryKind,
  facility: string | null,
  outcome: EntryOutcome,
  details: Readonly<Record<string, unknown>>,
): PendingRow {
  return prepare(keys, {
    recordedAt: new Date(),
    kind,
    facility,
    outcome,
    details: JSON.stringify({ v: 1, ...details, operator: operatorName() }),
    client: 'ops:command',
    subject: null,
    idempotency: null,
  })
}

/** A container may run under a number that has no name. */
function operatorName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
