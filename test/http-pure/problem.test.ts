import { describe, expect, test } from 'vitest'
import { ERROR_CODES, type ErrorCode, type FieldIssue, ServiceError } from '../../src/errors.ts'
import { oauthProblemSchema } from '../../src/http/contract/problem.ts'
import { FIELD_ISSUES } from '../../src/http/field-issue-text.ts'
import { toProblem } from '../../src/http/problem.ts'
import { PROBLEMS } from '../../src/http/problem-text.ts'
import { EVIDENCE_ISSUES } from '../../src/identity/evidence-issue.ts'

const REQUEST_ID = '3fe45c58-36e3-428f-9abc-b5bc59c4c15d'
const COPY_OF_PAPERS = /bản sao|sao y|photo|phô ?tô|bản chụp/i
const VIETNAMESE = /[\u00C0-\u01B0\u1EA0-\u1EF9]/i

const codes = Object.keys(PROBLEMS) as ErrorCode[]
const issues = Object.keys(FIELD_ISSUES) as FieldIssue[]

function problem(error: unknown) {
  const { body, ...rest } = toProblem(error, REQUEST_ID)
  return { ...rest, body: JSON.parse(body) }
}

test('each error code has a row and each row a code', () => {
  expect([...codes].sort()).toEqual([...ERROR_CODES].sort())
})

test('each issue of evidence has its texts', () => {
  expect(issues).toEqual(expect.arrayContaining([...EVIDENCE_ISSUES]))
})

test.each([...codes.map((code) => [code, PROBLEMS[code]]), ...issues.map((issue) => [issue, FIELD_ISSUES[issue]])] as [
  string,
  { desk: string; integrator: string },
][])('%s: two texts in NFC, one for each reader, none asks for a copy of papers', (_, { desk, integrator }) => {
  for (const text of [desk, integrator]) {
    expect(text).toMatch(/^\S.*[.?)]$/u)
    expect(text).toBe(text.normalize('NFC'))
  }
  expect(desk).toMatch(VIETNAMESE)
  expect(integrator.replace(/NĐ|QĐ/g, '')).not.toMatch(VIETNAMESE)
  expect(desk).not.toMatch(COPY_OF_PAPERS)
})

test('an outage of ours never sends a patient away', () => {
  for (const code of codes) {
    if (PROBLEMS[code].status >= 500) expect(PROBLEMS[code].desk).toContain('Vẫn tiếp nhận người bệnh')
  }
})

describe('statuses', () => {
  test('4xx is a wrong request, 5xx is ours; a 503 and a 429 say when to come again, and what is not published yet; nothing else does', () => {
    for (const code of codes) {
      const { status, retryAfterSeconds } = PROBLEMS[code]
      expect([400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 431, 500, 503]).toContain(status)
      expect(retryAfterSeconds !== undefined).toBe(status === 503 || status === 429 || code === 'log_not_published')
    }
  })

  test('a refused credential is a 401, on either side of the token endpoint', () => {
    for (const code of codes) {
      if (code.startsWith('token_')) expect(PROBLEMS[code].status).toBe(401)
      if (code.startsWith('assertion_') && code !== 'assertion_missing') expect(PROBLEMS[code].status).toBe(401)
      if (code.startsWith('client_')) expect(PROBLEMS[code].status).toBe(401)
    }
  })
})

describe('a problem document', () => {
  test.each(codes)('%s: the members of the contract', (code) => {
    const { status, title, desk, integrator } = PROBLEMS[code]
    const got = problem(new ServiceError(code))
    expect(got.status).toBe(status)
    expect(got.headers['content-type']).toBe('application/problem+json')
    expect(got.body).toEqual({
      type: `/docs/problems#${code}`,
      title,
      status,
      code,
      requestId: REQUEST_ID,
      desk,
      integrator,
    })
  })

  test.each(codes)('%s at the token endpoint: the members of RFC 6749 §5.2 too', (code) => {
    const { body } = toProblem(new ServiceError(code), REQUEST_ID, true)
    const problem = oauthProblemSchema.parse(JSON.parse(body))
    expect(problem.error_description).toBe(PROBLEMS[code].integrator)
    if (PROBLEMS[code].oauth !== undefined) expect(problem.error).toBe(PROBLEMS[code].oauth)
  })

  test('detail is said where there is one', () => {
    expect(problem(new ServiceError('scope_missing', { detail: 'verify' })).body.detail).toBe('verify')
  })

  test('faults: a pointer and a code each, with both texts; the first one speaks for the whole', () => {
    const faults = [
      { pointer: '/evidence/number', issue: 'citizen_id_length' },
      { pointer: '/serviceDate', issue: 'service_date_shape' },
    ] as const
    const { body } = problem(new ServiceError('invalid_request', { faults }))
    expect(body.errors).toEqual([
      { pointer: '/evidence/number', code: 'citizen_id_length', ...FIELD_ISSUES.citizen_id_length },
      { pointer: '/serviceDate', code: 'service_date_shape', ...FIELD_ISSUES.service_date_shape },
    ])
    expect(body.desk).toBe(FIELD_ISSUES.citizen_id_length.desk)
    expect(body.integrator).toContain(FIELD_ISSUES.citizen_id_length.integrator)
  })

  test.each([
    ['an error of a library', new Error('duplicate key value: (citizen)=(038090001234)')],
    ['an error of PostgreSQL', Object.assign(new Error('038090001234'), { code: '22P02', detail: '038090001234' })],
    ['a text', '038090001234'],
    ['nothing', undefined],
    ['an object with a status', { status: 400, code: 'invalid_json', message: '038090001234' }],
    ['a fault of ours with a cause', new ServiceError('internal', { cause: new Error('038090001234') })],
  ])('%s: a 500 that tells its request id and nothing else', (_, thrown) => {
    const got = toProblem(thrown, REQUEST_ID)
    expect(got).toMatchObject({ status: 500, code: 'internal' })
    expect(got.body).not.toContain('038090001234')
    expect(Object.keys(JSON.parse(got.body)).sort()).toEqual(
      ['type', 'title', 'status', 'code', 'requestId', 'desk', 'integrator'].sort(),
    )
  })

  test('the cause of a known failure stays inside', () => {
    const got = toProblem(new ServiceError('log_unavailable', { cause: new Error('host db.internal') }), REQUEST_ID)
    expect(JSON.stringify(got)).not.toContain('db.internal')
  })

  test.each([
    ['token_expired', { 'www-authenticate': 'Bearer' }],
    ['overloaded', { 'retry-after': '1' }],
    ['log_outcome_unknown', { 'retry-after': '2' }],
    ['body_too_large', { connection: 'close' }],
  ] as const)('%s: its headers', (code, headers) => {
    expect(problem(new ServiceError(code)).headers).toEqual({ 'content-type': 'application/problem+json', ...headers })
  })

  test('a 405 names the methods that are taken', () => {
    const got = problem(new ServiceError('method_not_allowed', { detail: 'GET, POST' }))
    expect(got.headers).toMatchObject({ allow: 'GET, HEAD, POST' }) // HEAD is answered as GET (RFC 9110 §9.3.2)
  })
})
