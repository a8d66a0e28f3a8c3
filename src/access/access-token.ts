import { hash } from 'node:crypto'
import { decodeProtectedHeader, errors, jwtVerify, type ProtectedHeaderParameters, SignJWT } from 'jose'
import { type ErrorCode, ServiceError } from '../errors.ts'
import { type AccessScope, type ClientId, type Principal, parseScopes, ROLE_SCOPES, readClientId } from './principal.ts'
import type { TokenKeys } from './token-keys.ts'

/** Seconds an access token lives (contract). */
export const TOKEN_LIFE_SECONDS = 600

/**
 * Decisions already made, by the SHA-256 of the whole token. 669 facilities hold 2 tokens each at a renewal: 1,338; a
 * country of 13,000 holds 26,000. An entry is about 500 bytes, so the bound is 15 MB.
 */
const CACHE_ENTRIES_MAX = 30_000

/** The member of `cnf` (RFC 8705 §3.1). */
const THUMBPRINT = 'x5t#S256'

interface Cached {
  readonly principal: Principal
  readonly expiresAtMs: number
  /** Thumbprint of the client certificate that the token is bound to; null: whoever bears it. */
  readonly certificate: string | null
}

export type TokenCache = Map<string, Cached>

export interface TokenIssue {
  readonly clientId: string
  readonly keyId: string
  readonly scopes: readonly AccessScope[]
  readonly lifeSeconds: number
  /** RFC 8705 §3.1: the SHA-256 of the certificate it was obtained with, base64url; the token is bound to it. */
  readonly certificate?: string | null
}

/** RFC 9068: `typ: at+jwt`. `key` is the client's key that obtained it. */
export async function issueAccessToken(
  keys: TokenKeys,
  serviceId: string,
  now: Date,
  issue: TokenIssue,
): Promise<string> {
  const nowSeconds = Math.floor(now.getTime() / 1000)
  const bound = issue.certificate == null ? {} : { cnf: { [THUMBPRINT]: issue.certificate } }
  return new SignJWT({ client_id: issue.clientId, scope: issue.scopes.join(' '), key: issue.keyId, ...bound })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: keys.signing.kid })
    .setIssuer(serviceId)
    .setAudience(serviceId)
    .setSubject(issue.clientId)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + issue.lifeSeconds)
    .setJti(crypto.randomUUID())
    .sign(keys.signing.key)
}

/** What a request shows of its caller. */
export interface Presented {
  readonly authorization: string | undefined
  /** The thumbprint of the connection's verified client certificate. */
  readonly certificate: string | null
  /** May refuse a token that no decision is known for, before it is looked at. */
  readonly beforeProof: () => void
}

/**
 * Who calls, from `Authorization` and the connection's client certificate. Refusals are never cached; a cached one dies
 * with its token. The certificate is compared each time: the cached decision is of the token alone. Revocation is apart.
 */
export async function readBearer(
  { authorization, certificate, beforeProof }: Presented,
  keys: TokenKeys,
  cache: TokenCache,
  serviceId: string,
  now: Date,
): Promise<Principal> {
  if (authorization === undefined) throw new ServiceError('token_missing')
  // the whole header is what is hashed: nothing is read from a token whose decision is known
  const digest = hash('sha256', authorization, 'base64')
  const cached = cache.get(digest)
  if (cached !== undefined) {
    if (cached.expiresAtMs > now.getTime()) return boundTo(certificate, cached)
    cache.delete(digest)
    throw new ServiceError('token_expired', { detail: serverTime(now), client: cached.principal.clientId })
  }
  beforeProof()
  const token = /^Bearer ([A-Za-z0-9_.~+/=-]{1,4096})$/i.exec(authorization)?.[1]
  if (token === undefined) throw new ServiceError('token_malformed')
  const fresh = await verify(token, keys, serviceId, now)
  if (cache.size >= CACHE_ENTRIES_MAX) {
    const oldest = cache.keys().next().value
    if (oldest !== undefined) cache.delete(oldest)
  }
  cache.set(digest, fresh)
  return boundTo(certificate, fresh)
}

/**
 * Whose token it is, where that was proven before; null says nothing about it. For who would refuse it: it lets nobody in,
 * since neither its end nor its certificate is looked at. A key that the sender may choose names nobody but itself.
 */
export function provenBefore(authorization: string | undefined, cache: TokenCache): ClientId | null {
  if (authorization === undefined) return null
  return cache.get(hash('sha256', authorization, 'base64'))?.principal.clientId ?? null
}

/** A token that is bound to nothing is taken over any connection. */
function boundTo(certificate: string | null, decision: Cached): Principal {
  if (decision.certificate !== null && decision.certificate !== certificate) {
    throw new ServiceError('token_certificate', { client: decision.principal.clientId })
  }
  return decision.principal
}

async function verify(token: string, keys: TokenKeys, serviceId: string, now: Date): Promise<Cached> {
  const header = readHeader(token)
  if (header.alg !== 'EdDSA') throw new ServiceError('token_algorithm')
  const key = header.kid === undefined ? undefined : keys.verifying.get(header.kid)
  if (key === undefined) throw new ServiceError('token_unknown_key')
  const { payload } = await jwtVerify(token, key, {
    algorithms: ['EdDSA'],
    typ: 'at+jwt',
    issuer: serviceId,
    audience: serviceId,
    requiredClaims: ['exp', 'sub', 'scope', 'key'],
    currentDate: now,
  }).catch((cause: unknown) => {
    const client = provenIn(cause)
    throw new ServiceError(refusal(cause), { cause, detail: serverTime(now), ...(client && { client }) })
  })
  const client = readClientId(payload.sub ?? '')
  const scopes = typeof payload['scope'] === 'string' ? parseScopes(payload['scope']) : null
  const keyId = payload['key']
  if (client === null || scopes === null || typeof keyId !== 'string' || payload.exp === undefined) {
    throw new ServiceError('token_malformed')
  }
  // a client that was registered with more than its role may have gets no more here
  const allowed = scopes.filter((scope) => ROLE_SCOPES[client.role].includes(scope))
  return {
    principal: { ...client, scopes: new Set(allowed), keyId },
    expiresAtMs: payload.exp * 1000,
    certificate: payload['cnf'] === undefined ? null : thumbprintOf(payload['cnf']),
  }
}

/** A token bound in a way that we do not know is not one that anybody may bear. */
function thumbprintOf(confirmation: unknown): string {
  if (typeof confirmation === 'object' && confirmation !== null && THUMBPRINT in confirmation) {
    const thumbprint = confirmation[THUMBPRINT]
    if (typeof thumbprint === 'string' && Object.keys(confirmation).length === 1) return thumbprint
  }
  throw new ServiceError('token_malformed')
}

function readHeader(token: string): ProtectedHeaderParameters {
  try {
    return decodeProtectedHeader(token)
  } catch (cause) {
    throw new ServiceError('token_malformed', { cause })
  }
}

function refusal(cause: unknown): ErrorCode {
  if (cause instanceof errors.JWTExpired) return 'token_expired'
  if (cause instanceof errors.JWSSignatureVerificationFailed) return 'token_signature'
  if (cause instanceof errors.JWTClaimValidationFailed) {
    if (cause.claim === 'aud' || cause.claim === 'iss') return 'token_audience'
    if (cause.claim === 'nbf' || cause.claim === 'iat') return 'token_not_yet_valid'
  }
  return 'token_malformed'
}

/** jose looks at claims only after the signature: whom such a token names, we named. */
function provenIn(cause: unknown): ClientId | null {
  const isOurs = cause instanceof errors.JWTExpired || cause instanceof errors.JWTClaimValidationFailed
  return isOurs ? (readClientId(cause.payload.sub ?? '')?.clientId ?? null) : null
}

/** A clock that is wrong is the commonest reason of a refused credential: say ours. */
export function serverTime(now: Date): string {
  return `server time ${now.toISOString()}`
}
