import { hash } from 'node:crypto'
import { type Checkpoint, readCheckpoint } from '../checkpoint.ts'
import { verifyConsistency } from '../merkle.ts'
import { SealRefused, type Unpublished } from '../seal/seal.ts'
import { type NoteVerifier, openNote, signatureLine } from '../signed-note.ts'
import { addCheckpointText } from './add-checkpoint.ts'

/** A witness that can be asked. */
export interface WitnessAt {
  readonly verifier: NoteVerifier
  readonly url: string
}

/** 64 signatures of 5 kB (post-quantum) in base64, and the text. */
const ANSWER_BYTES_MAX = 512 * 1024
/** We know no size at first, it tells its own; somebody else may have moved it in between. */
const TRIES_MAX = 3
const SIZE = /^(?:0|[1-9]\d{0,15})\n$/

/** The witness did not cosign, and why: for whoever reads the log of `kiemthe seal`. */
export class NotCosigned extends Error {
  override readonly name = 'NotCosigned'
}

export interface Asking {
  /** Of all that one witness is asked for one checkpoint. */
  readonly deadlineMs: number
  /** Keys that sign for this log. */
  readonly logKeys: readonly NoteVerifier[]
  /** Called for each witness of each checkpoint; null: it cosigned. */
  readonly told: (witness: string, failure: Error | null) => void
}

/**
 * Asks all at once, each until the deadline: one that does not answer costs that and nothing else. Returns the note with
 * the cosignatures that verify. Throws `SealRefused` only where a witness *shows* a checkpoint that this log signed and
 * does not know any more: no witness can stop a log by its word alone.
 */
export function cosignBy(witnesses: readonly WitnessAt[], asking: Asking): (of: Unpublished) => Promise<string> {
  const sizes = new Map<WitnessAt, number>() // where each stood when it last told
  return async (checkpoint) => {
    const missing = witnesses.filter(({ verifier }) => openNote(checkpoint.note, [verifier]) === null)
    const lines = await Promise.all(
      missing.map(async (witness) => {
        try {
          const line = await askOne(witness, checkpoint, sizes, asking)
          asking.told(witness.verifier.name, null)
          return line
        } catch (error) {
          if (error instanceof SealRefused) throw error
          asking.told(witness.verifier.name, error instanceof Error ? error : new NotCosigned('thrown'))
          return ''
        }
      }),
    )
    return checkpoint.note + lines.join('')
  }
}

async function askOne(
  witness: WitnessAt,
  checkpoint: Unpublished,
  sizes: Map<WitnessAt, number>,
  { deadlineMs, logKeys }: Asking,
): Promise<string> {
  const signal = AbortSignal.timeout(deadlineMs)
  let oldSize = sizes.get(witness) ?? 0
  for (let tries = 0; tries < TRIES_MAX && oldSize <= checkpoint.size; tries++) {
    const proof = oldSize === 0 ? [] : await checkpoint.proveFrom(oldSize)
    const body = addCheckpointText({ oldSize, proof, note: checkpoint.note })
    const { status, text } = await send(`${witness.url}/add-checkpoint`, { method: 'POST', body, signal })
    if (status === 200) {
      const line = cosignatureIn(text, witness.verifier, checkpoint.note)
      sizes.set(witness, checkpoint.size)
      return line
    }
    const told = status === 409 && SIZE.test(text) ? Number(text) : null
    if (told === null || told === oldSize) {
      sizes.delete(witness)
      await refuseContradiction(witness, checkpoint, logKeys, signal)
      throw new NotCosigned(`it answered ${status}`)
    }
    sizes.set(witness, told)
    oldSize = told
  }
  sizes.delete(witness)
  await refuseContradiction(witness, checkpoint, logKeys, signal)
  throw new NotCosigned(`it says that it has seen ${oldSize} entries, and does not show them`)
}

function cosignatureIn(text: string, verifier: NoteVerifier, note: string): string {
  const opened = openNote(note + text, [verifier])
  const own = opened?.signatures.find((each) => each.name === verifier.name && each.keyId === verifier.keyId)
  if (own === undefined) throw new NotCosigned('what it answered is no cosignature of its key')
  return signatureLine(own)
}

/** What it holds is signed by our key: it is larger than our tree, or our tree does not begin with it. */
async function refuseContradiction(
  witness: WitnessAt,
  checkpoint: Unpublished,
  logKeys: readonly NoteVerifier[],
  signal: AbortSignal,
): Promise<void> {
  const known = await latestOf(witness.url, checkpoint.origin, logKeys, signal)
  if (known === null) return
  if (known.size > checkpoint.size) throw new SealRefused('logBehindWitness', known.size)
  // what the tiles give is proven against our own root; whether it is the witness's tree too is to be seen
  const path = known.size === 0 ? [] : await checkpoint.proveFrom(known.size)
  if (!verifyConsistency(known, checkpoint, path)) throw new SealRefused('witnessNotPrefix', known.size)
}

export interface Shown extends Checkpoint {
  /** The signed note, byte for byte. */
  readonly note: string
}

/** What a witness cosigned last of a log, if a key of that log signed it; null: nothing, or nothing that can be believed. */
export async function latestOf(
  url: string,
  origin: string,
  logKeys: readonly NoteVerifier[],
  signal: AbortSignal,
): Promise<Shown | null> {
  const { status, text } = await send(`${url}/${originHash(origin)}/checkpoint`, { method: 'GET', signal })
  if (status !== 200) return null
  const opened = openNote(text, logKeys)
  const checkpoint = opened === null ? null : readCheckpoint(opened.text)
  return checkpoint?.origin === origin ? { ...checkpoint, note: text } : null
}

/** Where a witness shows what it cosigned: SHA-256 of the origin, in hex. */
export function originHash(origin: string): string {
  return hash('sha256', origin, 'hex')
}

async function send(url: string, init: RequestInit): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url, { ...init, redirect: 'error' })
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > ANSWER_BYTES_MAX) throw new NotCosigned(`it answered more than ${ANSWER_BYTES_MAX} bytes`)
    parts.push(part)
  }
  return { status: response.status, text: Buffer.concat(parts).toString() }
}
