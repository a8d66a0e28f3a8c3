import { describe, expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { toProblem } from '../../src/http/problem.ts'
import { unreadRefusal } from '../../src/http/unread.ts'

const ids = ['0f8fad5b-d9cb-469f-a165-70867728950e', '7c9e6679-7425-40de-944b-e07fc1f90ae7'] as const

describe.each([false, true])('a refusal that was made once (oauth: %s)', (oauth) => {
  const make = unreadRefusal({ publicUrl: 'https://kiemthe.test' }, oauth)

  test('would say something else than the same refusal elsewhere, or carry another one’s id', () => {
    const made = ids.map((id) => [id, make(id)] as const)
    for (const [id, { status, headers, body }] of made) {
      const problem = toProblem(new ServiceError('overloaded'), id, oauth)
      expect(status).toBe(503)
      expect(Buffer.from(body, 'latin1').toString()).toBe(problem.body)
      const named = Object.fromEntries(headers.flatMap((name, i) => (i % 2 ? [] : [[name, headers[i + 1]]])))
      expect(named).toEqual({
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'strict-transport-security': 'max-age=63072000',
        'retry-after': '1',
        'content-length': String(Buffer.byteLength(problem.body)),
        'x-request-id': id,
      })
    }
  })
})
