import { type Checkpoint, readCheckpoint } from './checkpoint.ts'
import { verifyConsistency, verifyInclusion } from './merkle.ts'
import { openNote, readNote } from './signed-note.ts'
import { readProof } from './tlog-proof.ts'
import { cosignedAt } from './witness/cosignature.ts'
import type { Policy } from './witness/policy.ts'

/** What somebody holds and wants proven: without asking anybody, and without believing whoever runs the log. */
export interface Claim {
  /** A file of C2SP tlog-proof. */
  readonly proof: string
  readonly leafHash: Uint8Array
  /** Where an answer says that it stands; null: an entry alone says nothing of its place. */
  readonly index: number | null
  /** What the answer says was published when it was given; null: nothing. */
  readonly seen: { readonly size: number; readonly root: Uint8Array } | null
  /** Hashes of `GET /v1/log/{log}/consistency` from what was seen to the proof's checkpoint; null: not at hand. */
  readonly growth: readonly Uint8Array[] | null
}

export type ProofFault =
  | 'proofUnreadable'
  | 'logUnknown'
  | 'notSigned'
  | 'tooFewWitnesses'
  | 'otherPlace'
  | 'notInTree'
  | 'seenLater'
  | 'seenAnotherLog'

export type Finding =
  | { readonly proven: false; readonly fault: ProofFault }
  | {
      readonly proven: true
      readonly origin: string
      readonly index: number
      readonly size: number
      readonly witnesses: readonly { readonly name: string; readonly at: Date | null }[]
      /** Whether what the answer showed is how this log began: null when it showed nothing, or no growth was given. */
      readonly seenHeld: true | null
    }

/** In this order, and the first that fails is told: a signature of nobody makes the rest worthless. */
export function findProven(claim: Claim, policy: Policy): Finding {
  const proof = readProof(claim.proof)
  const checkpoint = readCheckpoint(readNote(proof?.checkpoint ?? '')?.text ?? '')
  if (proof === null || checkpoint === null) return failed('proofUnreadable')

  const keys = policy.logs.filter((each) => each.name === checkpoint.origin)
  if (keys.length === 0) return failed('logUnknown')
  if (openNote(proof.checkpoint, keys) === null) return failed('notSigned')

  const verifiers = policy.witnesses.map((each) => each.verifier)
  const cosigned = openNote(proof.checkpoint, verifiers)
  if (!policy.isQuorum(cosigned?.by ?? [])) return failed('tooFewWitnesses')

  if (claim.index !== null && claim.index !== proof.index) return failed('otherPlace')
  if (!verifyInclusion({ index: proof.index, hash: claim.leafHash }, checkpoint, proof.path)) return failed('notInTree')

  const seen = holdsSeen(claim, checkpoint)
  if (seen === 'seenLater' || seen === 'seenAnotherLog') return failed(seen)
  const witnesses = policy.witnesses.flatMap(({ name, verifier }) => {
    const line = cosigned?.signatures.find((each) => each.name === verifier.name && each.keyId === verifier.keyId)
    return line === undefined ? [] : [{ name, at: cosignedAt(line.signature) }]
  })
  const { origin, size } = checkpoint
  return { proven: true, origin, index: proof.index, size, witnesses, seenHeld: seen }
}

/** Two roots of one size are a fork; of different sizes the growth tells. */
function holdsSeen({ seen, growth }: Claim, checkpoint: Checkpoint): true | null | 'seenLater' | 'seenAnotherLog' {
  if (seen === null) return null
  if (seen.size > checkpoint.size) return growth === null ? null : 'seenLater'
  if (seen.size < checkpoint.size && growth === null) return null
  return verifyConsistency(seen, checkpoint, growth ?? []) ? true : 'seenAnotherLog'
}

function failed(fault: ProofFault): Finding {
  return { proven: false, fault }
}
