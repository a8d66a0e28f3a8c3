import { HASH_BYTES } from './merkle.ts'
import { readBase64 } from './signed-note.ts'

/** C2SP tlog-checkpoint: what the note of a checkpoint says. We write no extension lines. */
export interface Checkpoint {
  /** Which log: `kiemthe.example/thanhhoa/1`, the name of its keys too. */
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

const SIZE = /^(?:0|[1-9]\d{0,15})$/

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`
}

/** Null for a text that is no checkpoint. Extension lines are passed over, as clients must. */
export function readCheckpoint(text: string): Checkpoint | null {
  if (!text.endsWith('\n')) return null
  const lines = text.slice(0, -1).split('\n')
  const [origin = '', size = '', base64 = ''] = lines
  const root = readBase64(base64)
  if (lines.length < 3 || lines.includes('') || !SIZE.test(size) || !Number.isSafeInteger(Number(size))) return null
  return root !== null && root.length === HASH_BYTES ? { origin, size: Number(size), root } : null
}
