import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { openDesk, running, token, world } from '../support/desk.ts'
import { asking, expectRefused, logState, MARK, record, scan, secretsOf, send, sendRaw } from './http-support.ts'

const someone = record()
const secrets = secretsOf(someone)
const good = asking(scan(someone))
const text = JSON.stringify(good)
const KIB = 1024

openDesk([someone])

async function expectAnswered(body: unknown, headers: Record<string, string> = {}) {
  const before = await logState(world)
  const reply = await send(running.url, { token, body, headers })
  expect({ status: reply.status, code: reply.json.code }).toEqual({ status: 200, code: 'valid' })
  expect((await logState(world)).size).toBe(before.size + 1)
}

describe('a member that stands twice would be read in two ways', () => {
  const twice: Record<string, string> = {
    'at the top': text.replace('{', `{"purpose":"during",`),
    'with equal values': text.replace('{', `{"purpose":"arrival",`),
    'three times': text.replace('{', `{"purpose":"end","purpose":"during",`),
    'inside evidence': text.replace('"kind"', `"text":"${MARK}","kind"`),
    'inside visit': text.replace('{', `{"visit":{"visitId":"1","visitId":"${MARK}"},`),
    'written with an escape': text.replace('{', `{"\\u0070urpose":"during",`),
    'written with an escape inside evidence': text.replace('"kind"', `"te\\u0078t":"${MARK}","kind"`),
    'a whole object twice': text.replace('{', `{"evidence":{"kind":"chipIdQr","text":"${MARK}"},`),
    'an object twice, the first one empty': text.replace('{', `{"evidence":{},`),
    'behind a text that ends in a backslash': text.replace('{', `{"officer":"\\\\","purpose":"during",`),
    'behind a text with a quote': text.replace('{', `{"officer":"\\"","purpose":"during",`),
    'an unknown one twice': text.replace('{', `{"${MARK}":1,"${MARK}":2,`),
    'with white space around its colon': text.replace('{', `{"purpose"\n \t: "during",`),
    'the empty name': text.replace('{', `{"":1,"":2,`),
  }
  for (const [name, body] of Object.entries(twice)) {
    test(name, async () => {
      await expectRefused(world, running, { token, body }, { status: 400, code: 'duplicate_member' }, secrets)
    })
  }
  test('__proto__ twice', async () => {
    const body = text.replace('{', `{"__proto__":{},"__proto__":{},`)
    const wanted = { status: 400, code: 'invalid_request', at: '', issue: 'member_unknown' } as const
    await expectRefused(world, running, { token, body }, wanted, secrets)
  })
})

describe('a text that only looks like a second member would be refused', () => {
  const officers = [
    ':',
    '::::',
    '"purpose":"during"',
    '\\',
    '\\\\":',
    '":{}',
    '\\u0022:',
    '{"purpose":"x","purpose":"y"}',
    '\\"purpose\\":',
    '\u0000:\u001f"',
  ]
  for (const officer of officers) {
    test(JSON.stringify(officer), async () => {
      await expectAnswered({ ...good, officer })
    })
  }
  test('one member name on two levels', async () => {
    await expectAnswered({ ...good, visit: { visitId: 'purpose' }, officer: 'visitId' })
  })
  test('solidus and letters written as escapes', async () => {
    await expectAnswered(text.replace('"arrival"', '"\\u0061rrival"').replace('"purpose"', '"\\u0070urpose"'))
  })
  test('white space wherever JSON allows it', async () => {
    await expectAnswered(
      `\n\t ${JSON.stringify(good, null, '\t').replaceAll(':', ' :\r\n ')} \r\n`.replaceAll(' :\r\n "', ' : "'),
    )
  })
})

describe('nesting without end would be walked', () => {
  const nestings: Record<string, string> = {
    'arrays, 100,000 deep': '['.repeat(100_000) + ']'.repeat(100_000),
    'objects, 40,000 deep': `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`,
    'arrays that never end': '['.repeat(200_000),
    'arrays in an optional member': text.replace('{', `{"officer":${'['.repeat(5000)}${']'.repeat(5000)},`),
    'seventeen levels': text.replace('{', `{"officer":${'['.repeat(17)}${']'.repeat(17)},`),
  }
  for (const [name, body] of Object.entries(nestings)) {
    test(name, async () => {
      await expectRefused(world, running, { token, body }, { status: 400, code: 'invalid_json' }, secrets)
    })
  }
})

describe('another encoding would be read as UTF-8', () => {
  const utf16 = Buffer.from(text, 'utf16le')
  const cases: [string, Uint8Array, 'invalid_utf8' | 'invalid_json'][] = [
    [
      'windows-1258 letters',
      Buffer.from(text.replace('Khánh', 'Kh\xe1nh').replace(/[^\0-\xff]/g, ''), 'latin1'),
      'invalid_utf8',
    ],
    ['a byte that UTF-8 never has', withBytes(0xff), 'invalid_utf8'],
    ['a lone continuation byte', withBytes(0x80), 'invalid_utf8'],
    ['a sequence that was cut off', withBytes(0xe1, 0xba), 'invalid_utf8'],
    ['an overlong slash', withBytes(0xc0, 0xaf), 'invalid_utf8'],
    ['a surrogate in three bytes', withBytes(0xed, 0xa0, 0x80), 'invalid_utf8'],
    ['a code point past the last one', withBytes(0xf5, 0x80, 0x80, 0x80), 'invalid_utf8'],
    ['UTF-16 with its mark', Buffer.concat([Buffer.of(0xff, 0xfe), utf16]), 'invalid_utf8'],
    [
      'UTF-16 big endian with its mark',
      Buffer.concat([Buffer.of(0xfe, 0xff), Buffer.from(utf16).swap16()]),
      'invalid_utf8',
    ],
    ['UTF-16 without a mark, ASCII only', Buffer.from('{"evidence":{}}', 'utf16le'), 'invalid_json'],
    ['a compressed body', gzipSync(text), 'invalid_utf8'],
    [
      'two marks of UTF-8',
      Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf), Buffer.from(text)]),
      'invalid_json',
    ],
  ]
  for (const [name, body, code] of cases) {
    test(name, async () => {
      await expectRefused(world, running, { token, body }, { status: 400, code }, secrets)
    })
  }
  test('one mark of UTF-8, which RFC 8259 lets a parser ignore, would be refused', async () => {
    await expectAnswered(Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(text)]))
  })
})

/** The good body with these bytes in the address, which nothing reads. */
function withBytes(...bytes: number[]): Uint8Array {
  const [before, after] = text.split('Quảng') as [string, string]
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
}

describe('a body past its bound would be read', () => {
  const padded = (bytes: number) => text + ' '.repeat(bytes - Buffer.byteLength(text))
  const tooLarge = { status: 413, code: 'body_too_large' } as const

  test('300 KB, announced', async () => {
    const reply = await expectRefused(world, running, { token, body: padded(300_000) }, tooLarge, secrets)
    expect(reply.json.detail).toBe('at most 262144 bytes')
    expect(reply.headers.get('connection')).toBe('close')
  })
  test('300 KB in chunks, without a content-length', async () => {
    const reply = await expectRefused(world, running, { token, body: chunks(padded(300_000)) }, tooLarge, secrets)
    expect(reply.headers.get('connection')).toBe('close')
  })
  test('chunks that never end', async () => {
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * KIB).fill(0x20)),
    })
    await expectRefused(world, running, { token, body: endless }, tooLarge, secrets)
  })
  test('one byte too many', async () => {
    await expectRefused(world, running, { token, body: padded(256 * KIB + 1) }, tooLarge, secrets)
    await expectRefused(world, running, { token, body: chunks(padded(256 * KIB + 1)) }, tooLarge, secrets)
  })
  test('256 KiB, announced or in chunks, would be refused', async () => {
    await expectAnswered(padded(256 * KIB))
    await expectAnswered(chunks(padded(256 * KIB)))
  })
  test('a good body in chunks of one byte would be refused', async () => {
    await expectAnswered(chunks(text, 1))
  })
  test('an empty body in chunks would be answered', async () => {
    const wanted = { status: 400, code: 'invalid_json' } as const
    await expectRefused(world, running, { token, body: chunks('') }, wanted, secrets)
  })
})

function chunks(body: string, size = 16 * KIB): ReadableStream {
  const bytes = Buffer.from(body)
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.subarray(at, at + size))
      at += size
    },
  })
}

describe('a body of another media type would be read as JSON', () => {
  const types = [
    '',
    'text/plain',
    'text/json',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json-seq',
    'application/problem+json',
    'xapplication/json',
    'application/json, text/plain',
  ]
  for (const type of types) {
    test(`"${type}"`, async () => {
      const request = { token, body: text, headers: { 'content-type': type } }
      const wanted = { status: 415, code: 'unsupported_media_type' } as const
      const reply = await expectRefused(world, running, request, wanted, secrets)
      expect(reply.json.detail).toBe('application/json')
    })
  }
  test('no content-type at all', async () => {
    const from = running.log.length
    const before = await logState(world)
    const head = `POST /v1/verifications HTTP/1.1\nHost: x\nConnection: close\nAuthorization: Bearer ${token}\n`
    const answer = await sendRaw(running, `${head}Content-Length: ${Buffer.byteLength(text)}\n\n`, text)
    expect(answer).toMatch(/^HTTP\/1\.1 415 /)
    expect(answer).toContain('"code":"unsupported_media_type"')
    expect(await logState(world)).toEqual(before)
    await expect.poll(() => running.log.length).toBe(from + 1)
  })
  test('the right one in other spellings would be refused', async () => {
    for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json ;charset="UTF-8"']) {
      await expectAnswered(text, { 'content-type': type })
    }
  })
})

test('an upload that breaks off would count as a failure of ours', async () => {
  const from = running.log.length
  const before = await logState(world)
  const { connect } = await import('node:net')
  await new Promise<void>((resolve) => {
    const socket = connect(running.server.port, '127.0.0.1', () => {
      socket.write(
        `POST /v1/verifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text.slice(0, 40)}`,
        () => socket.destroy(),
      )
    })
    socket.on('close', () => resolve())
  })
  // workerd's lines come late: those of answers before may be among them
  const told = () => running.log.slice(from).map((line) => JSON.parse(line))
  const refusals = () => told().filter((each) => each.status !== 200)
  await expect.poll(() => refusals().length).toBe(1)
  expect(refusals()[0]).toMatchObject({ status: 400, failure: null })
  expect(await logState(world)).toEqual(before)
})
