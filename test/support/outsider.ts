import { createHash, createPublicKey, verify } from 'node:crypto'

/**
 * What somebody outside writes in an afternoon from `src/audit/README.md`, word for word as its *Formats* have it: it knows
 * public bytes and verifier keys, and shares no code with the service. Every function throws where something does not hold.
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
  const { text, name, signatures, publicKey } = signedBy(note, verifierKey, 1)
  for (const signature of signatures) must(verify(null, Buffer.from(text), publicKey, signature), 'signed by that key')
  const [origin, size = '', root = ''] = text.split('\n')
  must(origin === name && /^\d+$/.test(size), 'a checkpoint')
  return { size: Number(size), root: bytesOf(root) }
}

/** When the witness of that key cosigned the note. */
export function cosignedAt(note: string, verifierKey: string): Date {
  const { text, signatures, publicKey } = signedBy(note, verifierKey, 4)
  const times = signatures.map((bytes) => {
    must(bytes.length === 8 + 64, 'a time and a signature')
    const seconds = bytes.readBigUInt64BE()
    const message = Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
    must(verify(null, message, publicKey, bytes.subarray(8)), 'cosigned by that key')
    return new Date(Number(seconds) * 1000)
  })
  return times[0] ?? fail('cosigned')
}

/** The text of a note, and what stands in it under the name and the id of that key: one line at the least. */
function signedBy(note: string, verifierKey: string, type: number) {
  const at = note.lastIndexOf('\n\n')
  const [, name = '', id = '', base64 = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey) ?? []
  const key = bytesOf(base64)
  must(key.length === 33 && key[0] === type, 'a key of that kind')
  must(sha256(name, '\n', key).subarray(0, 4).toString('hex') === id, 'the id of the key')
  const publicKey = createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: key.subarray(1).toString('base64url') },
  })
  must(note.endsWith('\n'), 'whole')
  const signatures = note
    .slice(at + 2, -1)
    .split('\n')
    .flatMap((line) => {
      const [, signer, signature = ''] = /^— (\S+) (\S+)$/.exec(line) ?? fail('a line of a signature')
      const bytes = bytesOf(signature)
      return signer === name && bytes.subarray(0, 4).toString('hex') === id ? [bytes.subarray(4)] : []
    })
  must(signatures.length > 0, 'signed')
  return { text: note.slice(0, at + 1), name, signatures, publicKey }
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
  let [f, last, root] = [index, checkpoint.size - 1, leafHash]
  for (const hash of hashes.map((each) => bytesOf(each))) {
    must(last !== 0, 'a path of that length')
    if (f % 2 === 1 || f === last) {
      root = sha256('\x01', hash, root)
      while (f % 2 === 0 && f !== 0) [f, last] = [half(f), half(last)]
    } else root = sha256('\x01', root, hash)
    ;[f, last] = [half(f), half(last)]
  }
  must(last === 0 && root.equals(checkpoint.root), 'the root')
  return { ...checkpoint, index }
}

/** The tree of `from` is how the tree of `to` begins. */
export function checkGrowth(text: string, from: OutsideCheckpoint, to: OutsideCheckpoint): void {
  must(0 < from.size && from.size < to.size, 'two sizes')
  const hashes = text.split('\n').slice(0, -1).map(bytesOf)
  if (2 ** Math.floor(Math.log2(from.size)) === from.size) hashes.unshift(from.root)
  const [first = fail('enough hashes'), ...others] = hashes
  let [f, last] = [from.size - 1, to.size - 1]
  while (f % 2 === 1) [f, last] = [half(f), half(last)]
  let [former, later] = [first, first]
  for (const hash of others) {
    must(last !== 0, 'a path of that length')
    if (f % 2 === 1 || f === last) {
      former = sha256('\x01', hash, former)
      later = sha256('\x01', hash, later)
      while (f % 2 === 0 && f !== 0) [f, last] = [half(f), half(last)]
    } else later = sha256('\x01', later, hash)
    ;[f, last] = [half(f), half(last)]
  }
  must(last === 0 && former.equals(from.root) && later.equals(to.root), 'both roots')
}

export function rootOfLeaves(leaves: readonly Uint8Array[]): Buffer {
  const [first] = leaves
  if (first === undefined) return sha256()
  if (leaves.length === 1) return Buffer.from(first)
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1)
  return sha256('\x01', rootOfLeaves(leaves.slice(0, k)), rootOfLeaves(leaves.slice(k)))
}

/** Standard base64, padded, and as only one text can be written: leftover bits are zero. */
function bytesOf(base64: string): Buffer {
  const bytes = Buffer.from(base64, 'base64')
  must(bytes.toString('base64') === base64, 'base64')
  return bytes
}

function half(n: number): number {
  return Math.floor(n / 2)
}

function must(holds: boolean, what: string): void {
  if (!holds) fail(what)
}

function fail(what: string): never {
  throw new Error(`not ${what}`)
}
