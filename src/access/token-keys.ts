import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { z } from 'zod'

/**
 * The file of keys that sign access tokens (Ed25519, mode 0600). The first signs; all verify. A rotation adds a key at
 * the end, puts it first once everybody knows it, and drops the others after a token's life (`kiemthe keys rotate token`).
 */
export const tokenKeysSchema = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        kid: z.string().min(1).max(64),
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        x: z.string().length(43),
        d: z.string().length(43),
      }),
    )
    .min(1)
    .max(8)
    .refine((keys) => new Set(keys.map((key) => key.kid)).size === keys.length, 'two keys have one kid'),
  /** The last step of a rotation under way; absent when there is none. */
  rotation: z.strictObject({ step: z.enum(['added', 'signs']), at: z.iso.datetime() }).optional(),
})

export type TokenKeysFile = z.infer<typeof tokenKeysSchema>

export interface TokenKeys {
  readonly signing: { readonly kid: string; readonly key: CryptoKey }
  readonly verifying: ReadonlyMap<string, CryptoKey>
  /** RFC 7517: what `/.well-known/jwks.json` shows. */
  readonly jwks: { readonly keys: readonly JWK[] }
}

export async function importTokenKeys(file: TokenKeysFile): Promise<TokenKeys> {
  const verifying = new Map<string, CryptoKey>()
  const keys: JWK[] = []
  for (const { d: _secret, ...jwk } of file.keys) {
    verifying.set(jwk.kid, await importKey(jwk))
    keys.push({ ...jwk, alg: 'EdDSA', use: 'sig' })
  }
  const first = file.keys[0]
  if (first === undefined) throw new TypeError('no token key')
  return { signing: { kid: first.kid, key: await importKey(first) }, verifying, jwks: { keys } }
}

/** A key pair as JWKs; `kid` is what the caller says. For token keys, demo clients and `facility add`. */
export async function makeSigningKey(kid: string): Promise<TokenKeysFile['keys'][number]> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const { x, d } = await exportJWK(privateKey)
  return { kid, kty: 'OKP', crv: 'Ed25519', x: x ?? '', d: d ?? '' }
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, 'EdDSA')
  if (key instanceof Uint8Array) throw new TypeError('a symmetric key cannot sign tokens')
  return key
}
