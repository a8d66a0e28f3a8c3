import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import type { GrantedEndpoint, PublicEndpoint } from './endpoint.ts'
import { PROBLEMS } from './problem-text.ts'

/**
 * One route, declared once: what serves it and what is promised about it. `app.ts` mounts it, `openapi.json` describes
 * it, the access matrix and the fuzz are made from it.
 *
 * To add a route: (1) its handler in `http/<resource>.ts`; (2) its contract in `http/contract/<resource>.ts`, with the
 * very schema that the handler validates with, and schemas of its answers; (3) its row in `ROUTES` of `app.ts`;
 * (4) `npm run openapi`, and commit the snapshot; (5) its row in `test/http/access-matrix.db.test.ts`.
 */
export type Route = (PublicEndpoint | GrantedEndpoint) & {
  readonly method: 'GET' | 'POST'
  /** As OpenAPI writes it: `/v1/verifications/{id}`. */
  readonly path: string
  readonly contract: Contract
}

export interface Contract {
  readonly operationId: string
  readonly tag: Tag
  readonly summary: string
  readonly description: string
  readonly parameters?: readonly Parameter[]
  readonly body?: RequestBody
  /** By status. Problems are not among them. */
  readonly answers: Readonly<Record<number, AnswerContract>>
  /** Beside those that every route of its kind may answer: see `problemsOf`. */
  readonly problems: readonly ErrorCode[]
  /** Whether its work needs the database. */
  readonly database: boolean
}

export type Tag =
  | 'Tokens'
  | 'Verifications'
  | 'Unverified visits'
  | 'Claim shares'
  | 'Facilities'
  | 'Log'
  | 'Audit'
  | 'Sync'
  | 'Operation'
  | 'Documents'

export interface Parameter {
  readonly in: 'path' | 'header' | 'query'
  readonly name: string
  readonly description: string
  readonly required: boolean
  /** In a path: it is all the rest, and has slashes. */
  readonly slashes?: true
  /** The one that validates. */
  readonly schema: z.ZodType
  readonly example: string | number
}

export interface RequestBody {
  readonly contentType: string
  readonly bytesMax: number
  /** The one that validates. */
  readonly schema: z.ZodType
  readonly examples: Readonly<Record<string, RequestExample>>
  /** Another form the same may come in. */
  readonly also?: { readonly contentType: string; readonly schema: z.ZodType }
}

export interface RequestExample {
  readonly summary: string
  readonly value: unknown
  /** What it is answered in the world of `test/http/openapi-examples.db.test.ts`. */
  readonly status: number
}

export interface AnswerContract {
  readonly description: string
  readonly contentType: string
  /** Of the JSON, or of the text. Strict: what the document does not name is never answered. */
  readonly schema: z.ZodType
  readonly examples: Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>
  /** What else it is sent as, where `Accept` asks for it, and what that is. */
  readonly streams?: Readonly<Record<string, string>>
  /** Beside those that every answer carries. */
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly example: string }>>
}

/** The path as Hono's router reads it: `/v1/verifications/:id`. */
export function routePattern({ path, contract }: Pick<Route, 'path' | 'contract'>): string {
  const withSlashes = new Set(contract.parameters?.filter((each) => each.slashes).map((each) => each.name))
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (withSlashes.has(name) ? `:${name}{.+}` : `:${name}`))
}

const ANY_ROUTE: readonly ErrorCode[] = ['internal']
const ANY_TOKEN: readonly ErrorCode[] = [
  'token_missing',
  'token_malformed',
  'token_algorithm',
  'token_unknown_key',
  'token_signature',
  'token_expired',
  'token_not_yet_valid',
  'token_audience',
  'token_revoked',
  'token_certificate',
  'scope_missing',
  'database_unavailable', // whether the token was revoked could not be read
]
const ANY_BODY: readonly ErrorCode[] = [
  'invalid_request',
  'invalid_utf8',
  'duplicate_member',
  'body_too_large',
  'unsupported_media_type',
]
const ANY_DATABASE: readonly ErrorCode[] = ['overloaded', 'database_unavailable']

const TOO_MANY = (Object.keys(PROBLEMS) as ErrorCode[]).filter((code) => PROBLEMS[code].status === 429)

/** All problems that a route may answer, in the order of the table of problems. */
export function problemsOf(route: Route): ErrorCode[] {
  const { contract } = route
  const codes = new Set<ErrorCode>([
    ...ANY_ROUTE,
    ...(route.access === 'public' ? [] : [...ANY_TOKEN, ...TOO_MANY]),
    ...(route.proves ? (['too_many_bad_credentials'] as const) : []),
    ...(route.bounded ? (['rate_limited'] as const) : []),
    ...(contract.body === undefined ? [] : ANY_BODY),
    ...(contract.body?.contentType === 'application/json' ? (['invalid_json'] as const) : []),
    ...(contract.database ? ANY_DATABASE : []),
    ...contract.problems,
  ])
  return (Object.keys(PROBLEMS) as ErrorCode[]).filter((code) => codes.has(code))
}
