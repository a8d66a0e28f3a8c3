import type { Context } from 'hono'
import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../access/access-token.ts'
import { proveClient } from '../access/assertion.ts'
import { parseScopes } from '../access/principal.ts'
import { invalid, ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { Answer } from './endpoint.ts'
import { FORM_BYTES_MAX, readText } from './request.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** `POST /oauth/token`: client credentials with private_key_jwt (RFC 6749 §4.4, RFC 7523 §2.2). */
export async function issueToken(c: Context, scope: Scope): Promise<Answer> {
  const form = await readForm(c)
  const grant = form.get('grant_type')
  if (grant === undefined) throw invalid('/grant_type', 'member_missing')
  if (grant !== 'client_credentials') throw new ServiceError('grant_unsupported')
  const assertion = form.get('client_assertion')
  if (assertion === undefined || form.get('client_assertion_type') !== ASSERTION_TYPE) {
    throw new ServiceError('assertion_missing')
  }
  const now = scope.now()
  const { config, tokenKeys } = scope.service
  const client = await proveClient(scope.query, assertion, `${config.publicUrl}/oauth/token`, now)
  // RFC 7521 §4.2: it need not be there; if it is, it names the client of the assertion
  const named = form.get('client_id')
  if (named !== undefined && named !== client.clientId) {
    throw new ServiceError('assertion_malformed', { detail: '`client_id` must be the `sub` of the assertion' })
  }
  const asked = form.get('scope')
  const scopes = asked === undefined ? client.scopes : parseScopes(asked)
  if (scopes === null || scopes.length === 0 || !scopes.every((each) => client.scopes.includes(each))) {
    throw new ServiceError('scope_unknown', { detail: client.scopes.join(' ') })
  }
  // a token never outlives the key that obtained it
  const keySeconds = Math.floor((client.keyExpiresAt.getTime() - now.getTime()) / 1000)
  const lifeSeconds = Math.min(TOKEN_LIFE_SECONDS, keySeconds)
  const token = await issueAccessToken(tokenKeys, config.serviceId, now, { ...client, scopes, lifeSeconds })
  const body = { access_token: token, token_type: 'Bearer', expires_in: lifeSeconds, scope: scopes.join(' ') }
  return { status: 200, body: JSON.stringify(body), headers: { pragma: 'no-cache' } }
}

/** RFC 6749 §3.2: a parameter stands once; one without a value counts as left out. */
async function readForm(c: Context): Promise<ReadonlyMap<string, string>> {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(c.req.header('content-type') ?? '')) {
    throw new ServiceError('unsupported_media_type', { detail: 'application/x-www-form-urlencoded' })
  }
  const form = new URLSearchParams(await readText(c, FORM_BYTES_MAX))
  if (new Set(form.keys()).size !== form.size) throw new ServiceError('duplicate_member')
  return new Map([...form].filter(([, value]) => value !== ''))
}

/** `GET /.well-known/jwks.json`: the public keys of access tokens. */
export async function showTokenKeys(_c: Context, scope: Scope): Promise<Answer> {
  const body = JSON.stringify(scope.service.tokenKeys.jwks)
  return { status: 200, body, headers: { 'cache-control': 'public, max-age=300' } }
}
