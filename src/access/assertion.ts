import { compactVerify, decodeJwt, decodeProtectedHeader, errors, importJWK, type JWTPayload } from 'jose'
import type { Query } from '../db/pool.ts'
import { type ErrorCode, ServiceError } from '../errors.ts'
import { serverTime } from './access-token.ts'
import { type AccessScope, type ClientId, readClientId } from './principal.ts'
import { type ClientKey, findClientKey, useJti } from './store.ts'

/** Private-key JWT (RFC 7523 §3): lives 5 minutes at most, is used once; clocks may differ by 30 s. */
const LIFE_SECONDS_MAX = 300
const CLOCK_SKEW_SECONDS = 30
const ALGORITHMS = ['ES256', 'EdDSA']
/** Both go to the database: a NUL or half a character would fail there, as an outage. */
const KEY_ID = /^[\x21-\x7e]{1,64}$/
const JTI = /^\P{C}{1,128}$/u

export interface ProvenClient {
  readonly clientId: ClientId
  readonly keyId: string
  readonly scopes: readonly AccessScope[]
  readonly keyExpiresAt: Date
}

/**
 * Proves a client by its assertion. Each refusal says exactly why, and nothing about others: an unknown client and an
 * unknown key are one answer. The `jti` is taken last, so that a refused assertion spends nothing.
 */
export async function proveClient(query: Query, assertion: string, tokenUrl: string, now: Date): Promise<ProvenClient> {
  const { alg, kid, claims } = readUnverified(assertion)
  if (!ALGORITHMS.includes(alg)) throw new ServiceError('assertion_algorithm')
  const client = typeof claims.sub === 'string' && claims.sub === claims.iss ? readClientId(claims.sub) : null
  if (client === null)
    throw new ServiceError('assertion_malformed', { detail: '`iss` and `sub` must be your client id' })
  const key = await query((sql) => findClientKey(sql, client.clientId, kid)).catch((cause: unknown) => {
    throw new ServiceError('database_unavailable', { cause })
  })
  if (key === null) throw new ServiceError('assertion_unknown_key')
  await verifySignature(assertion, key, alg)
  // from here on the caller holds the private key: it may be told about itself, and what is refused is its own
  const { clientId } = client
  refuseByKeyState(clientId, key, now)
  const { jti, expiresAt } = checkClaims(clientId, claims, tokenUrl, now)
  const first = await query((sql) => useJti(sql, clientId, jti, expiresAt)).catch((cause: unknown) => {
    throw new ServiceError('database_unavailable', { cause })
  })
  if (!first) throw new ServiceError('assertion_replayed', { client: clientId })
  return { clientId, keyId: kid, scopes: key.scopes, keyExpiresAt: key.expiresAt }
}

function readUnverified(assertion: string): { alg: string; kid: string; claims: JWTPayload } {
  try {
    const header = decodeProtectedHeader(assertion)
    // jose promises texts, but it has only parsed JSON: whoever calls may have written anything
    const { alg, kid }: { alg?: unknown; kid?: unknown } = header
    if (typeof alg !== 'string' || typeof kid !== 'string' || !KEY_ID.test(kid)) throw new TypeError('no alg or no kid')
    return { alg, kid, claims: decodeJwt(assertion) }
  } catch (cause) {
    throw new ServiceError('assertion_malformed', {
      cause,
      detail: 'a JWS in compact form with `alg` and `kid` is expected',
    })
  }
}

async function verifySignature(assertion: string, key: ClientKey, alg: string): Promise<void> {
  const keyAlg = key.publicJwk.kty === 'EC' ? 'ES256' : 'EdDSA'
  if (alg !== keyAlg) throw new ServiceError('assertion_algorithm')
  try {
    await compactVerify(assertion, await importJWK(key.publicJwk, keyAlg), { algorithms: [keyAlg] })
  } catch (cause) {
    const code: ErrorCode =
      cause instanceof errors.JWSSignatureVerificationFailed ? 'assertion_signature' : 'assertion_malformed'
    throw new ServiceError(code, { cause })
  }
}

function refuseByKeyState(client: ClientId, key: ClientKey, now: Date): void {
  if (key.disabledAt !== null)
    throw new ServiceError('client_disabled', { client, detail: `since ${key.disabledAt.toISOString()}` })
  if (key.revokedAt !== null)
    throw new ServiceError('client_key_revoked', { client, detail: `since ${key.revokedAt.toISOString()}` })
  if (key.expiresAt <= now)
    throw new ServiceError('client_key_expired', { client, detail: `since ${key.expiresAt.toISOString()}` })
}

function checkClaims(
  client: ClientId,
  claims: JWTPayload,
  tokenUrl: string,
  now: Date,
): { jti: string; expiresAt: Date } {
  const nowSeconds = now.getTime() / 1000
  if (
    claims.aud !== tokenUrl &&
    !(Array.isArray(claims.aud) && claims.aud.length === 1 && claims.aud[0] === tokenUrl)
  ) {
    throw new ServiceError('assertion_audience', { client, detail: `\`aud\` must be ${tokenUrl}` })
  }
  if (typeof claims.exp !== 'number' || typeof claims.jti !== 'string' || !JTI.test(claims.jti)) {
    throw new ServiceError('assertion_malformed', { client, detail: '`exp` and `jti` (1–128 characters) are required' })
  }
  const { iat = 0, nbf = 0 }: { iat?: unknown; nbf?: unknown } = claims
  if (typeof iat !== 'number' || typeof nbf !== 'number') {
    throw new ServiceError('assertion_malformed', { client, detail: '`iat` and `nbf` are numbers, where they stand' })
  }
  if (claims.exp + CLOCK_SKEW_SECONDS <= nowSeconds)
    throw new ServiceError('assertion_expired', { client, detail: serverTime(now) })
  if (Math.max(iat, nbf) > nowSeconds + CLOCK_SKEW_SECONDS)
    throw new ServiceError('assertion_clock_skew', { client, detail: serverTime(now) })
  if (
    claims.exp - (claims.iat ?? nowSeconds) > LIFE_SECONDS_MAX + CLOCK_SKEW_SECONDS ||
    claims.exp - nowSeconds > LIFE_SECONDS_MAX + CLOCK_SKEW_SECONDS
  ) {
    throw new ServiceError('assertion_too_long_lived', { client, detail: serverTime(now) })
  }
  return { jti: claims.jti, expiresAt: new Date((claims.exp + CLOCK_SKEW_SECONDS) * 1000) }
}
