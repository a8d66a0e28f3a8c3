import { type KeyObject, sign, verify } from 'node:crypto'
import { ed25519Key, isKeyName, keyIdOf, type NoteSigner, type NoteVerifier, rawPublicKey } from '../signed-note.ts'

/**
 * C2SP tlog-cosignature, the kind of Ed25519 (`cosignature/v1`): a witness says that at that time the largest consistent
 * tree it has seen of this log has this root. Its time stands before the signature.
 */
export const COSIGNATURE = 0x04

const TIME_BYTES = 8
const SIGNATURE_BYTES = 64

export function cosigner(name: string, privateKey: KeyObject, now: () => Date): NoteSigner {
  if (!isKeyName(name)) throw new TypeError('not the name of a key')
  return {
    name,
    keyId: keyIdOf(name, COSIGNATURE, rawPublicKey(privateKey)),
    sign: (text) => {
      const time = Buffer.alloc(TIME_BYTES)
      time.writeBigUInt64BE(BigInt(Math.floor(now().getTime() / 1000)))
      return Buffer.concat([time, sign(null, message(time, text), privateKey)])
    },
  }
}

export function cosignatureVerifier(name: string, publicKey: Uint8Array): NoteVerifier {
  const key = ed25519Key(publicKey)
  return {
    name,
    keyId: keyIdOf(name, COSIGNATURE, publicKey),
    verify: (text, signature) => {
      if (cosignedAt(signature) === null) return false
      const time = signature.subarray(0, TIME_BYTES)
      return verify(null, message(time, text), key, signature.subarray(TIME_BYTES))
    },
  }
}

/** Null for what is no cosignature of this kind: another length, or a time that no clock shows. */
export function cosignedAt(signature: Uint8Array): Date | null {
  if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) return null
  const at = new Date(Number(Buffer.from(signature).readBigUInt64BE()) * 1000)
  return Number.isNaN(at.getTime()) ? null : at
}

function message(time: Uint8Array, text: string): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${Buffer.from(time).readBigUInt64BE()}\n${text}`)
}
