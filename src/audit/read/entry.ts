import type { Principal } from '../../access/principal.ts'
import { instantText } from '../../db/connect.ts'
import { ServiceError } from '../../errors.ts'
import type { Scope } from '../../scope.ts'
import { type Checkpoint, readCheckpoint } from '../checkpoint.ts'
import type { EntryKind } from '../entry.ts'
import { LOG_ID, openDetails } from '../log.ts'
import { readNote } from '../signed-note.ts'
import { proofText } from '../tlog-proof.ts'
import { proveInclusion, TileMissing } from '../tree/prove.ts'
import { readLogKeys, readPublished, readTiles } from '../tree/store.ts'
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
  index: number,
): Promise<ShownEntry> {
  return scope.inAuditLane(async (lane) => {
    const { entry, kind, text } = await openFor(lane, caller, index)
    const details = text === null ? null : shownDetails(kind, text)
    await recordRead(lane, caller, reason, [index], { asked: { entry: index } })
    return { ...bare(index, entry), ...(details === null ? {} : { details }) }
  })
}

export interface Evidence extends Omit<ShownEntry, 'details'> {
  /** Who signs for this log. */
  readonly origin: string
  readonly recordedAt: string
  /** Exactly as it was committed to, with its salt (base64): SHA-256(salt ‖ text) stands in the body. Null: erased. */
  readonly details: { readonly salt: string; readonly text: string } | null
  /** C2SP tlog-proof, with the checkpoint it leads to. */
  readonly proof: string
  /** The signed note of the checkpoint, with its cosignatures. */
  readonly checkpoint: string
  /** Verifier keys that this log had, with when they came. */
  readonly keys: readonly { readonly key: string; readonly usedSince: string }[]
  readonly explanation: string
}

/** All that a court needs to see an entry, opened, and to check it without asking anybody. */
export async function readEvidence(
  scope: Scope,
  caller: Principal,
  reason: AuditReason,
  index: number,
): Promise<Evidence> {
  // details are opened whole here: that has a case, also in a claim review
  if (reason.auditCase === null)
    throw new ServiceError('audit_purpose_missing', { detail: 'evidence opens all details: Audit-Case names the case' })
  return scope.inAuditLane(async (lane) => {
    const { entry, kind, text } = await openFor(lane, caller, index)
    const published = await lane.query((sql) => readPublished(sql, LOG_ID)).catch(unavailable)
    if (published === null || published.note === null) throw new ServiceError('log_not_published')
    const { note: checkpoint, origin } = published
    const read = readCheckpoint(readNote(checkpoint)?.text ?? '')
    if (read === null) throw new Error('what is published is no checkpoint')
    if (index >= read.size)
      throw new ServiceError('log_not_published', { detail: `the checkpoint is of ${read.size} entries` })
    const path = await pathTo(lane, index, read)
    const logs = await lane.query(readLogKeys).catch(unavailable)
    const keys = logs.find(({ logId }) => logId === LOG_ID)?.keys ?? []
    const body = JSON.parse(entry.body) as { recordedAt: string; facility: string | null }
    const isShown = text !== null && shownDetails(kind, text) !== null
    const details = isShown && entry.salt !== null ? { salt: base64(entry.salt), text } : null
    await recordRead(lane, caller, reason, [index], { asked: { evidence: index } })
    return {
      ...bare(index, entry),
      ...{ origin, recordedAt: body.recordedAt, details, checkpoint },
      proof: proofText({ index, path, checkpoint }),
      keys: keys.map(({ verifier, usedSince }) => ({ key: verifier, usedSince: instantText(usedSince) })),
      explanation: explanation({ index, origin, size: read.size, body: entry.body, isErased: entry.sealed === null }),
    }
  })
}

async function pathTo(lane: Scope, index: number, checkpoint: Checkpoint): Promise<Uint8Array[]> {
  const read = (tiles: Parameters<typeof readTiles>[2]) => lane.query((sql) => readTiles(sql, LOG_ID, tiles))
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
  index: number,
): Promise<{ entry: WholeEntry; kind: EntryKind; text: string | null }> {
  const entry = await lane.query((sql) => findWhole(sql, LOG_ID, index)).catch(unavailable)
  if (entry === null) throw new ServiceError('log_entry_not_found')
  const { kind, outcome } = JSON.parse(entry.body) as { kind: EntryKind; outcome: Record<string, unknown> }
  if (kind === 'claimShare' || kind === 'claimDelivery') {
    const share = kind === 'claimShare' ? entry : await findShare(lane, outcome['share'])
    if (!caller.scopes.has('audit:hiv') && isRestricted(lane, share)) throw new ServiceError('log_entry_not_found')
  }
  const isForeignRead = kind === 'auditRead' && entry.client !== caller.clientId
  return { entry, kind, text: isForeignRead ? null : detailsText(lane, entry) }
}

async function findShare(lane: Scope, share: unknown): Promise<WholeEntry | null> {
  return typeof share === 'number' ? lane.query((sql) => findWhole(sql, LOG_ID, share)).catch(unavailable) : null
}

function isRestricted(lane: Scope, share: WholeEntry | null): boolean {
  const text = share === null ? null : detailsText(lane, share)
  return text === null || (JSON.parse(text) as { restricted?: unknown }).restricted !== null
}

function detailsText(lane: Scope, { subject, sealed }: WholeEntry): string | null {
  return sealed === null ? null : openDetails(lane.service.dataKeys, subject, sealed)
}

function bare(index: number, { body, leafHash }: WholeEntry) {
  return { log: String(LOG_ID), index, body, leafHash: base64(leafHash) }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
