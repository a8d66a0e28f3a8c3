import { type Checkpoint, readCheckpoint } from '../checkpoint.ts'
import { EMPTY_ROOT, HASH_BYTES, verifyConsistency } from '../merkle.ts'
import { type NoteVerifier, openNote, readBase64, readNote, signatureLine } from '../signed-note.ts'

/** The body of `POST /add-checkpoint` of C2SP tlog-witness: where the tree stood, how it grew, and the new checkpoint. */
export interface AddCheckpoint {
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  /** The signed note. */
  readonly note: string
}

const OLD = /^old (0|[1-9]\d{0,15})$/
/** A tree of 2^63 leaves needs 63. */
const PROOF_MAX = 63

export function addCheckpointText({ oldSize, proof, note }: AddCheckpoint): string {
  return `old ${oldSize}\n${proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('')}\n${note}`
}

/** Takes it apart, verifies nothing. */
export function readAddCheckpoint(text: string): AddCheckpoint | null {
  const end = text.indexOf('\n\n')
  if (end < 0) return null
  const [old = '', ...lines] = text.slice(0, end).split('\n')
  const oldSize = Number(OLD.exec(old)?.[1] ?? Number.NaN)
  const proof = lines.map(readBase64)
  if (!Number.isSafeInteger(oldSize) || proof.length > PROOF_MAX) return null
  return proof.every((hash) => hash?.length === HASH_BYTES)
    ? { oldSize, proof: proof.filter((hash) => hash !== null), note: text.slice(end + 2) }
    : null
}

export type Verdict =
  | { readonly outcome: 'consistent'; readonly checkpoint: Checkpoint; readonly note: string }
  | { readonly outcome: 'malformed' | 'unknownLog' | 'notSigned' | 'oldAboveNew' }
  /** The log does not know how far we are, or was set back. */
  | { readonly outcome: 'otherSize'; readonly size: number }
  /** Two trees of one size: signed by the log, so it is proof of what it did. */
  | { readonly outcome: 'otherRoot'; readonly size: number; readonly note: string }
  /** The log signed a tree, and does not show that ours is how it began. */
  | { readonly outcome: 'notConsistent'; readonly note: string }

/**
 * What a witness does with a request, in the order of the specification. `latestOf`: what it cosigned last of that log;
 * null: nothing yet, and every tree begins with the empty one.
 */
export function judge(
  text: string,
  logs: readonly NoteVerifier[],
  latestOf: (origin: string) => Checkpoint | null,
): Verdict {
  const request = readAddCheckpoint(text)
  const claimed = readCheckpoint(readNote(request?.note ?? '')?.text ?? '')
  if (request === null || claimed === null) return { outcome: 'malformed' }
  const keys = logs.filter((each) => each.name === claimed.origin)
  if (keys.length === 0) return { outcome: 'unknownLog' }
  const opened = openNote(request.note, keys)
  if (opened === null) return { outcome: 'notSigned' }
  // what others have added is theirs to answer for
  const signed = opened.signatures.filter(({ name, keyId }) =>
    opened.by.some((key) => key.name === name && key.keyId === keyId),
  )
  const note = `${opened.text}\n${signed.map(signatureLine).join('')}`
  if (request.oldSize > claimed.size) return { outcome: 'oldAboveNew' }
  const latest = latestOf(claimed.origin) ?? { size: 0, root: EMPTY_ROOT }
  if (request.oldSize !== latest.size) return { outcome: 'otherSize', size: latest.size }
  if (claimed.size === latest.size && Buffer.compare(claimed.root, latest.root) !== 0)
    return { outcome: 'otherRoot', size: latest.size, note }
  if (!verifyConsistency(latest, claimed, request.proof)) return { outcome: 'notConsistent', note }
  return { outcome: 'consistent', checkpoint: claimed, note }
}
