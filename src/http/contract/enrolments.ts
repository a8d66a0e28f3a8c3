import { z } from 'zod'
import { publicJwkSchema } from '../../access/enrolment.ts'
import { BODY_BYTES_MAX } from '../request.ts'
import type { AnswerContract, Contract } from '../route.ts'

const jws = z.string().min(1).max(8192)

export const enrolmentRequestSchema = z
  .strictObject({
    clientId: z.string().min(1).max(64),
    code: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .meta({ description: 'From the operator, once: 7 days, 20 wrong tries, one key. Or instead of it:' }),
    assertion: jws.optional().meta({
      description:
        'A client assertion (RFC 7523) by a key in force, `aud` this URL: a client renews its key by itself.',
    }),
    publicJwk: publicJwkSchema.meta({ description: 'The public half alone (RFC 7517).' }),
    proof: jws.meta({
      description:
        'A JWS by the new key: `typ` `enrolment-proof+jwt`, `sub` the client id, `aud` this URL, `exp` within 5 minutes.',
    }),
  })
  .meta({ id: 'EnrolmentRequest' })

const enrolled: AnswerContract = {
  description: 'The key may sign assertions now.',
  contentType: 'application/json',
  schema: z
    .strictObject({
      clientId: z.string().min(1).max(64),
      keyId: z
        .string()
        .max(43)
        .regex(/^[A-Za-z0-9_-]{43}$/)
        .meta({ description: 'The `kid` of its assertions: the thumbprint of the key (RFC 7638).' }),
    })
    .meta({ id: 'EnrolledKey' }),
  examples: {
    enrolled: {
      summary: 'Registered',
      value: { clientId: 'facility:38001', keyId: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k' },
    },
  },
}

export const postEnrolmentContract: Contract = {
  operationId: 'enrolKey',
  tag: 'Tokens',
  summary: 'Register a public key of a client',
  description:
    'By a one-time code of the operator, or by a key in force. A wrong, an expired and a used code and another client are one refusal. The same key may come again: its first answer may have been lost.',
  body: {
    contentType: 'application/json',
    bytesMax: BODY_BYTES_MAX,
    schema: enrolmentRequestSchema,
    examples: {
      byCode: {
        summary: 'By code; sign a proof of your own',
        value: {
          clientId: 'facility:38001',
          code: '7K3M-9TQ2-XH4W-0AZC',
          publicJwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
          proof: 'eyJhbGciOiJFZERTQSIsInR5cCI6ImVucm9sbWVudC1wcm9vZitqd3QifQ.eyJzdWIiOiJmYWNpbGl0eTozODAwMSJ9.c2ln',
        },
        status: 400,
      },
    },
  },
  answers: { 200: { ...enrolled, description: 'The key was registered before.' }, 201: enrolled },
  problems: [
    'key_proof_invalid',
    'enrolment_refused',
    'too_many_keys',
    'client_disabled',
    'client_key_expired',
    'client_key_revoked',
    'assertion_malformed',
    'assertion_algorithm',
    'assertion_unknown_key',
    'assertion_signature',
    'assertion_audience',
    'assertion_expired',
    'assertion_too_long_lived',
    'assertion_clock_skew',
    'assertion_replayed',
    'log_unavailable',
    'log_outcome_unknown',
  ],
  database: true,
}
