import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DataKeys, type DataKeysFile, deriveDataKeys } from '../src/data-keys.ts'
import { open, randomBytesFromPool, SealError, type SealedTable, seal } from '../src/seal.ts'

const DETERMINISTIC = { seed: 38, numRuns: 500 }

const secret = (byte: number) => Buffer.alloc(32, byte).toString('base64')
const file: DataKeysFile = { lookup: secret(1), log: secret(2), seal: { current: 1, generations: { '1': secret(3) } } }
const keys = deriveDataKeys(file)

const table = fc.constantFrom<SealedTable>('coverage', 'entry_detail', 'quarantine')
const subject = fc.stringMatching(/^[0-9a-f]{32}$/)
const plain = fc.string({ unit: 'grapheme', maxLength: 200 })

test('what was sealed opens to the same text', () => {
  fc.assert(
    fc.property(table, subject, plain, (where, whom, text) => {
      expect(open(keys, where, whom, seal(keys, where, whom, text))).toBe(text)
      expect(open(keys, where, whom, seal(keys, where, whom, Buffer.from(text)))).toBe(text)
    }),
    DETERMINISTIC,
  )
})

test('the layout: generation, nonce, ciphertext, tag; opened here by WebCrypto with the key of that generation', async () => {
  const sealed = seal(keys, 'coverage', 'ab'.repeat(16), 'Nguyễn Văn An')
  expect(sealed[0]).toBe(1)
  expect(sealed).toHaveLength(1 + 12 + Buffer.byteLength('Nguyễn Văn An') + 16)
  const root = await crypto.subtle.importKey('raw', Buffer.alloc(32, 3), 'HKDF', false, ['deriveKey'])
  const key = await crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: Buffer.from('kiemthe/1/seal/1') },
    root,
    { name: 'AES-GCM', length: 256 },
    false,
    ['decrypt'],
  )
  const opened = await crypto.subtle.decrypt(
    { name: 'AES-GCM', iv: sealed.subarray(1, 13), additionalData: Buffer.from(`coverage:${'ab'.repeat(16)}`) },
    key,
    sealed.subarray(13),
  )
  expect(Buffer.from(opened).toString()).toBe('Nguyễn Văn An')
})

test('a text sealed by the first release still opens: a change here would lose every row', () => {
  const kept = Buffer.from(GOLDEN, 'base64')
  expect(open(keys, 'coverage', '0123456789abcdef0123456789abcdef', kept)).toBe('["038090001234","Nguyễn Văn An"]')
})
const GOLDEN = 'AV1ZfIZeLHsrUNOeHwoHLjH1hxB5XpPygKs3CWRh0BdPq/ycTXqZdH9wGkdElt71sI351ZoFc4TF1BkyZi5TMg=='

describe('does not open', () => {
  test('for another subject', () => {
    fc.assert(
      fc.property(table, subject, subject, plain, (where, mine, other, text) => {
        fc.pre(mine !== other)
        expect(() => open(keys, where, other, seal(keys, where, mine, text))).toThrow(SealError)
      }),
      DETERMINISTIC,
    )
  })

  test('in another table', () => {
    fc.assert(
      fc.property(table, table, subject, plain, (mine, other, whom, text) => {
        fc.pre(mine !== other)
        expect(() => open(keys, other, whom, seal(keys, mine, whom, text))).toThrow(SealError)
      }),
      DETERMINISTIC,
    )
  })

  test('with any one bit flipped', () => {
    const sealed = seal(keys, 'coverage', 's', 'Trần Thị B')
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => open(keys, 'coverage', 's', changed)).toThrow(SealError)
    }
  })

  test('cut short or made longer, down to nothing', () => {
    const sealed = seal(keys, 'coverage', 's', 'Trần Thị B')
    for (let length = 0; length < sealed.length; length++) {
      expect(() => open(keys, 'coverage', 's', sealed.subarray(0, length))).toThrow(SealError)
    }
    expect(() => open(keys, 'coverage', 's', Buffer.concat([sealed, Buffer.of(0)]))).toThrow(SealError)
  })

  test('under a generation whose key is not here, and the error tells nothing', () => {
    const sealed = seal(keys, 'coverage', 's', 'Trần Thị B')
    sealed[0] = 2
    expect(() => open(keys, 'coverage', 's', sealed)).toThrow('sealed under an unknown key')
  })

  test('under the key of another file', () => {
    const others = deriveDataKeys({ ...file, seal: { current: 1, generations: { '1': secret(9) } } })
    expect(() => open(others, 'coverage', 's', seal(keys, 'coverage', 's', 'x'))).toThrow(SealError)
  })

  test('and one who tries with random bytes learns nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(() => open(keys, 'coverage', 's', bytes)).toThrow(SealError)
      }),
      DETERMINISTIC,
    )
  })
})

test('a new generation seals, the old one still opens', () => {
  const old = seal(keys, 'coverage', 's', 'before')
  const renewed = deriveDataKeys({ ...file, seal: { current: 2, generations: { '1': secret(3), '2': secret(4) } } })
  expect(open(renewed, 'coverage', 's', old)).toBe('before')
  const fresh = seal(renewed, 'coverage', 's', 'after')
  expect(fresh[0]).toBe(2)
  expect(open(renewed, 'coverage', 's', fresh)).toBe('after')
  expect(() => open(keys, 'coverage', 's', fresh)).toThrow(SealError)
})

test('without a key of its current generation nothing is sealed', () => {
  const broken: DataKeys = { ...keys, sealGeneration: 7 }
  expect(() => seal(broken, 'coverage', 's', 'x')).toThrow(SealError)
})

test('the same text is never sealed to the same bytes: 20,000 nonces, all different', () => {
  const nonces = new Set<string>()
  for (let i = 0; i < 20_000; i++) nonces.add(seal(keys, 'coverage', 's', '').subarray(1, 13).toString('hex'))
  expect(nonces.size).toBe(20_000)
})

test('the pool gives bytes of their own, also across its end, of any length up to its size', () => {
  const taken = Array.from({ length: 3_000 }, (_, i) => randomBytesFromPool(1 + (i % 64)))
  for (const [i, bytes] of taken.entries()) expect(bytes).toHaveLength(1 + (i % 64))
  // of 64 bytes each no two agree, and nothing that was handed out is wiped or written again
  const copies = taken.map((bytes) => bytes.toString('hex'))
  for (let i = 0; i < 1_000; i++) randomBytesFromPool(64)
  expect(taken.map((bytes) => bytes.toString('hex'))).toEqual(copies)
  const long = copies.filter((text) => text.length >= 32)
  expect(new Set(long).size).toBe(long.length)
  expect(randomBytesFromPool(16_384)).toHaveLength(16_384)
})
