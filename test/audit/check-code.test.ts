import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CheckedDeed, checkCode, isCheckCodeOf, readCheckCode } from '../../src/audit/check-code.ts'
import { deriveDataKeys, type Pseudonym } from '../../src/data-keys.ts'

const secret = (byte: number) => Buffer.alloc(32, byte).toString('base64')
const keys = deriveDataKeys({
  lookup: secret(1),
  log: secret(2),
  seal: { current: 1, generations: { '1': secret(3) } },
})

const DETERMINISTIC = { seed: 38, numRuns: 1_000 }
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const INDEX_MAX = 2 ** 35 - 1
/** Letters that people write for digits, and small letters: the same code. */
const WRITTEN_AS: Readonly<Record<string, string>> = { '0': 'Oo', '1': 'IiLl' }

const deed: CheckedDeed = {
  logId: 1,
  index: 123,
  facility: '38001',
  person: 'a30969d2f2e0c3e7cf0511a525f237d7' as Pseudonym,
}

const anyDeed: fc.Arbitrary<CheckedDeed> = fc.record({
  logId: fc.integer({ min: 1, max: 9 }),
  index: fc.oneof(
    fc.integer({ min: 0, max: 5_000 }),
    fc.maxSafeNat().map((n) => n % (INDEX_MAX + 1)),
  ),
  facility: fc.stringMatching(/^\d{2}[0-9A-Z]{3}$/),
  person: fc.stringMatching(/^[0-9a-f]{32}$/).map((text) => text as Pseudonym),
})

test('pinned, computed apart: codes quoted in claims must be readable for years', () => {
  expect(checkCode(keys, deed)).toBe('00000-3VMMG')
})

test('a code names its index and is known by its facility and person', () => {
  fc.assert(
    fc.property(anyDeed, (any) => {
      const code = checkCode(keys, any)
      expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/)
      expect(readCheckCode(code)?.index).toBe(any.index)
      expect(isCheckCodeOf(keys, code, any)).toBe(true)
    }),
    DETERMINISTIC,
  )
})

test('read as people write it: small letters, no hyphen, hyphens elsewhere, O for 0, I and L for 1', () => {
  fc.assert(
    fc.property(anyDeed, fc.infiniteStream(fc.nat()), (any, choices) => {
      const code = checkCode(keys, any)
      const written = [...code].map((char) => {
        const forms = char === '-' ? ['', '-', '--'] : [char, char.toLowerCase(), ...(WRITTEN_AS[char] ?? '')]
        return forms[(choices.next().value ?? 0) % forms.length]
      })
      expect(isCheckCodeOf(keys, written.join(''), any)).toBe(true)
    }),
    DETERMINISTIC,
  )
})

describe('a changed code', () => {
  /** All codes that differ from `code` in one place and are not just another way to write it. */
  function* changes(code: string): Generator<string> {
    for (let i = 0; i < code.length; i++) {
      if (code[i] === '-') continue
      for (const char of CROCKFORD) if (char !== code[i]) yield code.slice(0, i) + char + code.slice(i + 1)
    }
  }

  test('is never the code of the same deed', () => {
    for (let index = 0; index < 100; index++) {
      const one = { ...deed, index: index * 7 }
      for (const changed of changes(checkCode(keys, one))) {
        if (readCheckCode(changed) === null) throw new Error(`${changed} is a code of another deed, not no code`)
        if (isCheckCodeOf(keys, changed, one)) throw new Error(`${changed} passes for index ${one.index}`)
      }
    }
  })

  test('that names another entry passes for it once in 2^15 tries, not more', () => {
    // 600 codes, 217 changes of the index part each, checked against the entry they name (of the same facility and
    // person: the worst case). 130,200 tries: about 4 pass by chance; these keys and deeds are fixed, so is the count.
    let tries = 0
    let passed = 0
    for (let i = 0; i < 600; i++) {
      const code = checkCode(keys, { ...deed, index: i * 1_000 })
      for (const changed of changes(code)) {
        const read = readCheckCode(changed)
        if (read === null || read.index === i * 1_000) continue
        tries++
        if (isCheckCodeOf(keys, changed, { ...deed, index: read.index })) passed++
      }
    }
    expect(tries).toBe(130_200)
    expect(passed).toBeLessThan(12) // mean 4.0; 12 or more has a probability of 0.001
  })

  test.each([
    ['another facility', { facility: '38002' }],
    ['another person', { person: 'b'.repeat(32) as Pseudonym }],
    ['another log', { logId: 2 }],
    ['another index', { index: 124 }],
  ])('an unchanged one does not pass for %s', (_, over) => {
    expect(isCheckCodeOf(keys, checkCode(keys, deed), { ...deed, ...over })).toBe(false)
  })

  test('keys of another service do not know it', () => {
    const others = deriveDataKeys({
      lookup: secret(1),
      log: secret(9),
      seal: { current: 1, generations: { '1': secret(3) } },
    })
    expect(isCheckCodeOf(others, checkCode(keys, deed), deed)).toBe(false)
  })
})

test('the MAC is spread over its 15 bits: 20,000 codes of one person hit 46 % of them, as chance would', () => {
  const macs = new Set<number>()
  for (let index = 0; index < 20_000; index++) {
    const read = readCheckCode(checkCode(keys, { ...deed, index }))
    if (read !== null) macs.add(read.mac)
  }
  const expected = 2 ** 15 * (1 - Math.exp(-20_000 / 2 ** 15))
  expect(Math.abs(macs.size - expected)).toBeLessThan(400)
})

test.each([
  '',
  '-',
  '00000-3VMM',
  '00000-3VMMGG',
  '00000-3VMMU', // U is not in the alphabet
  '00000 3VMMG',
  '00000-3VMM*',
  '00000-3VMMǴ',
  '０００００-3VMMG',
  '038090001234',
])('%j is no check code', (text) => {
  expect(readCheckCode(text)).toBeNull()
  expect(isCheckCodeOf(keys, text, deed)).toBe(false)
})

test('never throws, and what it reads lies within its bits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
      const read = readCheckCode(text)
      if (read === null) return
      expect(read.index).toBeGreaterThanOrEqual(0)
      expect(read.index).toBeLessThanOrEqual(INDEX_MAX)
      expect(read.mac).toBeLessThan(2 ** 15)
    }),
    DETERMINISTIC,
  )
})

test('the last index that fits, and the first that does not', () => {
  const last = { ...deed, index: INDEX_MAX }
  expect(readCheckCode(checkCode(keys, last))?.index).toBe(INDEX_MAX)
  expect(() => checkCode(keys, { ...deed, index: INDEX_MAX + 1 })).toThrow(RangeError)
})
