import { createHash, createPublicKey, verify } from 'node:crypto'

/**
 * What somebody outside writes in an afternoon from `src/audit/README.md`: it knows public bytes and one verifier key, and
 * shares no code with the service. Every function throws where something does not hold.
 */
const sha256 = (...parts: (string | Uint8Array)[]) =>
  createHash('sha256')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest()

export interface OutsideCheckpoint {
  readonly size: number
  readonly root: Buffer
}

/** The note is signed by that key, and is a checkpoint of that log. */
export function checkpointOf(note: string, verifierKey: string): OutsideCheckpoint {
  const at = note.lastIndexOf('\n\n')
  const text = note.slice(0, at + 1)
  const [, name = '', id = '', base64 = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey) ?? []
  const key = Buffer.from(base64, 'base64')
  must(key.length === 33 && key[0] === 1, 'an Ed25519 key')
  must(sha256(name, '\n', key).subarray(0, 4).toString('hex') === id, 'the id of the key')
  const publicKey = createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: key.subarray(1).toString('base64url') },
  })
  const signed = note
    .slice(at + 2)
    .split('\n')
    .some((line) => {
      const [dash, signer, signature = ''] = line.split(' ')
      const bytes = Buffer.from(signature, 'base64')
      if (dash !== '—' || signer !== name || bytes.subarray(0, 4).toString('hex') !== id) return false
      return verify(null, Buffer.from(text), publicKey, bytes.subarray(4))
    })
  must(signed, 'a signature')
  const [origin, size = '', root = ''] = text.split('\n')
  must(origin === name && /^\d+$/.test(size), 'a checkpoint')
  return { size: Number(size), root: Buffer.from(root, 'base64') }
}

/** The leaf stands at its index in the tree of the checkpoint inside the proof. */
export function checkProof(
  proof: string,
  verifierKey: string,
  leafHash: Buffer,
): OutsideCheckpoint & { index: number } {
  const at = proof.indexOf('\n\n')
  const [head, indexLine = '', ...hashes] = proof.slice(0, at).split('\n')
  must(head === 'c2sp.org/tlog-proof@v1' && indexLine.startsWith('index '), 'the head of a proof')
  const index = Number(indexLine.slice('index '.length))
  const checkpoint = checkpointOf(proof.slice(at + 2), verifierKey)
  must(index < checkpoint.size, 'an index of that tree')
  const path = hashes.map((hash) => Buffer.from(hash, 'base64'))
  const climb = (m: number, n: number): Buffer => {
    if (n === 1) return leafHash
    const k = left(n)
    const sibling = () => path.pop() ?? must(false, 'enough hashes')
    if (m < k) {
      const right = sibling()
      return sha256('\x01', climb(m, k), right)
    }
    const before = sibling()
    return sha256('\x01', before, climb(m - k, n - k))
  }
  must(climb(index, checkpoint.size).equals(checkpoint.root) && path.length === 0, 'the root')
  return { ...checkpoint, index }
}

/** The tree of `from` is how the tree of `to` begins. */
export function checkGrowth(text: string, from: OutsideCheckpoint, to: OutsideCheckpoint): void {
  const path = text
    .split('\n')
    .slice(0, -1)
    .map((hash) => Buffer.from(hash, 'base64'))
  const next = () => path.pop() ?? must(false, 'enough hashes')
  /** Both roots over the same n leaves, of which the former tree has the first m. */
  const climb = (m: number, n: number, whole: boolean): [Buffer, Buffer] => {
    if (m === n) {
      const same = whole ? from.root : next()
      return [same, same]
    }
    const k = left(n)
    const other = next()
    if (m <= k) {
      const [former, later] = climb(m, k, whole)
      return [former, sha256('\x01', later, other)]
    }
    const [former, later] = climb(m - k, n - k, false)
    return [sha256('\x01', other, former), sha256('\x01', other, later)]
  }
  const [former, later] = climb(from.size, to.size, true)
  must(former.equals(from.root) && later.equals(to.root) && path.length === 0, 'both roots')
}

export function rootOfLeaves(leaves: readonly Uint8Array[]): Buffer {
  const [first] = leaves
  if (first === undefined) return sha256()
  if (leaves.length === 1) return Buffer.from(first)
  const k = left(leaves.length)
  return sha256('\x01', rootOfLeaves(leaves.slice(0, k)), rootOfLeaves(leaves.slice(k)))
}

function left(n: number): number {
  return n <= 2 ? 1 : 2 * left(Math.ceil(n / 2))
}

function must(holds: boolean, what: string): never {
  if (!holds) throw new Error(`not ${what}`)
  return undefined as never
}
