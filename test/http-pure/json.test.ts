import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { parseJson } from '../../src/http/request.ts'

const DETERMINISTIC = { seed: 38, numRuns: 5_000 }

/** The code of the refusal, or null when it was read. */
function refusal(text: string): string | null {
  try {
    parseJson(text)
    return null
  } catch (error) {
    if (error instanceof ServiceError) return error.code
    throw error
  }
}

/** Names and texts made of what could be taken for structure: quotes, backslashes, colons, braces. */
const tricky = fc
  .array(fc.constantFrom('"', '\\', ':', '{', '}', ',', '[', '\\"', 'a', 'ă', '🙂', '\u0000', '\n', '\u2028'), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''))
/** Without a backslash: once V8 has read such a name, it may misread others (nodejs/node#63785; see the last test). */
const member = fc
  .oneof(tricky, fc.string({ maxLength: 5 }), fc.constantFrom('', '0', '1', 'constructor', 'toString'))
  .map((name) => name.replaceAll('\\', ''))
  .filter((name) => name !== '__proto__')
const { value: anyJson } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    tricky,
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc
    .uniqueArray(fc.tuple(member, tie('value')), { maxLength: 4, selector: ([name]) => name })
    .map((members) => Object.fromEntries(members)),
}))

test('whatever JSON.stringify writes is read, and means the same', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      const text = JSON.stringify(value)
      expect(parseJson(text)).toEqual(JSON.parse(text))
    }),
    DETERMINISTIC,
  )
})

test('white space and escapes change nothing', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      expect(parseJson(JSON.stringify(value, null, '\t '))).toEqual(JSON.parse(JSON.stringify(value)))
      // the solidus may be written as an escape; no text here holds another one
      const withSolidus = JSON.stringify(value, (_, part) => (typeof part === 'string' ? `/${part}/` : part))
      expect(parseJson(withSolidus.replaceAll('/', '\\/'))).toEqual(JSON.parse(withSolidus))
    }),
    DETERMINISTIC,
  )
})

test('a member that stands twice is found, wherever it stands and however its name is written', () => {
  const inside = fc.tuple(anyJson, anyJson, member, fc.array(fc.nat(2), { maxLength: 6 }), fc.boolean())
  fc.assert(
    fc.property(inside, ([first, second, name, path, escaped]) => {
      const plain = JSON.stringify(name)
      const again = escaped && name !== '' ? `"${[...name].map(escapedUnits).join('')}"` : plain
      let text = `{${plain}:${JSON.stringify(first)},${again}:${JSON.stringify(second)}}`
      for (const step of path) text = [`[${text}]`, `{"x":${text},"y":[]}`, `[1,{":":${text}},"\\":"]`][step] ?? text
      expect(refusal(text)).toBe('duplicate_member')
    }),
    DETERMINISTIC,
  )
})

function escapedUnits(char: string): string {
  return [...Array(char.length).keys()].map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
}

test('any text is read or refused by one of three codes, and what is read is what JSON.parse reads', () => {
  const pieces = fc
    .array(fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '\\', '"a"', '"b":', '1', 'null', ' ', '\\"', '\\\\'), {
      maxLength: 14,
    })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(pieces, fc.string({ unit: 'binary' }), fc.json()), (text) => {
      const code = refusal(text)
      if (code === null) expect(parseJson(text)).toEqual(JSON.parse(text))
      else expect(['invalid_json', 'duplicate_member', 'invalid_request']).toContain(code)
      let valid = true
      try {
        JSON.parse(text)
      } catch {
        valid = false
      }
      if (!valid) expect(code).toBe('invalid_json')
    }),
    { ...DETERMINISTIC, numRuns: 10_000 },
  )
})

describe('by hand', () => {
  test.each([
    ['{"a":1,"a":1}', 'duplicate_member'],
    ['{"a":1,"\\u0061":2}', 'duplicate_member'],
    ['{"a":{"b":1,"c":2},"a":null}', 'duplicate_member'],
    ['[{"a":1},{"a":1,"b":{"c":1,"c":1}}]', 'duplicate_member'],
    ['{"":1,"":2}', 'duplicate_member'],
    ['{"a":":","b":"\\":"}', null],
    ['"a:b"', null],
    ['{"a":"x\\\\","b":1}', null],
    ['{"1":1,"01":1,"1.0":1}', null],
    ['', 'invalid_json'],
    ['{', 'invalid_json'],
    ["{'a':1}", 'invalid_json'],
    ['{"a":1,}', 'invalid_json'],
    ['{"a":1} {"b":2}', 'invalid_json'],
    ['{"a":01}', 'invalid_json'],
    ['{"a":NaN}', 'invalid_json'],
    ['\ufeff{"a":1}', 'invalid_json'],
    ['// x\n{}', 'invalid_json'],
  ])('%s', (text, code) => {
    expect(refusal(text)).toBe(code)
  })

  test('__proto__ is refused at any depth, and pollutes nothing', () => {
    for (const text of ['{"__proto__":{"x":1}}', '{"a":[{"__proto__":null}]}', '{"\\u005f_proto__":1}']) {
      expect(refusal(text)).toBe('invalid_request')
    }
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  test('nesting has a bound, and hostile nesting is refused without a deep stack', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(refusal(nested(17))).toBeNull()
    expect(refusal(nested(18))).toBe('invalid_json')
    expect(refusal(nested(100_000))).toBe('invalid_json')
    expect(refusal(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)).toBe('invalid_json')
  })

  test('the time for 256 KiB of quotes and backslashes stays that of one pass', () => {
    const began = performance.now()
    expect(refusal(`{"a":"${'\\"'.repeat(130_000)}"}`)).toBeNull()
    expect(refusal(`{"a":"${'\\\\'.repeat(130_000)}"}`)).toBeNull()
    expect(performance.now() - began).toBeLessThan(1_000) // a quadratic pass takes minutes
  })
})

test('V8 may read an escaped name as another one (nodejs/node#63785), but never as a name that a schema has', () => {
  const escapes = ['\\n', '\\"', '\\u0070urpose', 'pur\\u0070ose', '\\u0062', 'x\\t']
  const before = [
    '{"a":1,"\\\\":2}',
    '{"a":1,"\\\\u":2}',
    '{"a":1,"\\\\u0070":2}',
    '{"a":1,"pur\\\\":2}',
    '{"a":1,"pur":2}',
  ]
  for (const text of before) {
    JSON.parse(text)
    for (const escaped of escapes) {
      const [, name] = Object.keys(JSON.parse(`{"a":1,"${escaped}":2}`))
      if (name !== JSON.parse(`"${escaped}"`)) expect(name).toContain('\\')
    }
  }
})
