import { createCipheriv, createDecipheriv, type DecipherGCM, randomFillSync } from 'node:crypto'
import type { DataKeys } from './data-keys.ts'

/**
 * Sealing: AES-256-GCM, laid out `generation (1) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The associated data names the
 * table and the row's subject, so that a sealed value moved to another row or table does not open.
 * Random nonces: 2^32 values a key keep a collision below 2^-32 (NIST SP 800-38D §8.3); 100 million records with 40
 * versions each reach that, a new generation is due long before.
 */
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + NONCE_BYTES

export type SealedTable =
  | 'coverage'
  | 'entry_detail'
  | 'quarantine'
  | 'feed_inbox_part'
  | 'legal_hold'
  | 'open_visit'
  | 'claim_dossier'

export class SealError extends Error {}

export function seal(keys: DataKeys, table: SealedTable, subject: string, plain: string | Uint8Array): Buffer {
  const key = keys.seal.get(keys.sealGeneration)
  if (key === undefined) throw new SealError('the current seal generation has no key')
  const nonce = randomBytesFromPool(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associatedData(table, subject))
  const body = typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain)
  cipher.final() // of a stream cipher it is empty
  const tag = cipher.getAuthTag()
  // not `concat`: a province has millions of rows, and its list and its checks are a tenth of the sealing
  const sealed = Buffer.allocUnsafe(HEAD_BYTES + body.length + TAG_BYTES)
  sealed[0] = keys.sealGeneration
  sealed.set(nonce, 1)
  sealed.set(body, HEAD_BYTES)
  sealed.set(tag, HEAD_BYTES + body.length)
  return sealed
}

/** Throws `SealError` when the value was changed, moved, or sealed under a key we do not hold. */
export function open(keys: DataKeys, table: SealedTable, subject: string, sealed: Uint8Array): string {
  return decipher(
    keys,
    table,
    subject,
    sealed,
    (cipher, text) => cipher.update(text, undefined, 'utf8') + cipher.final('utf8'),
  )
}

/** The same for what is no text. */
export function openBytes(keys: DataKeys, table: SealedTable, subject: string, sealed: Uint8Array): Buffer {
  return decipher(keys, table, subject, sealed, (cipher, text) => Buffer.concat([cipher.update(text), cipher.final()]))
}

function decipher<T>(
  keys: DataKeys,
  table: SealedTable,
  subject: string,
  sealed: Uint8Array,
  read: (cipher: DecipherGCM, text: Uint8Array) => T,
): T {
  const generation = sealed[0]
  const key = generation === undefined ? undefined : keys.seal.get(generation)
  if (key === undefined || sealed.length < HEAD_BYTES + TAG_BYTES) throw new SealError('sealed under an unknown key')
  const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, HEAD_BYTES))
  cipher.setAAD(associatedData(table, subject))
  cipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  try {
    return read(cipher, sealed.subarray(HEAD_BYTES, -TAG_BYTES))
  } catch (cause) {
    throw new SealError('a sealed value does not open', { cause })
  }
}

/** The same bytes under the current generation, and where the row's subject has another name, bound to that one. */
export function sealAnew(
  keys: DataKeys,
  table: SealedTable,
  subject: string,
  sealed: Uint8Array,
  renamed = subject,
): Buffer {
  return seal(keys, table, renamed, openBytes(keys, table, subject, sealed))
}

function associatedData(table: SealedTable, subject: string): Buffer {
  return Buffer.from(`${table}:${subject}`)
}

/** One call to the system for many nonces and salts, instead of one each. */
const pool = Buffer.allocUnsafe(16_384)
let used = pool.length

export function randomBytesFromPool(length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = Buffer.from(pool.subarray(used, used + length))
  pool.fill(0, used, used + length) // what became a nonce or a salt is not kept
  used += length
  return bytes
}
