import type { Config } from '../config.ts'
import { ServiceError } from '../errors.ts'
import { headersOf } from './endpoint.ts'
import { toProblem } from './problem.ts'

/** Stands where a request's own id will. */
const NO_ID = '00000000-0000-0000-0000-000000000000'

export interface Unread {
  readonly status: number
  /** Names and values in turn, as Node takes them fastest. */
  readonly headers: readonly string[]
  readonly body: Uint8Array
}

/** `overloaded`, as everywhere, made once: each request only gets its id in it. */
export function unreadRefusal(config: Pick<Config, 'publicUrl'>, oauth: boolean): (requestId: string) => Unread {
  const problem = toProblem(new ServiceError('overloaded'), NO_ID, oauth)
  const whole = Buffer.from(problem.body)
  const at = whole.indexOf(NO_ID)
  const headers = Object.entries({
    ...headersOf(config),
    ...problem.headers,
    'content-length': String(whole.length),
  }).flat()
  return (requestId) => {
    const body = Buffer.from(whole)
    body.write(requestId, at, 'latin1')
    return { status: problem.status, headers: [...headers, 'x-request-id', requestId], body }
  }
}
