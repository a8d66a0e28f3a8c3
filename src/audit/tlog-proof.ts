import { HASH_BYTES } from './merkle.ts'
import { readBase64 } from './signed-note.ts'

/** C2SP tlog-proof: an inclusion proof with the checkpoint it leads to, to be verified without asking anybody. */
export interface TlogProof {
  readonly index: number
  /** The leaf's sibling first. */
  readonly path: readonly Uint8Array[]
  /** The signed note, as it was published. */
  readonly checkpoint: string
}

const HEAD = 'c2sp.org/tlog-proof@v1'
const INDEX = /^index (0|[1-9]\d{0,15})$/
const EXTRA = /^extra (.+)$/
/** A tree of 2^63 leaves needs 63. */
const PATH_MAX = 63

export function proofText({ index, path, checkpoint }: TlogProof): string {
  const hashes = path.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('')
  return `${HEAD}\nindex ${index}\n${hashes}\n${checkpoint}`
}

/** Takes it apart, verifies nothing. Null for what is no such proof. Extra data is passed over: nobody signed it. */
export function readProof(text: string): TlogProof | null {
  const end = text.indexOf('\n\n')
  if (end < 0) return null
  const [head, ...lines] = text.slice(0, end).split('\n')
  const extra = EXTRA.exec(lines[0] ?? '')
  if (extra !== null) {
    if (readBase64(extra[1] ?? '') === null) return null
    lines.shift()
  }
  const index = Number(INDEX.exec(lines.shift() ?? '')?.[1] ?? Number.NaN)
  const path = lines.map(readHash)
  if (head !== HEAD || !Number.isSafeInteger(index) || path.length > PATH_MAX) return null
  return path.every((hash) => hash !== null) ? { index, path, checkpoint: text.slice(end + 2) } : null
}

function readHash(line: string): Buffer | null {
  const hash = readBase64(line)
  return hash !== null && hash.length === HASH_BYTES ? hash : null
}
