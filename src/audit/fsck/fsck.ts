import type { DataKeys } from '../../data-keys.ts'
import { readCheckpoint } from '../checkpoint.ts'
import { HASH_BYTES, hashLeaf } from '../merkle.ts'
import { type NoteVerifier, openNote } from '../signed-note.ts'
import { checkDetails, type DetailsSeen } from './details.ts'
import type { Finding } from './findings.ts'
import type { FsckPage, FsckSource } from './source.ts'
import { checkTree, type Leaf } from './tree.ts'

/** Entries held at once, two pages of them: 32 whole tiles; some 4 MB of bodies, and as much again of details. */
const PAGE = 8_192
/** Findings that are named; of the others only how many there were. */
const NAMED_MAX = 1_000
/** Processes have clocks of their own, and an append may take some seconds: more is no accident of order. */
const BACK_MAX_MS = 5 * 60_000

export interface FsckReport {
  readonly entries: number
  /** Null: no keys of details were given. */
  readonly details: DetailsSeen | null
  /** The checkpoint that was verified, and who signed it. */
  readonly checkpoint: { readonly size: number; readonly signedBy: readonly string[] } | null
  readonly findings: readonly Finding[]
  /** By what was found, those that are not named too. */
  readonly counts: ReadonlyMap<Finding['what'], number>
}

export interface FsckOptions {
  /** Of the log and its witnesses, from somewhere that whoever keeps the database cannot change. */
  readonly verifiers: readonly NoteVerifier[]
  /** To open details; null: they are not looked at. */
  readonly keys: DataKeys | null
  readonly progress?: (seen: number) => void
}

/**
 * Recomputes everything: each leaf from its body, each tile and the root from the leaves, each commitment from the details
 * that are still there; verifies the checkpoint. Goes on after what it finds, so that all of it is named.
 */
export async function fsck(source: FsckSource, options: FsckOptions): Promise<FsckReport> {
  const findings: Finding[] = []
  const counts = new Map<Finding['what'], number>()
  const found = (finding: Finding) => {
    counts.set(finding.what, (counts.get(finding.what) ?? 0) + 1)
    if (findings.length < NAMED_MAX) findings.push(finding)
  }
  const { end } = source
  for (const index of end.beyond) found({ what: 'entryBeyondHead', index })
  for (const index of end.detailsOfNothing) found({ what: 'detailOfNothing', index })
  if (end.treeSize > end.size) found({ what: 'logShorterThanTree', index: end.size, last: end.treeSize - 1 })
  const checkpoint = end.checkpoint === null ? null : openCheckpoint(end.checkpoint, end.origin, options.verifiers)
  if (end.checkpoint !== null && checkpoint === null)
    found({ what: 'checkpointForged', index: claimedSize(end.checkpoint) })
  if (checkpoint !== null && checkpoint.size > end.size) {
    found({ what: 'logShorterThanCheckpoint', index: end.size, last: checkpoint.size - 1 })
  }

  const provable = checkpoint !== null && checkpoint.size <= end.size ? checkpoint : null
  const tree = checkTree(source, provable?.size ?? 0, found)
  const details = options.keys === null ? null : checkDetails(options.keys, found)
  let former = ''
  const pages = prefetch(source, end.size)
  for (let from = 0; from < end.size; from += PAGE) {
    const count = Math.min(PAGE, end.size - from)
    const page = await pages(from)
    const leaves: (Leaf | null)[] = page.indexes === null ? [] : Array.from({ length: count }, () => null)
    page.bodies.forEach((body, i) => {
      const index = page.indexes?.[i] ?? from + i
      const computed = hashLeaf(body)
      const stored = page.leafHashes?.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES) ?? computed
      if (Buffer.compare(computed, stored) !== 0) found({ what: 'leafHashDiffers', index })
      leaves[index - from] = { computed, stored }
      const recordedAt = recordedAtOf(body)
      if (recordedAt === null) found({ what: 'bodyUnreadable', index })
      else {
        // texts of one form compare as the times they are; only what goes back is looked at
        if (recordedAt < former && Date.parse(former) - Date.parse(recordedAt) > BACK_MAX_MS) {
          found({ what: 'recordedOutOfOrder', index })
        }
        former = recordedAt
      }
      details?.see(index, body, page.details?.get(index))
    })
    tellMissing(from, leaves, found)
    await tree.see(leaves)
    options.progress?.(from + count)
  }
  const seen = details?.end() ?? null
  if (provable !== null && Buffer.compare(await tree.rootOfSealed(), provable.root) !== 0) {
    found({ what: 'checkpointOfAnotherTree', index: provable.size })
  }
  return {
    entries: end.size,
    details: seen,
    checkpoint: checkpoint && { size: checkpoint.size, signedBy: checkpoint.signedBy },
    findings,
    counts,
  }
}

/** The next page is on its way while one is looked at. */
function prefetch(source: FsckSource, size: number): (from: number) => Promise<FsckPage> {
  const get = (from: number) => source.page(from, Math.min(size, from + PAGE))
  let next: Promise<FsckPage> | null = null
  return async (from) => {
    const page = await (next ?? get(from))
    next = from + PAGE < size ? get(from + PAGE) : null
    next?.catch(() => {}) // told when it is asked for
    return page
  }
}

function tellMissing(from: number, leaves: readonly (Leaf | null)[], found: (finding: Finding) => void): void {
  for (let i = 0; i < leaves.length; i++) {
    if (leaves[i] !== null) continue
    let last = i
    while (last + 1 < leaves.length && leaves[last + 1] === null) last++
    found({ what: 'entryMissing', index: from + i, last: from + last })
    i = last
  }
}

/** A body begins with its version and time (`buildEntry`): cut out, since reading JSON takes as long as hashing it. */
const RECORDED_AT = /^\{"v":1,"recordedAt":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","kind":"/

function recordedAtOf(body: string): string | null {
  return RECORDED_AT.exec(body)?.[1] ?? null
}

function openCheckpoint(note: string, origin: string, verifiers: readonly NoteVerifier[]) {
  const opened = openNote(note, verifiers)
  const checkpoint = opened === null ? null : readCheckpoint(opened.text)
  // a witness alone does not make a checkpoint: the log's own key is named as the log is
  if (opened === null || checkpoint?.origin !== origin || !opened.by.some(({ name }) => name === origin)) return null
  return { ...checkpoint, signedBy: opened.by.map(({ name }) => name) }
}

function claimedSize(note: string): number {
  return readCheckpoint(note.slice(0, note.lastIndexOf('\n\n') + 1))?.size ?? 0
}
