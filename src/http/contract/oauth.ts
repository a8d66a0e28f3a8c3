import { z } from 'zod'
import { TOKEN_LIFE_SECONDS } from '../../access/access-token.ts'
import { FORM_BYTES_MAX } from '../request.ts'
import type { Contract } from '../route.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const scopes = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[a-z:]+( [a-z:]+)*$/)

/** RFC 6749 §4.4.2, RFC 7523 §2.2. Parameters it does not name are ignored (RFC 6749 §3.2). */
export const tokenFormSchema = z
  .object({
    grant_type: z.literal('client_credentials'),
    client_assertion_type: z.literal(ASSERTION_TYPE),
    client_assertion: z
      .string()
      .min(1)
      .max(FORM_BYTES_MAX)
      .meta({ description: 'A JWT: `iss` = `sub` = client id, `aud` = this URL, `jti` once, `exp` within 5 minutes.' }),
    client_id: z.string().max(FORM_BYTES_MAX).optional().meta({ description: 'If given, the `sub` of the assertion.' }),
    scope: z.string().max(FORM_BYTES_MAX).optional().meta({ description: 'Left out: all that the client may have.' }),
  })
  .meta({ id: 'TokenForm' })

const tokenAnswerSchema = z
  .strictObject({
    access_token: z
      .string()
      .max(4_096)
      .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/)
      .meta({ description: 'An EdDSA JWT, `typ` `at+jwt`.' }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().min(1).max(TOKEN_LIFE_SECONDS),
    scope: scopes,
  })
  .meta({ id: 'TokenAnswer' })

const tokenKeysSchema = z
  .strictObject({
    keys: z
      .array(
        z.strictObject({
          kid: z.string().min(1).max(64),
          kty: z.literal('OKP'),
          crv: z.literal('Ed25519'),
          x: z.string().length(43),
          alg: z.literal('EdDSA'),
          use: z.literal('sig'),
        }),
      )
      .min(1)
      .max(8),
  })
  .meta({ id: 'TokenKeys' })

/** Expired long ago: whoever sends it as it stands is told so. */
const OLD_ASSERTION =
  'eyJhbGciOiJFZERTQSIsImtpZCI6ImtleS0xIn0.eyJpc3MiOiJmYWNpbGl0eTozODAwMSIsInN1YiI6ImZhY2lsaXR5OjM4MDAxIn0.c2ln'

export const issueTokenContract: Contract = {
  operationId: 'issueToken',
  tag: 'Tokens',
  summary: 'Obtain an access token',
  description:
    'Client credentials with `private_key_jwt` (RFC 7523; ES256 or EdDSA). Make a new assertion for each token. ' +
    'Asked for with a client certificate (mutual TLS), the token is bound to it (RFC 8705 §3).',
  body: {
    contentType: 'application/x-www-form-urlencoded',
    bytesMax: FORM_BYTES_MAX,
    schema: tokenFormSchema,
    examples: {
      verify: {
        summary: 'A facility asks for `verify`; sign an assertion of your own',
        value: {
          grant_type: 'client_credentials',
          client_assertion_type: ASSERTION_TYPE,
          client_assertion: OLD_ASSERTION,
          scope: 'verify',
        },
        status: 401,
      },
    },
  },
  answers: {
    200: {
      description: 'The token, good for `expires_in` seconds.',
      contentType: 'application/json',
      schema: tokenAnswerSchema,
      examples: {
        token: {
          summary: 'Ten minutes of `verify`',
          value: { access_token: OLD_ASSERTION, token_type: 'Bearer', expires_in: 600, scope: 'verify' },
        },
      },
    },
  },
  problems: [
    'grant_unsupported',
    'assertion_missing',
    'assertion_malformed',
    'assertion_algorithm',
    'assertion_unknown_key',
    'assertion_signature',
    'assertion_audience',
    'assertion_expired',
    'assertion_too_long_lived',
    'assertion_clock_skew',
    'assertion_replayed',
    'client_key_expired',
    'client_key_revoked',
    'client_disabled',
    'scope_unknown',
  ],
  database: true,
}

export const showTokenKeysContract: Contract = {
  operationId: 'showTokenKeys',
  tag: 'Tokens',
  summary: 'Public keys of access tokens',
  description: 'RFC 7517. Rotated with overlap; may be kept for 5 minutes.',
  answers: {
    200: {
      description: 'The keys.',
      contentType: 'application/json',
      schema: tokenKeysSchema,
      examples: {
        one: {
          summary: 'One key',
          value: {
            keys: [
              {
                kid: 'token-1',
                kty: 'OKP',
                crv: 'Ed25519',
                x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
                alg: 'EdDSA',
                use: 'sig',
              },
            ],
          },
        },
      },
    },
  },
  problems: [],
  database: false,
}
