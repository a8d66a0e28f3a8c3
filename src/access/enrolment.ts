import { hash, randomBytes } from 'node:crypto'
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose'
import { z } from 'zod'
import { type DataKeys, mac128 } from '../data-keys.ts'
import { ServiceError } from '../errors.ts'

/** A code waits a week for the hospital's software people; a new one is a command away. */
export const ENROLMENT_LIFE_MS = 7 * 86_400_000
/** Wrong tries a code bears. 20 in 2^80 guess nothing; the bound is for whoever goes on all the same. */
export const ENROLMENT_TRIES = 20
/** A client's key is renewed once a year; the month before, the operator is told. */
export const CLIENT_KEY_LIFE_MS = 365 * 86_400_000
/** A proof is made for this one request; clocks may differ by 30 s, as for assertions. */
const PROOF_LIFE_SECONDS_MAX = 300
const CLOCK_SKEW_SECONDS = 30

const coordinate = z
  .string()
  .max(43)
  .regex(/^[A-Za-z0-9_-]{43}$/)

/** The public half alone: a `d` in it is refused as an unknown member. */
export const publicJwkSchema = z.discriminatedUnion('kty', [
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: coordinate }),
  z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate }),
])
export type PublicJwk = z.infer<typeof publicJwkSchema>

/** RFC 7638: the key names itself, so that both sides know its `kid` before a word is said. */
export function keyIdOf(jwk: PublicJwk): string {
  const { crv, kty, x } = jwk
  const text = jwk.kty === 'EC' ? JSON.stringify({ crv, kty, x, y: jwk.y }) : JSON.stringify({ crv, kty, x })
  return hash('sha256', text, 'base64url')
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE_CHARACTERS = 16

/** 80 random bits in four groups, read out over a telephone if need be. */
export function makeEnrolmentCode(): string {
  const text = Array.from(randomBytes(CODE_CHARACTERS), (byte) => CROCKFORD[byte % 32]).join('')
  return text.replace(/.{4}(?=.)/g, '$&-')
}

/** As a hand types it: case and hyphens do not count, O is 0, I and L are 1 (Crockford). */
export function readEnrolmentCode(typed: string): string {
  return typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
}

/** What the database holds of a code: nothing without our key, and nothing for another client. */
export function enrolmentDigest(keys: DataKeys, clientId: string, code: string): string {
  return mac128(keys.request, `enrolment:${clientId}\n${readEnrolmentCode(code)}`)
}

export const PROOF_TYPE = 'enrolment-proof+jwt'

const proofSchema = z.object({ sub: z.string(), aud: z.string(), iat: z.number(), exp: z.number() })

/** Proof of possession: a JWS by the new key, for this client, this service and now. */
export async function proveNewKey(proof: string, jwk: PublicJwk, clientId: string, url: string, now: Date) {
  const alg = jwk.kty === 'EC' ? 'ES256' : 'EdDSA'
  const refused = (detail: string, cause?: unknown) => new ServiceError('key_proof_invalid', { detail, cause })
  let payload: Uint8Array
  try {
    if (decodeProtectedHeader(proof).typ !== PROOF_TYPE) throw refused(`\`typ\` must be ${PROOF_TYPE}`)
    payload = (await compactVerify(proof, await importJWK(jwk, alg), { algorithms: [alg] })).payload
  } catch (cause) {
    throw cause instanceof ServiceError ? cause : refused('it is not a JWS that `publicJwk` verifies', cause)
  }
  const claims = proofSchema.safeParse(jsonOf(payload))
  if (!claims.success) throw refused('`sub`, `aud`, `iat` and `exp` are required')
  const { sub, aud, iat, exp } = claims.data
  if (sub !== clientId) throw refused('`sub` must be `clientId`')
  if (aud !== url) throw refused(`\`aud\` must be ${url}`)
  const seconds = now.getTime() / 1000
  const tooLong = exp - Math.max(iat, seconds) > PROOF_LIFE_SECONDS_MAX + CLOCK_SKEW_SECONDS
  if (tooLong || exp + CLOCK_SKEW_SECONDS <= seconds || iat > seconds + CLOCK_SKEW_SECONDS) {
    throw refused(`it lives 300 s at the most and now; server time ${now.toISOString()}`)
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return null
  }
}
