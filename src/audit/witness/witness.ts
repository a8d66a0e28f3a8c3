import { type Checkpoint, readCheckpoint } from '../checkpoint.ts'
import { type NoteSigner, type NoteVerifier, readNote, signatureLine } from '../signed-note.ts'
import { judge, type Verdict } from './add-checkpoint.ts'

/** What a witness cosigned last of each log: the whole of what it must never forget. */
export interface Memory {
  /** The note as it was cosigned; null: none of that log. */
  readonly latest: (origin: string) => string | null
  /** On the disk when it returns. */
  readonly remember: (origin: string, note: string) => Promise<void>
}

export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  readonly type: 'text/plain; charset=utf-8' | 'text/x.tlog.size'
  readonly body: string
}

export interface Witness {
  /** `POST /add-checkpoint`, its body. Rejects when what it saw could not be kept: then nothing is cosigned. */
  readonly add: (body: string) => Promise<WitnessAnswer>
  /** What it cosigned last of that log, cosigned now: for whoever compares what different witnesses were shown. */
  readonly latest: (origin: string) => string | null
}

/** Told of every request that was not cosigned: two notes of one log that contradict each other are worth keeping. */
export type OnRefusal = (verdict: Exclude<Verdict, { outcome: 'consistent' }>, latest: string | null) => void

/**
 * One request after the other: between comparing with what it knows and keeping the new checkpoint nobody else may pass.
 * Kept first, signed and answered after: killed in between, the log is told the new size, asks again from there, and is
 * given a cosignature of the same tree.
 */
export function createWitness(
  logs: readonly NoteVerifier[],
  signer: NoteSigner,
  memory: Memory,
  refused: OnRefusal,
): Witness {
  let last: Promise<unknown> = Promise.resolve()
  const cosignatureOf = (note: string): string => {
    const { name, keyId } = signer
    return signatureLine({ name, keyId, signature: signer.sign(readNote(note)?.text ?? '') })
  }
  const addNow = async (body: string): Promise<WitnessAnswer> => {
    const verdict = judge(body, logs, (origin) => checkpointIn(memory.latest(origin)))
    if (verdict.outcome !== 'consistent') {
      refused(verdict, 'note' in verdict ? memory.latest(checkpointIn(verdict.note)?.origin ?? '') : null)
      return refusal(verdict)
    }
    const { note, checkpoint } = verdict
    const known = checkpointIn(memory.latest(checkpoint.origin))
    if (known?.size !== checkpoint.size) await memory.remember(checkpoint.origin, note)
    return { status: 200, type: 'text/plain; charset=utf-8', body: cosignatureOf(note) }
  }
  return {
    add: (body) => {
      const mine = last.then(() => addNow(body))
      last = mine.catch(() => {})
      return mine
    },
    latest: (origin) => {
      const note = memory.latest(origin)
      return note === null ? null : note + cosignatureOf(note)
    },
  }
}

function checkpointIn(note: string | null): Checkpoint | null {
  return note === null ? null : readCheckpoint(readNote(note)?.text ?? '')
}

function refusal(verdict: Exclude<Verdict, { outcome: 'consistent' }>): WitnessAnswer {
  const say = (status: 400 | 403 | 404 | 422, body: string): WitnessAnswer => ({
    status,
    type: 'text/plain; charset=utf-8',
    body: `${body}\n`,
  })
  switch (verdict.outcome) {
    case 'malformed':
      return say(400, 'not a request of tlog-witness')
    case 'oldAboveNew':
      return say(400, 'the old size is above the size of the checkpoint')
    case 'unknownLog':
      return say(404, 'this log is not known here')
    case 'notSigned':
      return say(403, 'no signature of a key that is known for this log')
    case 'notConsistent':
      return say(422, 'the proof does not show that the former tree is how this one begins')
    case 'otherSize':
    case 'otherRoot':
      return { status: 409, type: 'text/x.tlog.size', body: `${verdict.size}\n` }
  }
}
