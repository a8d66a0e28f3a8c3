import type { Query } from '../../db/pool.ts'
import { type Checkpoint, checkpointText, readCheckpoint } from '../checkpoint.ts'
import { hashLeaf } from '../merkle.ts'
import {
  ed25519Verifier,
  type NoteSigner,
  type NoteVerifier,
  openNote,
  readNote,
  readVerifierKey,
  signNote,
} from '../signed-note.ts'
import type { Tile } from '../tile.ts'
import { begunTiles, grow } from '../tree/grow.ts'
import { proveConsistency, type ReadTiles, rootAt, TreeBroken } from '../tree/prove.ts'
import { readTiles } from '../tree/store.ts'
import { moveTree, readEntries, readSealState, replaceCheckpoint, type SealState } from './store.ts'

/**
 * Entries of one integration: some 500 bytes each with their hashes, so 4 MB held at once; 32 full tiles, 350 kB of base64,
 * to the database.
 */
export const BATCH_ENTRIES = 8_192
/** Then a checkpoint is due even if more is waiting: 32 batches are 262,144 entries, seconds of work. */
const BATCHES_MAX = 32

/** What was found wrong. Each is a reason to sign nothing until somebody has looked: `src/audit/README.md` says what to do. */
export type SealFault =
  | 'entryMissing'
  | 'leafHashDiffers'
  | 'logShorterThanTree'
  | 'logShorterThanCheckpoint'
  | 'checkpointForged'
  | 'checkpointNotPrefix'
  | 'markForged'
  | 'markNotPrefix'
  | 'logBehindMark'
  | 'logBehindWitness'
  | 'witnessNotPrefix'
  | 'witnessChangedCheckpoint'

export class SealRefused extends Error {
  override readonly name = 'SealRefused'
  readonly fault: SealFault
  /** The entry or size that it was found at. */
  readonly at: number

  constructor(fault: SealFault, at: number) {
    super(`${fault} at ${at}`)
    this.fault = fault
    this.at = at
  }
}

/** The log has a successor: it is sealed no more, and never grows again. */
export class LogSucceeded extends Error {
  override readonly name = 'LogSucceeded'
}

/** A checkpoint that was signed and is not published yet. */
export interface Unpublished extends Checkpoint {
  readonly note: string
  /** That a tree of a former size is how this one began: the hashes that a witness is sent. */
  readonly proveFrom: (size: number) => Promise<Uint8Array[]>
}

/** The last checkpoint that was signed here, kept outside the database: a database put back cannot undo it. */
export interface SealMark {
  readonly read: () => Promise<string | null>
  /** On the disk when it returns. */
  readonly write: (note: string) => Promise<void>
}

export interface SealJob {
  readonly logId: number
  readonly query: Query
  readonly signer: NoteSigner
  /** Of the same key. */
  readonly verifier: NoteVerifier
  /** While one key follows another the former signs too; null: there is one. */
  readonly former: { readonly signer: NoteSigner; readonly verifier: NoteVerifier } | null
  readonly mark: SealMark | null
  /**
   * Asked between signing and publishing: the same note, with what witnesses added to its signatures. It may take time (the
   * promise is 10 s), and it may reject: then nothing is published, and the next pass signs anew. It may add fewer than are
   * wanted: desks do not wait for witnesses, and the next pass asks again.
   */
  readonly cosign: (checkpoint: Unpublished) => Promise<string>
  /** Whether a note bears the cosignatures that are wanted; null: none are. */
  readonly isCosigned: ((note: string) => boolean) | null
}

export interface SealPass {
  readonly integrated: number
  /** Size of the checkpoint that was published. */
  readonly published: number | null
  /** There is more to do at once: a backlog, or another sealer was first. */
  readonly more: boolean
}

/**
 * One pass: integrate what was committed, then publish. Every step leaves the database whole: a crash between any two of
 * them loses nothing, and whoever goes on reads where from. Throws `SealRefused`, having signed nothing, when what it
 * reads cannot be the log that it sealed before.
 */
export async function sealPass(job: SealJob): Promise<SealPass> {
  const began = await job.query((sql) => readSealState(sql, job.logId))
  if (!began.isInForce) throw new LogSucceeded(began.origin)
  if (began.origin !== job.signer.name) throw new Error(`the key is named ${job.signer.name}, the log ${began.origin}`)
  if (began.headSize < began.treeSize) throw new SealRefused('logShorterThanTree', began.headSize)
  if (began.headSize < (began.published?.size ?? 0)) throw new SealRefused('logShorterThanCheckpoint', began.headSize)
  let size = began.treeSize
  for (let batches = 0; size < began.headSize && batches < BATCHES_MAX; batches++) {
    const to = Math.min(began.headSize, size + BATCH_ENTRIES)
    if (!(await integrate(job, size, to))) return { integrated: size - began.treeSize, published: null, more: true }
    size = to
  }
  const published = isDue(job, began, size) ? await publish(job, began, size) : 'nothingNew'
  return {
    integrated: size - began.treeSize,
    published: published === 'done' ? size : null,
    more: published === 'lost' || size < began.headSize,
  }
}

/** There are new entries, or the witnesses of the last ones are still to come. */
function isDue(job: SealJob, { published }: SealState, size: number): boolean {
  if (published === null || size > published.size) return true
  return job.isCosigned !== null && !job.isCosigned(published.note)
}

async function integrate(job: SealJob, from: number, to: number): Promise<boolean> {
  const { indexes, bodies, leafHashes: recorded } = await job.query((sql) => readEntries(sql, job.logId, from, to))
  const leafHashes = Array.from({ length: to - from }, (_, place) => {
    const index = from + place
    if (indexes[place] !== index) throw new SealRefused('entryMissing', index)
    const hash = hashLeaf(bodies[place] ?? '')
    if (hash.toString('base64') !== recorded[place]) throw new SealRefused('leafHashDiffers', index)
    return hash
  })
  if (bodies.length !== indexes.length) throw new SealRefused('leafHashDiffers', from)
  const begun = begunTiles(from)
  const hashes = await tilesOfLog(job)(begun)
  const held = new Map(begun.map(({ level }: Tile, place) => [level, hashes[place] ?? new Uint8Array()]))
  const tiles = grow(from, held, leafHashes)
  return job.query((sql) => moveTree(sql, job.logId, { from, to, tiles }))
}

async function publish(job: SealJob, state: SealState, size: number): Promise<'done' | 'lost' | 'nothingNew'> {
  const read = tilesOfLog(job)
  const next = { origin: state.origin, size, root: await rootAt(read, size) }
  if (state.published !== null) {
    const former = openCheckpoint(state.published.note, verifiersOf(job, state))
    if (former?.origin !== state.origin || former.size !== state.published.size)
      throw new SealRefused('checkpointForged', state.published.size)
    await refuseFork(read, former, next, 'checkpointNotPrefix')
  }
  const marked = (await job.mark?.read()) ?? null
  // of the log before this one it binds nothing here: what was lost of that stands in the first entry
  const mark = marked === null ? null : openCheckpoint(marked, verifiersOf(job, state))
  if (marked !== null && mark?.origin !== state.origin && !isOfFormer(marked, state)) {
    throw new SealRefused('markForged', size)
  }
  // another sealer with the same file may have signed more than was there when this pass began
  if (mark !== null && mark.size > size) {
    const { headSize } = await job.query((sql) => readSealState(sql, job.logId))
    if (headSize < mark.size) throw new SealRefused('logBehindMark', mark.size)
    return 'lost'
  }
  if (mark !== null) await refuseFork(read, mark, next, 'markNotPrefix')

  // the same tree once more: with the cosignatures that it has already
  const former = state.published?.note ?? null
  const text = checkpointText(next)
  const again = former !== null && isSigned(job, former, text)
  const note = again ? former : signNote(text, [job.signer, ...(job.former === null ? [] : [job.former.signer])])
  // before anybody can see it: what was signed once binds, published or not
  await job.mark?.write(note)
  const cosigned = await job.cosign({
    ...next,
    note,
    proveFrom: (from) => proveConsistency(read, { size: from }, next),
  })
  const opened = openNote(cosigned, [job.verifier])
  if (opened?.text !== text) throw new SealRefused('witnessChangedCheckpoint', size)
  const isCosigned = job.isCosigned?.(cosigned) ?? null
  if (cosigned === former) return 'nothingNew'
  const done = await job.query((sql) => replaceCheckpoint(sql, job.logId, former, { size, note: cosigned, isCosigned }))
  return done ? 'done' : 'lost'
}

/** A log never forks: what was signed before must be how the tree began. */
async function refuseFork(
  read: ReadTiles,
  former: Checkpoint,
  next: Checkpoint,
  fault: 'checkpointNotPrefix' | 'markNotPrefix',
): Promise<void> {
  await proveConsistency(read, former, next).catch((error: unknown) => {
    throw error instanceof TreeBroken ? new SealRefused(fault, former.size) : error
  })
}

function openCheckpoint(note: string, verifiers: readonly NoteVerifier[]): Checkpoint | null {
  const opened = openNote(note, verifiers)
  return opened === null ? null : readCheckpoint(opened.text)
}

/** By each key that signs now. */
function isSigned(job: SealJob, note: string, text: string): boolean {
  const own = [job.verifier, ...(job.former === null ? [] : [job.former.verifier])]
  return own.every((verifier) => openNote(note, [verifier])?.text === text)
}

function isOfFormer(note: string, state: SealState): boolean {
  const origin = readCheckpoint(readNote(note)?.text ?? '')?.origin
  return origin !== undefined && state.formerOrigins.includes(origin)
}

/** The own key, and those that signed before it. */
function verifiersOf(job: SealJob, state: SealState): NoteVerifier[] {
  const former = state.keys.map(readVerifierKey).filter((key) => key !== null && key.keyId !== job.verifier.keyId)
  return [job.verifier, ...former.flatMap((key) => (key === null ? [] : [ed25519Verifier(key.name, key.publicKey)]))]
}

function tilesOfLog(job: SealJob): ReadTiles {
  return (tiles) => job.query((sql) => readTiles(sql, job.logId, tiles))
}
