import { generateKeyPairSync } from 'node:crypto'
import { checkpointText, readCheckpoint } from '../src/audit/checkpoint.ts'
import { consistencySpans, hashLeaf, inclusionSpans, rootOf, type Span, verifyInclusion } from '../src/audit/merkle.ts'
import { ed25519Signer, ed25519Verifier, openNote, rawPublicKey, signNote } from '../src/audit/signed-note.ts'
import { addCheckpointText } from '../src/audit/witness/add-checkpoint.ts'
import { cosigner } from '../src/audit/witness/cosignature.ts'
import { createWitness, type Memory } from '../src/audit/witness/witness.ts'
import type { Tampered } from './tampering.ts'

const ENTRIES = 300
const ORIGIN = 'kiemthe.example/split/1'

/**
 * The log's owner, with its key, keeps two logs that differ in one entry, and shows each to a witness of its own. Found when
 * neither witness cosigns what the other one shows; named by the two proofs of one place, each signed by the log.
 */
export async function splitViews(
  of: { readonly steps: number; readonly random: () => number },
  step: (tampered: Tampered) => void,
): Promise<void> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const signer = ed25519Signer(ORIGIN, privateKey)
  const verifier = ed25519Verifier(ORIGIN, rawPublicKey(privateKey))
  const whole = Array.from({ length: ENTRIES }, (_, i) => hashLeaf(`entry ${i}`))
  for (let n = 0; n < of.steps; n++) {
    const at = Math.floor(of.random() * ENTRIES)
    const views = [whole, whole.with(at, hashLeaf(`another ${at}`))].map((leaves, i) => {
      const size = at + 1 + Math.floor(of.random() * (ENTRIES - at))
      const hashOf = ({ from, to }: Span) => rootOf(leaves.slice(from, to))
      const note = signNote(checkpointText({ origin: ORIGIN, size, root: hashOf({ from: 0, to: size }) }), [signer])
      const ask = (oldSize: number) =>
        addCheckpointText({ oldSize, proof: consistencySpans(oldSize, size).map(hashOf), note })
      const witness = createWitness(
        [verifier],
        cosigner(`w${i}.example`, privateKey, () => new Date(0)),
        memory(),
        () => {},
      )
      return { leaves, size, hashOf, ask, witness }
    })
    for (const { witness, ask } of views)
      if ((await witness.add(ask(0))).status !== 200) throw new Error('not cosigned')
    const [later, earlier] = views.toSorted((a, b) => b.size - a.size)
    if (later === undefined || earlier === undefined) throw new Error('there are two')
    const { status } = await earlier.witness.add(later.ask(earlier.size))
    const named = Array.from({ length: earlier.size }, (_, i) => i).find(
      (i) => later.leaves[i]?.equals(earlier.leaves[i] ?? Buffer.alloc(0)) === false,
    )
    const proves = [later, earlier].every(({ leaves, size, hashOf, witness }) => {
      const shown = readCheckpoint(openNote(witness.latest(ORIGIN) ?? '', [verifier])?.text ?? '')
      const leaf = { index: at, hash: leaves[at] ?? Buffer.alloc(0) }
      return shown !== null && verifyInclusion(leaf, shown, inclusionSpans(at, size).map(hashOf))
    })
    step({ kind: 'two views, each shown to a witness', at, named: status !== 200 && proves && named === at })
  }
}

function memory(): Memory {
  const kept = new Map<string, string>()
  return { latest: (origin) => kept.get(origin) ?? null, remember: async (origin, note) => void kept.set(origin, note) }
}
