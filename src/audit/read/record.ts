import { createHash } from 'node:crypto'
import type { Principal } from '../../access/principal.ts'
import type { Scope } from '../../scope.ts'
import { prepare } from '../log.ts'

export type AuditPurpose = 'claimReview' | 'complaint' | 'courtOrder' | 'incident'

/** Why an auditor reads; all but a claim review name their case. */
export interface AuditReason {
  readonly purpose: AuditPurpose
  readonly auditCase: string | null
}

/** What the entry of a read seals. */
export interface AuditReadDetails {
  readonly v: 1
  readonly purpose: AuditPurpose
  readonly case: string | null
  /** Places (`log-id.ts`) of what was shown. */
  readonly entries: readonly number[]
  readonly knownAt?: string
  /** What was asked: names of lists and filters, never a person's number. */
  readonly asked?: Readonly<Record<string, string | number>>
}

/**
 * A read is an entry of the log before what was read leaves: how many entries, and the digest of their list, in the open;
 * the list itself in the details, so that it can be proven later which they were. Throws where the log cannot be written.
 */
export async function recordRead(
  scope: Pick<Scope, 'service' | 'now' | 'append'>,
  caller: Principal,
  { purpose, auditCase }: AuditReason,
  entries: readonly number[],
  also: Pick<AuditReadDetails, 'knownAt' | 'asked'> = {},
): Promise<void> {
  const details: AuditReadDetails = { v: 1, purpose, case: auditCase, entries, ...also }
  const list = createHash('sha256').update(JSON.stringify(entries)).digest('base64')
  const row = prepare(scope.service.dataKeys, {
    recordedAt: scope.now(),
    kind: 'auditRead',
    facility: null,
    outcome: { purpose, entries: entries.length, list },
    details: JSON.stringify(details),
    client: caller.clientId,
    subject: null,
    idempotency: null,
  })
  await scope.append(row)
}
