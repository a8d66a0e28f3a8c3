import type { DataKeys } from '../../data-keys.ts'
import { readCheckpoint } from '../checkpoint.ts'
import { growingRoot } from '../growing-root.ts'
import { HASH_BYTES, hashLeaf } from '../merkle.ts'
import { type NoteVerifier, openNote, readNote } from '../signed-note.ts'
import type { Ending } from '../succession/successor.ts'
import type { Policy } from '../witness/policy.ts'
import { checkDetails, type DetailsCheck, type DetailsSeen } from './details.ts'
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
  /** The checkpoint that was verified, and who signed it. */
  readonly checkpoint: { readonly size: number; readonly signedBy: readonly string[] } | null
  /** Of that checkpoint, by each witness of the policy; empty without one. */
  readonly cosignatures: readonly Cosigned[]
  readonly findings: readonly Finding[]
  /** By what was found, those that are not named too. */
  readonly counts: ReadonlyMap<Finding['what'], number>
}

export interface Cosigned {
  readonly witness: string
  readonly state: 'verified' | 'missing' | 'forged'
}

export interface FsckOptions {
  /** Of the log and its witnesses, from somewhere that whoever keeps the database cannot change. */
  readonly verifiers: readonly NoteVerifier[]
  /** To open details; null: they are not looked at. */
  readonly keys: DataKeys | null
  /** Whose cosignatures are wanted; null: nobody's. */
  readonly policy: Policy | null
  /** Of all logs together. */
  readonly progress?: (seen: number) => void
}

export interface FsckLog {
  readonly logId: number
  readonly source: FsckSource
  /** What the log's successor says that it ended with; null: it has none, or it is not known here. */
  readonly ending: Pick<Ending, 'size' | 'root'> | null
}

export interface FsckReports {
  readonly logs: readonly { readonly logId: number; readonly report: FsckReport }[]
  /** Of all logs, since an erasure in one takes details of another. Null: no keys of details were given. */
  readonly details: DetailsSeen | null
}

interface Collected {
  readonly findings: Finding[]
  readonly counts: Map<Finding['what'], number>
  readonly found: (finding: Finding) => void
}

function collect(): Collected {
  const findings: Finding[] = []
  const counts = new Map<Finding['what'], number>()
  const found = (finding: Finding) => {
    counts.set(finding.what, (counts.get(finding.what) ?? 0) + 1)
    if (findings.length < NAMED_MAX) findings.push(finding)
  }
  return { findings, counts, found }
}

/** The logs of a database, the oldest first, or one of an export. */
export async function fsck(logs: readonly FsckLog[], options: FsckOptions): Promise<FsckReports> {
  const details = options.keys === null ? null : checkDetails(options.keys)
  const collected = new Map(logs.map(({ logId }) => [logId, collect()]))
  const reports: { logId: number; report: FsckReport }[] = []
  let before = 0
  for (const log of logs) {
    const into = collected.get(log.logId) ?? collect()
    const progress = (seen: number) => options.progress?.(before + seen)
    reports.push({ logId: log.logId, report: await fsckOne(log, { ...options, progress, details }, into) })
    before += log.source.end.size
  }
  return { logs: reports, details: details?.end((logId, finding) => collected.get(logId)?.found(finding)) ?? null }
}

/**
 * Recomputes everything: each leaf from its body, each tile and the root from the leaves, each commitment from the details
 * that are still there; verifies the checkpoint. Goes on after what it finds, so that all of it is named.
 */
async function fsckOne(
  { logId, source, ending }: FsckLog,
  options: FsckOptions & { readonly details: DetailsCheck | null },
  { findings, counts, found }: Collected,
): Promise<FsckReport> {
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
  const { policy, details } = options
  const cosignatures = policy === null || end.checkpoint === null ? [] : cosignaturesOf(end.checkpoint, policy)
  for (const finding of wrongCosignatures(cosignatures, policy)) {
    // of a log that ended nobody will make any more
    if (finding.what === 'cosignatureForged' || ending === null) found(finding)
  }

  const tree = checkTree(source, provable, found)
  const growing = ending === null ? null : growingRoot()
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
      growing?.push(computed)
      const recordedAt = recordedAtOf(body)
      if (recordedAt === null) found({ what: 'bodyUnreadable', index })
      else {
        // texts of one form compare as the times they are; only what goes back is looked at
        if (recordedAt < former && Date.parse(former) - Date.parse(recordedAt) > BACK_MAX_MS) {
          found({ what: 'recordedOutOfOrder', index })
        }
        former = recordedAt
      }
      details?.see({ logId, index }, body, page.details?.get(index), found)
    })
    tellMissing(from, leaves, found)
    await tree.see(leaves)
    options.progress?.(from + count)
  }
  if (ending !== null && (ending.size !== end.size || growing?.root().equals(ending.root) !== true)) {
    found({ what: 'endingDiffers', index: ending.size })
  }
  if (provable !== null && Buffer.compare(await tree.rootOfSealed(), provable.root) !== 0) {
    found({ what: 'checkpointOfAnotherTree', index: provable.size })
  }
  return {
    entries: end.size,
    checkpoint: checkpoint && { size: checkpoint.size, signedBy: checkpoint.signedBy },
    cosignatures,
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

/** Each by itself: a forged one makes a note unreadable to whoever knows that witness, and hides no other here. */
function cosignaturesOf(note: string, policy: Policy): Cosigned[] {
  const lines = readNote(note)?.signatures ?? []
  return policy.witnesses.map(({ name: witness, verifier }): Cosigned => {
    if (openNote(note, [verifier]) !== null) return { witness, state: 'verified' }
    const isThere = lines.some(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId)
    return { witness, state: isThere ? 'forged' : 'missing' }
  })
}

function wrongCosignatures(cosigned: readonly Cosigned[], policy: Policy | null): Finding[] {
  const verified = policy?.witnesses.filter((_, place) => cosigned[place]?.state === 'verified') ?? []
  const isEnough = policy?.isQuorum(verified.map(({ verifier }) => verifier)) ?? true
  return cosigned.flatMap(({ witness, state }): Finding[] => {
    if (state === 'forged') return [{ what: 'cosignatureForged', witness }]
    return state === 'missing' && !isEnough ? [{ what: 'cosignatureMissing', witness }] : []
  })
}

function claimedSize(note: string): number {
  return readCheckpoint(note.slice(0, note.lastIndexOf('\n\n') + 1))?.size ?? 0
}
