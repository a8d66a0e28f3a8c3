import { checkCode } from '../audit/check-code.ts'
import { openDetails } from '../audit/log.ts'
import type { EntryAt } from '../audit/log-id.ts'
import type { DataKeys, Pseudonym } from '../data-keys.ts'
import type { EvidenceRequest } from '../verification/request.ts'

/** What an entry `unverifiedVisit` seals. */
export interface VisitDetails {
  readonly v: 1
  readonly recordedAt: string
  readonly person: Pseudonym
  readonly visitId: string
  readonly claimedNumber: string | null
  readonly presentedAt: string
  readonly failures: readonly Failed[]
  readonly evidence: EvidenceRequest | null
  readonly officer: string | null
}

export interface Failed {
  readonly at: string
  readonly code: string
}

/** What an entry `unverifiedVisitClosed` seals: the attempts, which have no entries of their own. */
export interface ClosingDetails {
  readonly v: 1
  readonly unverifiedVisit: string
  readonly attempts: readonly string[]
  readonly lastCode: string | null
}

export interface Receipt {
  readonly checkCode: string
  readonly log: string
  readonly index: number
  readonly leafHash: string
}

/** Our own text, authenticated by its seal. */
export function openVisit(keys: DataKeys, subject: string | null, sealed: Uint8Array): VisitDetails {
  return JSON.parse(openDetails(keys, subject, sealed)) as VisitDetails
}

export function visitReceipt(
  keys: DataKeys,
  facility: string,
  { logId, index }: EntryAt,
  person: Pseudonym,
  leafHash: string,
): Receipt {
  const deed = { logId, index, facility, person }
  return { checkCode: checkCode(keys, deed), log: String(logId), index, leafHash }
}
