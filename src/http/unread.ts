import type { Config } from '../config.ts'
import { ServiceError } from '../errors.ts'
import { headersOf } from './endpoint.ts'
import { toProblem } from './problem.ts'

/** Stands where a request's own id will. */
const NO_ID = '00000000-0000-0000-0000-000000000000'

export interface Unread {
  readonly status: number
  /** Names and values in turn, as Node takes them fastest; the caller's to add to. */
  readonly headers: string[]
  /** A character a byte (`latin1`): Node writes a text in one piece with its head, a tenth less work than with bytes beside it. */
  readonly body: string
}

/** `overloaded`, as everywhere, made once: each request only gets its id in it. */
export function unreadRefusal(config: Pick<Config, 'publicUrl'>, oauth: boolean): (requestId: string) => Unread {
  const problem = toProblem(new ServiceError('overloaded'), NO_ID, oauth)
  const whole = Buffer.from(problem.body).toString('latin1')
  const [before = '', behind = ''] = whole.split(NO_ID)
  const headers = Object.entries({
    ...headersOf(config),
    ...problem.headers,
    'content-length': String(whole.length),
  }).flat()
  return (requestId) => ({
    status: problem.status,
    headers: [...headers, 'x-request-id', requestId],
    body: before + requestId + behind,
  })
}
