import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'

/**
 * C2SP signed-note: a text that ends in a newline, an empty line, and lines `— name base64(key id ‖ signature)`. Each
 * kind of key says itself what it signs: Ed25519 (0x01) the text, a witness (0x04) a time before it.
 */
export interface NoteSignature {
  readonly name: string
  /** Four bytes, in hex. */
  readonly keyId: string
  readonly signature: Uint8Array
}

export interface NoteSigner {
  readonly name: string
  readonly keyId: string
  readonly sign: (text: string) => Uint8Array
}

export interface NoteVerifier {
  readonly name: string
  readonly keyId: string
  readonly verify: (text: string, signature: Uint8Array) => boolean
}

export interface Note {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

export const ED25519 = 0x01

const KEY_BYTES = 32
const KEY_ID_BYTES = 4
/** RFC 8410: what stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** 16 must be accepted at least. A note of 64 with signatures of 5 kB (post-quantum) is 430 kB in base64. */
const SIGNATURES_MAX = 64
const NOTE_CHARS_MAX = 512 * 1024

const DASH = '— '
const NAME = /^[^\p{White_Space}+\p{Cc}]+$/u
const CONTROL = /[\0-\t\v-\x1f]/

/** Key names are URLs without a scheme: `kiemthe.example/thanhhoa/1`. */
export function isKeyName(name: string): boolean {
  return NAME.test(name) && name.isWellFormed()
}

/** SHA-256(name ‖ 0x0A ‖ type ‖ key), its first four bytes. */
export function keyIdOf(name: string, type: number, publicKey: Uint8Array): string {
  const bytes = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), publicKey])
  return hash('sha256', bytes, 'buffer').subarray(0, KEY_ID_BYTES).toString('hex')
}

/** The 32 bytes of an Ed25519 key, private or public. */
export function rawPublicKey(key: KeyObject): Buffer {
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key')
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)
}

export function ed25519Signer(name: string, privateKey: KeyObject): NoteSigner {
  if (!isKeyName(name)) throw new TypeError('not the name of a key')
  return {
    name,
    keyId: keyIdOf(name, ED25519, rawPublicKey(privateKey)),
    sign: (text) => sign(null, Buffer.from(text), privateKey),
  }
}

export function ed25519Verifier(name: string, publicKey: Uint8Array): NoteVerifier {
  const key = ed25519Key(publicKey)
  return {
    name,
    keyId: keyIdOf(name, ED25519, publicKey),
    verify: (text, signature) => verify(null, Buffer.from(text), key, signature),
  }
}

export function ed25519Key(publicKey: Uint8Array): KeyObject {
  if (publicKey.length !== KEY_BYTES) throw new TypeError('an Ed25519 key has 32 bytes')
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })
}

/** A verifier key as text: `name+id+base64(type ‖ key)`. */
export function verifierKeyText(name: string, type: number, publicKey: Uint8Array): string {
  return `${name}+${keyIdOf(name, type, publicKey)}+${Buffer.concat([Buffer.of(type), publicKey]).toString('base64')}`
}

export interface VerifierKey {
  readonly name: string
  readonly keyId: string
  readonly type: number
  readonly publicKey: Uint8Array
}

/** Null for what is no such text, or whose id is not that of its key. */
export function readVerifierKey(text: string): VerifierKey | null {
  const [name = '', keyId = '', ...rest] = text.split('+') // base64 has plus signs too
  const bytes = readBase64(rest.join('+'))
  const type = bytes?.[0]
  if (!isKeyName(name) || bytes === null || type === undefined) return null
  const publicKey = bytes.subarray(1)
  return keyIdOf(name, type, publicKey) === keyId ? { name, keyId, type, publicKey } : null
}

export function signatureLine(of: NoteSignature): string {
  return `${DASH}${of.name} ${Buffer.concat([Buffer.from(of.keyId, 'hex'), of.signature]).toString('base64')}\n`
}

export function signNote(text: string, signers: readonly NoteSigner[]): string {
  if (!isNoteText(text)) throw new TypeError('not the text of a note')
  const lines = signers.map(({ name, keyId, sign }) => signatureLine({ name, keyId, signature: sign(text) }))
  return `${text}\n${lines.join('')}`
}

/** Takes it apart, verifies nothing. Null for what is no signed note. */
export function readNote(note: string): Note | null {
  const end = note.lastIndexOf('\n\n')
  if (note.length > NOTE_CHARS_MAX || end < 0 || !note.endsWith('\n')) return null
  const text = note.slice(0, end + 1)
  const lines = note.slice(end + 2, -1).split('\n')
  if (!isNoteText(text) || !note.isWellFormed() || lines.length > SIGNATURES_MAX) return null
  const signatures = lines.map(readSignatureLine)
  return signatures.every((each) => each !== null) ? { text, signatures } : null
}

export function readSignatureLine(line: string): NoteSignature | null {
  if (!line.startsWith(DASH)) return null
  const [name = '', base64 = '', ...more] = line.slice(DASH.length).split(' ')
  const bytes = readBase64(base64)
  if (more.length > 0 || !isKeyName(name) || bytes === null || bytes.length <= KEY_ID_BYTES) return null
  const keyId = bytes.subarray(0, KEY_ID_BYTES).toString('hex')
  return { name, keyId, signature: bytes.subarray(KEY_ID_BYTES) }
}

/**
 * The note and the verifiers whose signatures it carries. Signatures of unknown keys are passed over; one of a known key
 * that does not verify refuses the whole note, and so does none that verifies.
 */
export function openNote(
  note: string,
  verifiers: readonly NoteVerifier[],
): {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
  readonly by: readonly NoteVerifier[]
} | null {
  const read = readNote(note)
  if (read === null) return null
  const by = new Set<NoteVerifier>()
  for (const { name, keyId, signature } of read.signatures) {
    const known = verifiers.find((verifier) => verifier.name === name && verifier.keyId === keyId)
    if (known === undefined) continue
    if (!known.verify(read.text, signature)) return null
    by.add(known)
  }
  return by.size === 0 ? null : { ...read, by: [...by] }
}

function isNoteText(text: string): boolean {
  return text.endsWith('\n') && text !== '\n' && !CONTROL.test(text) && text.isWellFormed()
}

/** Standard base64 with its padding, written as only one text can be. */
export function readBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return text !== '' && bytes.toString('base64') === text ? bytes : null
}
