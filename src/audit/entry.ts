import { hash } from 'node:crypto'
import { randomBytesFromPool } from '../seal.ts'

/** What the log records. Each kind has its own outcome; a new kind is added here first. */
export type EntryKind =
  | 'verification'
  | 'auditRead'
  | 'unverifiedVisit'
  | 'unverifiedVisitClosed'
  | 'enrolmentOpened'
  | 'clientKeyEnrolled'
  | 'clientKeyRevoked'
  | 'logBehindAccepted'
  | 'logSucceeded'
  | 'refusedCalls'
  | 'keyChange'
  | 'feedApplied'
  | 'feedRolledBack'
  | 'quarantineReplayed'
  | 'erasure'
  | 'legalHoldPlaced'
  | 'legalHoldLifted'
  | 'subjectReport'
  | 'breachScoped'
  | 'claimShare'
  | 'claimDelivery'
  | 'insurerLoginSet'

/** Counted and proven in public: codes only, nothing that names or links a person. */
export type EntryOutcome = Readonly<Record<string, string | number | null>>

export interface EntryContent {
  readonly recordedAt: Date
  readonly kind: EntryKind
  /** The facility the deed belongs to; null for deeds of auditors and of the service itself. */
  readonly facility: string | null
  readonly outcome: EntryOutcome
  /** The details as they will be sealed: the body commits to them without showing them. */
  readonly details: string
}

export interface Entry {
  /** The exact text that is hashed. Built once, stored as it is, never serialized again. */
  readonly body: string
  /** SHA-256(0x00 ‖ body), the leaf hash of RFC 6962 §2.1, in base64. */
  readonly leafHash: string
  /** 16 random bytes: without them the commitment cannot be guessed from likely details. Erased with the details. */
  readonly salt: Buffer
}

const SALT_BYTES = 16

/** No subject and no index in the body: erasing the detail row leaves every proof valid and nothing to link. */
export function buildEntry(content: EntryContent): Entry {
  const salt = randomBytesFromPool(SALT_BYTES)
  const body = JSON.stringify({
    v: 1,
    recordedAt: content.recordedAt.toISOString(),
    kind: content.kind,
    facility: content.facility,
    outcome: content.outcome,
    details: commitment(salt, content.details),
  })
  return { body, leafHash: leafHash(body), salt }
}

/** SHA-256(salt ‖ details) in base64. One-shot hashes make no stream object. */
export function commitment(salt: Uint8Array, details: string | Uint8Array): string {
  return hash('sha256', Buffer.concat([salt, typeof details === 'string' ? Buffer.from(details) : details]), 'base64')
}

export function leafHash(body: string): string {
  return hash('sha256', `\0${body}`, 'base64') // U+0000 is the byte 0x00 in UTF-8
}
