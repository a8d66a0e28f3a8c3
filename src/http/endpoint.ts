import type { Context } from 'hono'
import { routePath } from 'hono/route'
import type { AccessScope, ClientId, Principal } from '../access/principal.ts'
import type { Config } from '../config.ts'
import { QueueFull } from '../db/group.ts'
import type { DecisionCode } from '../entitlement/decision-code.ts'
import { type ErrorCode, ServiceError } from '../errors.ts'
import { describeFailure, type Failure } from '../event.ts'
import type { Priority } from '../limits/gate.ts'
import type { Limits } from '../limits/limits.ts'
import type { OpenScope, Scope } from '../scope.ts'
import { type AddressOf, type Admission, admit, refuseFailing } from './admission.ts'
import { toProblem } from './problem.ts'
import { isFailedProof, isRefusal } from './refusal.ts'

export interface Answer {
  readonly status: number
  /** A stream is told by its event when it begins; how it ends, by `scope.report`. */
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
  /** For the log event: what was decided, or what went wrong. */
  readonly code?: DecisionCode | ErrorCode
}

export type PublicWork = (c: Context, scope: Scope) => Promise<Answer>
/** The request id is for who renders problems inside an answer. */
export type GrantedWork = (c: Context, scope: Scope, caller: Principal, requestId: string) => Promise<Answer>

/** `public`: no token is looked at. */
export interface PublicEndpoint {
  readonly access: 'public'
  readonly work: PublicWork
  /** Failures carry the members of RFC 6749 §5.2 too. */
  readonly oauth?: true
  /** Its body proves who calls. */
  readonly proves?: true
  /** It asks the database for whoever comes: an address may do that so often. */
  readonly bounded?: true
  /** Never refused unread: who asks whether we are well must not hear no because we are busy. */
  readonly always?: true
}

/** One of the scopes must be granted. */
export interface GrantedEndpoint {
  readonly access: readonly AccessScope[]
  /** What is refused first when there is too much; an auditor's calls go by `audit` everywhere. */
  readonly priority?: Exclude<Priority, 'audit'>
  readonly work: GrantedWork
  readonly oauth?: never
  readonly proves?: never
  readonly bounded?: never
  readonly always?: never
}

type Handler = (c: Context) => Promise<Response>

const JSON_HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}
/** Two years, once clients reach the service by TLS. */
const TLS_HEADERS = { ...JSON_HEADERS, 'strict-transport-security': 'max-age=63072000' }

/** What every request goes through, in order: an id, its token, its work, one event; a failure becomes a problem. */
export function endpoint(open: OpenScope, addressOf: AddressOf, of: PublicEndpoint | GrantedEndpoint): Handler {
  return async (c) => {
    const scope = open()
    const startedMs = scope.now().getTime()
    const requestId = crypto.randomUUID()
    const { limits } = scope.service
    const admission: Admission = { caller: null, rateLimit: {} }
    let client: ClientId | null = null
    let failure: Failure | null = null
    let code: ErrorCode | DecisionCode | null = null
    let answer: Answer
    limits.inFlight++
    try {
      if (of.access === 'public') {
        if (of.proves) refuseFailing(limits, addressOf(c), startedMs)
        if (of.bounded && !limits.publicReads.take(addressOf(c), startedMs).admitted) {
          throw new ServiceError('rate_limited', { detail: 'of this address' })
        }
        answer = await of.work(c, scope)
      } else {
        const caller = await admit(c, scope, of.access, addressOf, admission)
        answer = await gated(limits, caller, of, () => of.work(c, scope, caller, requestId))
      }
      code = answer.code ?? null
    } catch (error) {
      const thrown = error instanceof QueueFull ? new ServiceError('overloaded') : error
      const problem = toProblem(thrown, requestId, of.oauth)
      if (problem.status >= 500) failure = describeFailure(thrown)
      code = problem.code
      answer = problem
      client = admission.caller?.clientId ?? (thrown instanceof ServiceError ? thrown.client : null)
      if (isRefusal(problem)) limits.refused.note(client, problem.code, startedMs)
      if (isFailedProof(problem)) limits.badCredentials.take(addressOf(c), startedMs)
    } finally {
      limits.inFlight--
    }
    scope.record({
      requestId,
      method: c.req.method,
      route: routePath(c) || '*', // the pattern; none where nothing is served
      status: answer.status,
      code,
      client: admission.caller?.clientId ?? client,
      durationMs: scope.now().getTime() - startedMs,
      failure,
    })
    return new Response(answer.body, {
      status: answer.status,
      headers: {
        ...headersOf(scope.service.config),
        ...answer.headers,
        ...admission.rateLimit,
        'x-request-id': requestId,
      },
    })
  }
}

/** Within what this process can do: who is not let in is told at once. */
async function gated(
  { gate }: Limits,
  { clientId, role }: Principal,
  { priority = 'single' }: GrantedEndpoint,
  work: () => Promise<Answer>,
): Promise<Answer> {
  if (!gate.enter(clientId, role === 'auditor' ? 'audit' : priority)) throw new ServiceError('overloaded')
  try {
    return await work()
  } finally {
    gate.leave(clientId)
  }
}

/** What every answer bears; its own headers go before. */
export function headersOf({ publicUrl }: Pick<Config, 'publicUrl'>): Readonly<Record<string, string>> {
  return publicUrl.startsWith('https:') ? TLS_HEADERS : JSON_HEADERS
}
