import { z } from 'zod'
import { ROUTES } from '../app.ts'
import { oauthProblemSchema, problemSchema } from '../http/contract/problem.ts'
import { PROBLEMS } from '../http/problem-text.ts'
import { type AnswerContract, problemsOf, type Route } from '../http/route.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined }
type Members = { readonly [name: string]: Json | undefined }

const REF = '#/components/schemas/'

/** OpenAPI 3.1 out of the route table: JSON Schema 2020-12 of the very schemas that validate. */
export function openApiDocument(): string {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of ROUTES) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Kiểm thẻ',
      version: '1',
      description:
        'Who is this person, and what does their health insurance cover on a day? Every code is told at /docs/problems. HEAD is answered as GET. No CORS. `Accept` is not looked at: each answer has one form. Identifiers of persons travel in bodies only.',
      contact: { name: 'The operator of this service', url: 'https://kiemthe.example/docs' },
      license: { name: 'UNLICENSED', identifier: 'LicenseRef-UNLICENSED' },
    },
    servers: [
      {
        url: 'https://kiemthe.example',
        description: 'The production address the operator gave you (`PUBLIC_URL`).',
        'x-internal': false,
      },
    ],
    tags: [
      { name: 'Tokens', description: 'Access for programs.' },
      { name: 'Verifications', description: 'Checks of a person and their cover.' },
      {
        name: 'Unverified visits',
        description: 'Patients who were admitted while the look-up failed (NĐ 188/2025 Đ38).',
      },
      { name: 'Claim shares', description: 'Dossiers of QĐ 3176, recorded and sent on.' },
      { name: 'Facilities', description: 'The catalogue of facilities, with history.' },
      {
        name: 'Log',
        description: 'Proofs that anyone may take: that an entry stands in the log, and that the log only grew.',
      },
      { name: 'Sync', description: 'The insurer’s feed of insurance records.' },
      { name: 'Operation', description: 'For balancers and operators.' },
      { name: 'Documents', description: 'This document, for programs and people.' },
    ],
    paths,
    components: {
      schemas: componentSchemas(),
      headers: HEADERS,
      securitySchemes: {
        token: {
          type: 'oauth2',
          description:
            '`private_key_jwt` (RFC 7523) at /oauth/token; then `Authorization: Bearer`. Tokens and assertions are JWTs used as RFC8725 says; a token lives 10 minutes.',
          flows: {
            clientCredentials: {
              tokenUrl: 'https://kiemthe.example/oauth/token',
              scopes: {
                verify: 'Facilities: verifications.',
                share: 'Facilities: claim shares.',
                audit: 'Auditors.',
                'audit:hiv': 'Auditors of HIV data.',
                sync: "The insurer's feed.",
                ops: 'Operators.',
              },
            },
          },
        },
      },
    },
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

const HEADERS: Members = {
  RateLimit: {
    description: 'What is left of your quota, and when it is full again (draft-ietf-httpapi-ratelimit-headers).',
    schema: { type: 'string', maxLength: 100, pattern: '^"[a-z]+";r=\\d+;t=\\d+$' },
    example: '"default";r=299;t=1',
  },
  'RateLimit-Policy': {
    description: 'Your quota `q` in a window of `w` seconds.',
    schema: { type: 'string', maxLength: 100, pattern: '^"[a-z]+";q=\\d+;w=\\d+$' },
    example: '"default";q=300;w=3',
  },
  'X-Request-Id': {
    description: 'Names this request in our log.',
    schema: { type: 'string', format: 'uuid', maxLength: 36 },
    example: '3fe45c58-36e3-428f-9abc-b5bc59c4c15d',
  },
  'Retry-After': {
    description: 'Seconds until trying again is worth it.',
    schema: { type: 'integer', format: 'int32', minimum: 1, maximum: 3600 },
    example: 2,
  },
}

function operation(route: Route): Json {
  const { contract, access } = route
  return {
    operationId: contract.operationId,
    tags: [contract.tag],
    summary: contract.summary,
    description: contract.description,
    security: access === 'public' ? [] : access.map((scope) => ({ token: [scope] })),
    parameters: contract.parameters?.map(({ schema, slashes: _, ...rest }) => ({ ...rest, schema: inline(schema) })),
    requestBody: contract.body && {
      required: true,
      description: `At most ${contract.body.bytesMax} bytes.`,
      content: {
        [contract.body.contentType]: {
          schema: inline(contract.body.schema),
          examples: Object.fromEntries(
            Object.entries(contract.body.examples).map(([name, { summary, value }]) => [
              name,
              { summary, value: value as Json },
            ]),
          ),
        },
        ...(contract.body.also === undefined
          ? {}
          : { [contract.body.also.contentType]: { schema: inline(contract.body.also.schema) } }),
      },
    },
    responses: responses(route),
  }
}

/** Answers by status; a status may be an answer and a problem (`ready` at 503). */
function responses(route: Route): Json {
  const all: Record<string, { description: string; headers: Record<string, Json>; content: Record<string, Json> }> = {}
  const limited = route.access === 'public' ? [] : ['RateLimit', 'RateLimit-Policy']
  const headers = (status: number) => ({
    ...Object.fromEntries(limited.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' },
    ...(status === 429 || status === 503 ? { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } : {}),
  })
  for (const [status, answer] of Object.entries(route.contract.answers)) {
    all[status] = {
      description: answer.description,
      headers: headers(Number(status)),
      content: { [answer.contentType]: content(answer) },
    }
  }
  const schema = { $ref: `${REF}${route.oauth ? 'OAuthProblem' : 'Problem'}` }
  for (const code of problemsOf(route)) {
    const { status, title } = PROBLEMS[code]
    const line = `\`${code}\`: ${title}.`
    const response = all[status]
    all[status] = {
      description: response === undefined ? line : `${response.description} ${line}`,
      headers: headers(status),
      content: { ...response?.content, 'application/problem+json': { schema } },
    }
  }
  return all
}

function content(answer: AnswerContract): Json {
  // examples are JSON by their schemas (tested); the type says `unknown`
  const examples = Object.entries(answer.examples).map(([name, each]) => [name, each as unknown as Json])
  return { schema: inline(answer.schema), examples: Object.fromEntries(examples) as Json }
}

/** A schema with a name is referred to. */
function inline(schema: z.ZodType): Json {
  const id = z.globalRegistry.get(schema)?.id
  if (id !== undefined) return { $ref: REF + id }
  const { $schema: _draft, ...json } = z.toJSONSchema(schema, { override: sayFormat }) as Members
  return json
}

/** Every schema with a name, and what it refers to. */
function componentSchemas(): Json {
  const schemas: Record<string, Json> = {}
  const roots = ROUTES.flatMap(({ contract }) => [
    contract.body?.schema,
    ...Object.values(contract.answers).map((answer) => answer.schema),
  ])
  for (const root of [...roots, problemSchema, oauthProblemSchema]) {
    const id = root === undefined ? undefined : z.globalRegistry.get(root)?.id
    if (root === undefined || id === undefined) continue
    const text = JSON.stringify(z.toJSONSchema(root, { override: sayFormat })).replaceAll('"#/$defs/', `"${REF}`)
    const { $schema: _draft, $defs, $ref, id: _id, ...json } = JSON.parse(text) as Members
    if ($ref === undefined) schemas[id] = json
    for (const [name, inner] of Object.entries(($defs ?? {}) as Record<string, Members>)) {
      const { id: _name, ...rest } = inner
      schemas[name] = rest
    }
  }
  return schemas
}

/** Whole numbers of ours fit a double, and more than 32 bits. */
function sayFormat({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.type === 'integer') jsonSchema.format = 'int64'
}
