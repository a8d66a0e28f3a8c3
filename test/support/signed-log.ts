import { generateKeyPairSync } from 'node:crypto'
import { checkpointText } from '../../src/audit/checkpoint.ts'
import { consistencySpans, hashLeaf, inclusionSpans, rootOf, type Span } from '../../src/audit/merkle.ts'
import type { Unpublished } from '../../src/audit/seal/seal.ts'
import {
  ED25519,
  ed25519Signer,
  ed25519Verifier,
  rawPublicKey,
  signNote,
  verifierKeyText,
} from '../../src/audit/signed-note.ts'
import { addCheckpointText } from '../../src/audit/witness/add-checkpoint.ts'
import { COSIGNATURE, cosignatureVerifier, cosigner } from '../../src/audit/witness/cosignature.ts'

/** A log without a database: it signs whatever tree it is made of. Two of one key are a log that shows two faces. */
export interface SignedLog {
  readonly leaves: readonly Buffer[]
  readonly note: (size: number) => string
  readonly growth: (from: number, to: number) => Buffer[]
  readonly path: (index: number, size: number) => Buffer[]
  readonly root: (size: number) => Buffer
  readonly unpublished: (size: number) => Unpublished
  /** The body that a sealer sends. */
  readonly body: (oldSize: number, size: number) => string
}

export function logKey(origin: string) {
  const { privateKey } = generateKeyPairSync('ed25519')
  const publicKey = rawPublicKey(privateKey)
  return {
    origin,
    signer: ed25519Signer(origin, privateKey),
    verifier: ed25519Verifier(origin, publicKey),
    text: verifierKeyText(origin, ED25519, publicKey),
  }
}

export function witnessKey(name: string, now = () => new Date()) {
  const { privateKey } = generateKeyPairSync('ed25519')
  const publicKey = rawPublicKey(privateKey)
  return {
    name,
    signer: cosigner(name, privateKey, now),
    verifier: cosignatureVerifier(name, publicKey),
    text: verifierKeyText(name, COSIGNATURE, publicKey),
  }
}

export function signedLog(key: ReturnType<typeof logKey>, entries: readonly string[]): SignedLog {
  const leaves = entries.map((entry) => hashLeaf(entry))
  const hashOf = ({ from, to }: Span) => rootOf(leaves.slice(from, to))
  const root = (size: number) => hashOf({ from: 0, to: size })
  const growth = (from: number, to: number) => consistencySpans(from, to).map(hashOf)
  const note = (size: number) => signNote(checkpointText({ origin: key.origin, size, root: root(size) }), [key.signer])
  return {
    leaves,
    note,
    growth,
    root,
    path: (index, size) => inclusionSpans(index, size).map(hashOf),
    unpublished: (size) => ({
      origin: key.origin,
      size,
      root: root(size),
      note: note(size),
      proveFrom: async (from) => growth(from, size),
    }),
    body: (oldSize, size) => addCheckpointText({ oldSize, proof: growth(oldSize, size), note: note(size) }),
  }
}

/** Entries of which those from `parts` on are of another history. */
export function entries(count: number, parts = count, other = 'b'): string[] {
  return Array.from({ length: count }, (_, i) => `${i < parts ? 'a' : other}${i}`)
}
