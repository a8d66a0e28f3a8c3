import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ServiceError } from '../../src/errors.ts'
import { BODY_BYTES_MAX, readIdempotencyKey, readJson } from '../../src/http/request.ts'
import { verificationRequestSchema } from '../../src/verification/request.ts'

/** What a request's body is read as: its value, or the code and faults of its refusal. */
async function read(init: RequestInit, schema: z.ZodType = z.strictObject({ a: z.string().max(5).optional() })) {
  const app = new Hono()
  app.post('/', async (c) => {
    try {
      return c.json(await readJson(c, schema))
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      return c.json({ code: error.code, detail: error.detail, faults: error.faults })
    }
  })
  const response = await app.request('/', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...init,
  } as RequestInit)
  expect(response.status).toBe(200)
  return (await response.json()) as Read
}

interface Read {
  readonly text?: string
  readonly value?: unknown
  readonly code?: string
  readonly detail?: string | null
  readonly faults?: readonly { readonly pointer: string; readonly issue: string }[]
}

function streamed(...parts: (string | Uint8Array)[]): RequestInit {
  const body = new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(typeof part === 'string' ? Buffer.from(part) : part)
      controller.close()
    },
  })
  return { body, duplex: 'half' } as RequestInit
}

test('the text that came, byte for byte, and what it says', async () => {
  const text = '{ "a":\t"ă" }'
  expect(await read({ body: text })).toEqual({ text, value: { a: 'ă' } })
  expect(await read(streamed('{ "a":\t"', 'ă" }'))).toEqual({ text, value: { a: 'ă' } })
})

describe('the media type', () => {
  test.each(['application/json', 'APPLICATION/JSON', 'application/json; charset=utf-8', 'application/json ;x=y'])(
    '%s is taken',
    async (type) => {
      expect(await read({ body: '{}', headers: { 'content-type': type } })).toMatchObject({ value: {} })
    },
  )

  test.each(['text/json', 'application/jsonp', 'application/json+x', 'text/plain; application/json', ''])(
    '%j is not',
    async (type) => {
      expect(await read({ body: '{}', headers: { 'content-type': type } })).toMatchObject({
        code: 'unsupported_media_type',
        detail: 'application/json',
      })
    },
  )
})

describe('the bytes', () => {
  test.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a character cut off', [0x22, 0xc4]],
    ['UTF-16', [0xff, 0xfe, 0x22, 0x00]],
  ])('%s is not UTF-8', async (_, bytes) => {
    expect(await read({ body: Uint8Array.from(bytes) })).toMatchObject({ code: 'invalid_utf8' })
    expect(await read(streamed(Uint8Array.from(bytes)))).toMatchObject({ code: 'invalid_utf8' })
  })

  test('a letter cut in two by the network is one letter', async () => {
    const bytes = Buffer.from('{"a":"ậ"}')
    expect(await read(streamed(bytes.subarray(0, 8), bytes.subarray(8)))).toMatchObject({ value: { a: 'ậ' } })
  })

  test('at the limit they are read, one more is refused, however they come', async () => {
    const fits = `{"a":"x"}${' '.repeat(BODY_BYTES_MAX - 9)}`
    expect(await read(streamed(fits))).toMatchObject({ value: { a: 'x' } })
    expect(await read({ body: fits, headers: sized(fits.length) })).toMatchObject({ value: { a: 'x' } })
    const refused = { code: 'body_too_large', detail: 'at most 262144 bytes' }
    expect(await read(streamed(fits, ' '))).toMatchObject(refused)
    expect(await read({ body: `${fits} `, headers: sized(fits.length + 1) })).toMatchObject(refused)
  })

  test('a route may set a limit of its own', async () => {
    const app = new Hono()
    app.post('/', (c) =>
      readJson(c, z.unknown(), 4).then(
        ({ text }) => c.text(text),
        (error: ServiceError) => c.text(`${error.code}: ${error.detail}`),
      ),
    )
    const ask = async (body: string) => {
      const headers = { 'content-type': 'application/json' }
      return (await app.request('/', { method: 'POST', body, headers })).text()
    }
    expect(await ask('1234')).toBe('1234')
    expect(await ask('12345')).toBe('body_too_large: at most 4 bytes')
  })

  test('no body at all is no JSON', async () => {
    expect(await read({})).toMatchObject({ code: 'invalid_json' })
  })
})

function sized(length: number) {
  return { 'content-type': 'application/json', 'content-length': String(length) }
}

describe('faults of a verification request: a pointer and a code, never a value', () => {
  const good = {
    evidence: { kind: 'chipIdTyped', number: '038090001234', fullName: 'Nguyễn Văn An', dateOfBirth: '1990-01-15' },
    serviceDate: '2026-11-24',
    purpose: 'arrival',
  }

  const faultsOf = async (body: unknown) =>
    (await read({ body: JSON.stringify(body) }, verificationRequestSchema)).faults

  test('none', async () => {
    expect(await faultsOf(good)).toBeUndefined()
    const all = {
      ...good,
      visit: { visitId: '38001-2411-0042', route: '1.10', inpatient: false },
      officer: 'NV-0042',
      registryConsent: { method: 'signedForm', reference: 'P-1', givenAt: '2026-11-24T03:00:00Z' },
      portalAnswer: { askedAt: '2026-11-24T10:00:00+07:00', code: '000', digest: 'x' },
    }
    expect(await faultsOf(all)).toBeUndefined()
  })

  test.each([
    ['no object', [], [['', 'member_type']]],
    ['null', null, [['', 'member_type']]],
    [
      'nothing in it',
      {},
      [
        ['/evidence', 'member_missing'],
        ['/serviceDate', 'member_missing'],
        ['/purpose', 'member_missing'],
      ],
    ],
    ['an unknown member', { ...good, hoTen: 'An' }, [['', 'member_unknown']]],
    [
      'an unknown member of evidence',
      { ...good, evidence: { ...good.evidence, sex: 'male' } },
      [['/evidence', 'member_unknown']],
    ],
    ['evidence without a kind', { ...good, evidence: {} }, [['/evidence/kind', 'member_missing']]],
    ['a kind nobody knows', { ...good, evidence: { kind: 'palm' } }, [['/evidence/kind', 'member_value']]],
    ['a number for a text', { ...good, serviceDate: 20261124 }, [['/serviceDate', 'member_type']]],
    ['null for a text', { ...good, officer: null }, [['/officer', 'member_type']]],
    [
      'a long name',
      { ...good, evidence: { ...good.evidence, fullName: 'A'.repeat(256) } },
      [['/evidence/fullName', 'member_too_long']],
    ],
    [
      'an empty name',
      { ...good, evidence: { ...good.evidence, fullName: '' } },
      [['/evidence/fullName', 'member_too_short']],
    ],
    ['a purpose nobody has', { ...good, purpose: 'curiosity' }, [['/purpose', 'member_value']]],
    ['a route that is a number', { ...good, visit: { visitId: 'v', route: 1.1 } }, [['/visit/route', 'member_type']]],
    [
      'a portal code of four',
      { ...good, portalAnswer: { askedAt: '2026-11-24T03:00:00Z', code: '0000', digest: 'x' } },
      [['/portalAnswer/code', 'member_value']],
    ],
    [
      'a time without a zone',
      { ...good, portalAnswer: { askedAt: '2026-11-24T03:00:00', code: '000', digest: 'x' } },
      [['/portalAnswer/askedAt', 'member_value']],
    ],
    ['half a character', { ...good, officer: '\ud83d' }, [['/officer', 'member_value']]],
  ])('%s', async (_, body, faults) => {
    expect(await faultsOf(body)).toEqual((faults as [string, string][]).map(([pointer, issue]) => ({ pointer, issue })))
  })

  test('at most 20 are named', async () => {
    const schema = z.array(z.string())
    const { faults } = await read({ body: JSON.stringify(Array.from({ length: 50 }, (_, i) => i)) }, schema)
    expect(faults).toHaveLength(20)
  })

  test('a pointer is written as RFC 6901 says', async () => {
    const schema = z.record(z.string(), z.string())
    const { faults } = await read({ body: '{"a/b~c":1}' }, schema)
    expect(faults).toEqual([{ pointer: '/a~1b~0c', issue: 'member_type' }])
  })
})

describe('the Idempotency-Key', () => {
  async function keyOf(value: string | null): Promise<string | null> {
    const app = new Hono()
    app.post('/', (c) => {
      try {
        return c.json({ key: readIdempotencyKey(c) })
      } catch (error) {
        return c.json({ key: (error as ServiceError).code })
      }
    })
    const response = await app.request('/', {
      method: 'POST',
      headers: value === null ? {} : { 'idempotency-key': value },
    })
    return ((await response.json()) as { key: string | null }).key
  }

  test.each([null, 'a', '~'.repeat(64), '!"#$%&()*+,-./', '3fe45c58-36e3-428f-9abc-b5bc59c4c15d'])(
    '%j',
    async (key) => {
      expect(await keyOf(key)).toBe(key)
    },
  )

  test.each(['', 'a b', 'a'.repeat(65), '\u00e9', 'a\tb'])('%j is none', async (key) => {
    expect(await keyOf(key)).toBe('idempotency_key_invalid')
  })
})
