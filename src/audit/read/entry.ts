import type { Principal } from '../../access/principal.ts'
import { instantText } from '../../db/connect.ts'
import { ServiceError } from '../../errors.ts'
import type { Scope } from '../../scope.ts'
import { type Checkpoint, readCheckpoint } from '../checkpoint.ts'
import type { EntryKind } from '../entry.ts'
import { openDetails } from '../log.ts'
import { type EntryAt, entryAt, placeOf } from '../log-id.ts'
import { readNote } from '../signed-note.ts'
import { proofText } from '../tlog-proof.ts'
import { proveInclusion, TileMissing } from '../tree/prove.ts'
import { type Published, readLogKeys, readPublished, readTiles } from '../tree/store.ts'
import { explanation } from './explanation.ts'
import { unavailable } from './lists.ts'
import { type AuditReason, recordRead } from './record.ts'
import { shownDetails } from './shown-details.ts'
import { findWhole, type WholeEntry } from './store.ts'

export interface ShownEntry {
  readonly log: string
  readonly index: number
  /** The exact text that is hashed. */
  readonly body: string
  /** Base64 of SHA-256(0x00 ‖ body). */
  readonly leafHash: string
  /** Masked; absent where they were erased, or this kind's are not shown. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** An entry of the log as an auditor may see it. */
export async function readEntry(
  scope: Scope,
  caller: Principal,
  reason: AuditReason,
  at: EntryAt,
): Promise<ShownEntry> {
  return scope.inAuditLane(async (lane) => {
    const { entry, kind, text } = await openFor(lane, caller, at)
    const details = text === null ? null : shownDetails(kind, text)
    await recordRead(lane, caller, reason, [placeOf(at)], { asked: { entry: placeOf(at) } })
    return { ...bare(at, entry), ...(details === null ? {} : { details }) }
  })
}

export interface Evidence extends Omit<ShownEntry, 'details'> {
  /** Who signs for this log. */
  readonly origin: string
  readonly recordedAt: string
  /** Exactly as it was committed to, with its salt (base64): SHA-256(salt ‖ text) stands in the body. Null: erased. */
  readonly details: { readonly salt: string; readonly text: string } | null
  /** C2SP tlog-proof, with the checkpoint it leads to. Null: of a log that ended before this entry was in a checkpoint. */
  readonly proof: string | null
  /** The signed note of the checkpoint, with its cosignatures. Null with the proof. */
  readonly checkpoint: string | null
  /** Verifier keys that this log had, with when they came. */
  readonly keys: readonly { readonly key: string; readonly usedSince: string }[]
  readonly explanation: string
}

/** All that a court needs to see an entry, opened, and to check it without asking anybody. */
export async function readEvidence(
  scope: Scope,
  caller: Principal,
  reason: AuditReason,
  at: EntryAt,
): Promise<Evidence> {
  // details are opened whole here: that has a case, also in a claim review
  if (reason.auditCase === null)
    throw new ServiceError('audit_purpose_missing', { detail: 'evidence opens all details: Audit-Case names the case' })
  return scope.inAuditLane(async (lane) => {
    const { entry, kind, text } = await openFor(lane, caller, at)
    const published = await lane.query((sql) => readPublished(sql, at.logId)).catch(unavailable)
    if (published === null) throw new ServiceError('log_not_found')
    const { origin, successor } = published
    const proven = await prove(lane, at, published)
    const logs = await lane.query(readLogKeys).catch(unavailable)
    const keys = logs.find(({ logId }) => logId === at.logId)?.keys ?? []
    const body = JSON.parse(entry.body) as { recordedAt: string; facility: string | null }
    const isShown = text !== null && shownDetails(kind, text) !== null
    const details = isShown && entry.salt !== null ? { salt: base64(entry.salt), text } : null
    await recordRead(lane, caller, reason, [placeOf(at)], { asked: { evidence: placeOf(at) } })
    const size = proven?.size ?? null
    return {
      ...bare(at, entry),
      ...{ origin, recordedAt: body.recordedAt, details },
      ...{ proof: proven?.proof ?? null, checkpoint: proven?.checkpoint ?? null },
      keys: keys.map(({ verifier, usedSince }) => ({ key: verifier, usedSince: instantText(usedSince) })),
      explanation: explanation({ ...at, origin, size, successor, body: entry.body, isErased: entry.sealed === null }),
    }
  })
}

/**
 * To the checkpoint of the entry's own log. Null where there will never be one: the log has a successor, and what is left of
 * its checkpoints is of fewer entries, or there is none. The successor's first entry has the root over all of it.
 */
async function prove(
  lane: Scope,
  at: EntryAt,
  { note, successor }: Published,
): Promise<{ readonly proof: string; readonly checkpoint: string; readonly size: number } | null> {
  const checkpoint = note === null ? null : readCheckpoint(readNote(note)?.text ?? '')
  if (note !== null && checkpoint === null) throw new Error('what is published is no checkpoint')
  if (note === null || checkpoint === null || at.index >= checkpoint.size) {
    if (successor !== null) return null
    const detail = checkpoint === null ? {} : { detail: `the checkpoint is of ${checkpoint.size} entries` }
    throw new ServiceError('log_not_published', detail)
  }
  const path = await pathTo(lane, at, checkpoint)
  return { proof: proofText({ index: at.index, path, checkpoint: note }), checkpoint: note, size: checkpoint.size }
}

async function pathTo(lane: Scope, { logId, index }: EntryAt, checkpoint: Checkpoint): Promise<Uint8Array[]> {
  const read = (tiles: Parameters<typeof readTiles>[2]) => lane.query((sql) => readTiles(sql, logId, tiles))
  const { path } = await proveInclusion(read, index, checkpoint).catch((error: unknown) => {
    throw error instanceof TileMissing ? new ServiceError('log_not_published', { cause: error }) : error
  })
  return path
}

/**
 * The entry, and its details where there are any. What only `audit:hiv` may see is told like what is not there: a dossier with
 * HIV data, or of which that is not known any more, and what was said of its delivery. Of another auditor's read only that
 * it was.
 */
async function openFor(
  lane: Scope,
  caller: Principal,
  at: EntryAt,
): Promise<{ entry: WholeEntry; kind: EntryKind; text: string | null }> {
  const entry = await lane.query((sql) => findWhole(sql, at)).catch(unavailable)
  if (entry === null) {
    const log = await lane.query((sql) => readPublished(sql, at.logId)).catch(unavailable)
    throw new ServiceError(log === null ? 'log_not_found' : 'log_entry_not_found')
  }
  const { kind, outcome } = JSON.parse(entry.body) as { kind: EntryKind; outcome: Record<string, unknown> }
  if (kind === 'claimShare' || kind === 'claimDelivery') {
    const share = kind === 'claimShare' ? entry : await findShare(lane, outcome['share'])
    if (!caller.scopes.has('audit:hiv') && isRestricted(lane, share)) throw new ServiceError('log_entry_not_found')
  }
  const isForeignRead = kind === 'auditRead' && entry.client !== caller.clientId
  return { entry, kind, text: isForeignRead ? null : detailsText(lane, entry) }
}

async function findShare(lane: Scope, share: unknown): Promise<WholeEntry | null> {
  return typeof share === 'number' ? lane.query((sql) => findWhole(sql, entryAt(share))).catch(unavailable) : null
}

function isRestricted(lane: Scope, share: WholeEntry | null): boolean {
  const text = share === null ? null : detailsText(lane, share)
  return text === null || (JSON.parse(text) as { restricted?: unknown }).restricted !== null
}

function detailsText(lane: Scope, { subject, sealed }: WholeEntry): string | null {
  return sealed === null ? null : openDetails(lane.service.dataKeys, subject, sealed)
}

function bare({ logId, index }: EntryAt, { body, leafHash }: WholeEntry) {
  return { log: String(logId), index, body, leafHash: base64(leafHash) }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
