import { importJWK, type JWK, SignJWT } from 'jose'
import { PUBLIC_URL, type World } from '../support/service.ts'
import type { Request } from './http-support.ts'

export const TOKEN_URL = `${PUBLIC_URL}/oauth/token`
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export interface AssertionParts {
  readonly key?: JWK
  readonly alg?: string
  readonly header?: Record<string, unknown>
  /** A member given as undefined is left out. */
  readonly claims?: Record<string, unknown>
}

/** What a facility's program signs: RFC 7523 §3, but for what is given. */
export async function assertion(world: World, clientId: string, parts: AssertionParts = {}): Promise<string> {
  const jwk: JWK = parts.key ?? { ...world.clients.get(clientId) }
  const alg = parts.alg ?? (jwk.kty === 'EC' ? 'ES256' : 'EdDSA')
  const seconds = Math.floor(Date.now() / 1000)
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: TOKEN_URL,
    jti: crypto.randomUUID(),
    iat: seconds,
    exp: seconds + 120,
    ...parts.claims,
  }
  const header = { alg, kid: jwk.kid ?? 'key-1', ...parts.header }
  return new SignJWT(claims).setProtectedHeader(header).sign(await importJWK(jwk, alg))
}

/** The form of a grant; a parameter given as null is left out. */
export function grant(client_assertion: string | null, params: Record<string, string | null> = {}): Request {
  const all = {
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION_TYPE,
    client_assertion,
    ...params,
  }
  const form = new URLSearchParams(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null))
  return formOf(form.toString())
}

export function formOf(body: string): Request {
  return { path: '/oauth/token', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body }
}
