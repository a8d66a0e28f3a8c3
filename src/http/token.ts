import type { Context } from 'hono'
import type { z } from 'zod'
import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../access/access-token.ts'
import { proveClient } from '../access/assertion.ts'
import { parseScopes } from '../access/principal.ts'
import { invalid, ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { clientCertificate } from './client-certificate.ts'
import { tokenFormSchema } from './contract/oauth.ts'
import type { Answer } from './endpoint.ts'
import { FORM_BYTES_MAX, readText } from './request.ts'

/** How long the list of token keys may be kept; a new key is in it for longer than this before it signs. */
export const KEYS_CACHE_SECONDS = 300

/** `POST /oauth/token`: client credentials with private_key_jwt (RFC 6749 §4.4, RFC 7523 §2.2). */
export async function issueToken(c: Context, scope: Scope): Promise<Answer> {
  const { client_assertion: assertion, client_id: named, scope: asked } = await readForm(c)
  const now = scope.now()
  const { config, tokenKeys } = scope.service
  const client = await proveClient(scope.query, assertion, `${config.publicUrl}/oauth/token`, now)
  // RFC 7521 §4.2: it need not be there; if it is, it names the client of the assertion
  if (named !== undefined && named !== client.clientId) {
    throw new ServiceError('assertion_malformed', { detail: '`client_id` must be the `sub` of the assertion' })
  }
  const scopes = asked === undefined ? client.scopes : parseScopes(asked)
  if (scopes === null || scopes.length === 0 || !scopes.every((each) => client.scopes.includes(each))) {
    throw new ServiceError('scope_unknown', { detail: client.scopes.join(' ') })
  }
  // a token never outlives the key that obtained it
  const keySeconds = Math.floor((client.keyExpiresAt.getTime() - now.getTime()) / 1000)
  const lifeSeconds = Math.min(TOKEN_LIFE_SECONDS, keySeconds)
  const certificate = clientCertificate(c)
  const token = await issueAccessToken(tokenKeys, config.serviceId, now, {
    ...client,
    scopes,
    lifeSeconds,
    certificate,
  })
  const body = { access_token: token, token_type: 'Bearer', expires_in: lifeSeconds, scope: scopes.join(' ') }
  return { status: 200, body: JSON.stringify(body), headers: { pragma: 'no-cache' } }
}

/** RFC 6749 §3.2: a parameter stands once; one without a value counts as left out. */
async function readForm(c: Context): Promise<z.infer<typeof tokenFormSchema>> {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(c.req.header('content-type') ?? '')) {
    throw new ServiceError('unsupported_media_type', { detail: 'application/x-www-form-urlencoded' })
  }
  const form = new URLSearchParams(await readText(c, FORM_BYTES_MAX))
  if (new Set(form.keys()).size !== form.size) throw new ServiceError('duplicate_member')
  const given = Object.fromEntries([...form].filter(([, value]) => value !== ''))
  const parsed = tokenFormSchema.safeParse(given)
  if (!parsed.success) throw formFault(given, parsed.error.issues[0]?.path[0])
  return parsed.data
}

/** RFC 6749 §5.2 has a word for each parameter. */
function formFault(given: Readonly<Record<string, string>>, name: PropertyKey | undefined): ServiceError {
  if (name === 'grant_type') {
    return given['grant_type'] === undefined
      ? invalid('/grant_type', 'member_missing')
      : new ServiceError('grant_unsupported')
  }
  return new ServiceError('assertion_missing') // texts cannot be longer than the form
}

/** `GET /.well-known/jwks.json`: the public keys of access tokens. */
export async function showTokenKeys(_c: Context, scope: Scope): Promise<Answer> {
  const body = JSON.stringify(scope.service.tokenKeys.jwks)
  return { status: 200, body, headers: { 'cache-control': `public, max-age=${KEYS_CACHE_SECONDS}` } }
}
