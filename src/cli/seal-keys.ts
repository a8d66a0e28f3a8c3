import { createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto'
import { LOG_ID } from '../audit/log-id.ts'
import { ED25519, rawPublicKey, verifierKeyText } from '../audit/signed-note.ts'
import { ConfigError } from '../config.ts'
import { readSecret, type SealKeyFile, type SealKeysFile, sealKeysSchema } from './data-folder.ts'
import { refuseReadable, signingKeyIn } from './seal-config.ts'

const VARIABLE = 'SEAL_KEY_FILE'
/** PKCS #8 of an Ed25519 key (RFC 8410 §7), up to its 32 bytes. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface Log {
  readonly logId: number
  readonly origin: string
}

export interface SealKeys {
  readonly current: KeyObject
  /** While one key follows another: signs too. */
  readonly former: KeyObject | null
}

export async function readSealKeysFile(path: string): Promise<SealKeysFile> {
  const file = await readSecret(path, sealKeysSchema)
  if (file === null) throw new ConfigError([`${VARIABLE}: there is no file ${path}`])
  await refuseReadable(path, VARIABLE)
  return file
}

/** What signs that log. */
export async function readSealKeys(path: string, log: Log): Promise<SealKeys> {
  const { privateKey, former } = await readSealKeysFile(path)
  return {
    current: keyOf(signingKeyIn(privateKey, path, VARIABLE), log),
    former: former === undefined ? null : keyOf(signingKeyIn(former.privateKey, path, VARIABLE), log),
  }
}

/** Of a file's newest key. */
export function sealKeyOfFile({ privateKey }: SealKeyFile, log: Log): KeyObject {
  return keyOf(signingKeyIn(privateKey, 'the new key', VARIABLE), log)
}

/** As C2SP writes verifier keys. */
export function publicTextOf(key: KeyObject, { origin }: Log): string {
  return verifierKeyText(origin, ED25519, rawPublicKey(key))
}

/**
 * Each log has a key of its own: a policy (C2SP tlog-policy) may name one public key once. The first log's is the file's,
 * a successor's is derived from it, so that the sealer needs nobody's hand to go on.
 */
function keyOf(key: KeyObject, { logId, origin }: Log): KeyObject {
  if (logId === LOG_ID) return key
  const seed = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')
  const derived = Buffer.from(hkdfSync('sha256', seed, Buffer.alloc(0), `kiemthe log ${origin}`, 32))
  return createPrivateKey({ key: Buffer.concat([PKCS8, derived]), format: 'der', type: 'pkcs8' })
}
