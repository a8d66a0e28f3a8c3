import type { EntryKind, EntryOutcome } from '../../audit/entry.ts'
import { appendDeed } from '../../audit/log.ts'
import type { PendingRow } from '../../audit/store.ts'
import type { DataKeys } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import { ServiceError } from '../../errors.ts'
import type { Manifest } from '../manifest.ts'
import { refuseOther } from '../watermark/refuse-other.ts'
import { isNamedUnder, noteHeld, readFeedState } from '../watermark/store.ts'
import { claimsOf, endings, type PreparedDelta, prepareDelta, withoutClaims } from './prepare.ts'
import { applying, findHolders } from './store.ts'

/** How an entry of the log is made: by whoever runs this. */
export type MakeDeed = (
  kind: EntryKind,
  outcome: EntryOutcome,
  details: Readonly<Record<string, unknown>>,
) => PendingRow

export type DeltaResult =
  | { readonly state: 'applied'; readonly changes: number; readonly quarantined: number }
  /** This very batch was applied before. */
  | { readonly state: 'already' }
  /** A rotation of the lookup key gave people new names meanwhile: nothing was changed, it is to be read again. */
  | { readonly state: 'renamed' }
  /** Its predecessors are missing; what ends cards was applied all the same. */
  | { readonly state: 'gap'; readonly missingFrom: number; readonly missingTo: number; readonly endings: number }

/** Brings a delta into the copy: all of it with the watermark, or nothing. */
export async function applyDelta(
  sql: Sql,
  keys: DataKeys,
  manifest: Manifest,
  source: AsyncIterable<Uint8Array>,
  deed: MakeDeed,
): Promise<DeltaResult> {
  const { feed, sequence } = manifest
  const [generation] = keys.lookupGenerations // the keys may be replaced; the rows are of these
  const held = await readFeedState(sql, feed)
  if (held === null) throw new ServiceError('feed_sequence', { detail: 'the copy is empty: a full feed comes first' })
  if (sequence <= held.sequence) {
    await refuseOther(sql, manifest)
    return { state: 'already' }
  }
  const read = await prepareDelta(keys, manifest, source)
  const prepared = withoutClaims(keys, manifest, read, await findHolders(sql, claimsOf(read.changes)))
  if (sequence > held.sequence + 1) {
    await noteHeld(sql, feed, sequence)
    const ended = await applyEndings(sql, manifest, prepared, generation, deed)
    if (!(await isNamedUnder(sql, feed, generation))) return { state: 'renamed' }
    return { state: 'gap', missingFrom: held.sequence + 1, missingTo: sequence - 1, endings: ended }
  }
  const { changes, quarantine } = prepared
  const merge = {
    feed,
    sequence,
    digest: manifest.sha256,
    asOf: new Date(manifest.asOf),
    how: 'batch' as const,
    generation,
  }
  const outcome = { feed, sequence, kind: 'delta', changes: changes.length, quarantined: quarantine.length }
  const row = deed('feedApplied', outcome, { sha256: manifest.sha256 })
  const result = await appendDeed(sql, row, (with_) => applying(with_, merge, changes, quarantine))
  if (result === 'done') return { state: 'applied', changes: changes.length, quarantined: quarantine.length }
  if (!(await isNamedUnder(sql, feed, generation))) return { state: 'renamed' }
  // somebody else applied a batch in between: whether it was this one, its record says
  await refuseOther(sql, manifest)
  return { state: 'already' }
}

/** Cards that no longer hold do not wait for a missing batch. A later run of it changes nothing: their tags are equal. */
async function applyEndings(
  sql: Sql,
  manifest: Manifest,
  prepared: PreparedDelta,
  generation: number,
  deed: MakeDeed,
): Promise<number> {
  const changes = endings(prepared.changes)
  if (changes.length === 0) return 0
  const { feed, sequence } = manifest
  const merge = { feed, sequence, digest: null, asOf: new Date(manifest.asOf), how: 'beside' as const, generation }
  const outcome = { feed, sequence, kind: 'endings', changes: changes.length, quarantined: 0 }
  await appendDeed(sql, deed('feedApplied', outcome, { sha256: manifest.sha256 }), (with_) =>
    applying(with_, merge, changes, []),
  )
  return changes.length
}
