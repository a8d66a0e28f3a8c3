import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  type DataKeysFile,
  dataKeysSchema,
  deriveDataKeys,
  isHistoryTorn,
  type LookupKey,
  lookupKey,
  mac128,
  nameSince,
  pseudonym,
} from '../src/data-keys.ts'

const secret = (byte: number) => Buffer.alloc(32, byte).toString('base64')
const file: DataKeysFile = { lookup: secret(1), log: secret(2), seal: { current: 1, generations: { '1': secret(3) } } }
const keys = deriveDataKeys(file)

/** HKDF-SHA-256 (RFC 5869) of one block, by hand. */
function hkdf(secretBytes: Buffer, info: string): Buffer {
  const extracted = createHmac('sha256', Buffer.alloc(32)).update(secretBytes).digest()
  return createHmac('sha256', extracted).update(info).update(Buffer.of(1)).digest()
}

function hmac128(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest().subarray(0, 16).toString('hex')
}

describe('the derivation, computed apart and pinned: a change would lose every row and every link', () => {
  const person = 'b8e1cf22aa7d19d196815998b96cd17a'

  test('a lookup key is HMAC-SHA-256 under the lookup secret itself, cut to 128 bits', () => {
    expect(lookupKey(keys, '038090001234')).toBe(person)
    expect(lookupKey(keys, '038090001234')).toBe(hmac128(Buffer.alloc(32, 1), '038090001234'))
  })

  test('a pseudonym is the HMAC of the lookup key under the key of its year', () => {
    expect(pseudonym(keys, 2026, person as LookupKey)).toBe('a30969d2f2e0c3e7cf0511a525f237d7')
    expect(pseudonym(keys, 2026, person as LookupKey)).toBe(
      hmac128(hkdf(Buffer.alloc(32, 2), 'kiemthe/1/pseudonym/2026'), person),
    )
  })

  test.each([
    ['rowTag', hkdf(Buffer.alloc(32, 1), 'kiemthe/1/row-tag'), '13d2900f5c289224c1d947e39d15a24c'],
    ['request', hkdf(Buffer.alloc(32, 2), 'kiemthe/1/request'), '7759e92d4b5ae845f8029096cef8ff0a'],
  ] as const)('%s has a derived key of its own', (name, key, pinned) => {
    expect(mac128(keys[name], 'x')).toBe(pinned)
    expect(mac128(keys[name], 'x')).toBe(hmac128(key, 'x'))
  })

  test('a generation of the seal key is derived from its own secret and number', () => {
    expect(keys.seal.get(1)?.export()).toEqual(hkdf(Buffer.alloc(32, 3), 'kiemthe/1/seal/1'))
  })
})

test('no two uses share a key, not even of one secret', () => {
  const same = deriveDataKeys({
    lookup: secret(7),
    log: secret(7),
    seal: { current: 1, generations: { '1': secret(7) } },
  })
  const uses = [...same.lookup, same.rowTag, same.request, same.checkCode, same.pseudonym(2026), same.pseudonym(2027)]
  // what a key does to one text names it: HMAC keys show themselves in no other way
  const macs = uses.map((key) => key('x'))
  const sealing = [...same.seal.values()].map((key) => createHmac('sha256', key).update('x').digest('hex'))
  const all = [...macs, ...sealing]
  expect(new Set(all).size).toBe(all.length)
})

test('the same person has another pseudonym every year, and the key of a year is made once', () => {
  const person = lookupKey(keys, '038090001234')
  const years = Array.from({ length: 20 }, (_, i) => pseudonym(keys, 2020 + i, person))
  expect(new Set(years).size).toBe(20)
  expect(keys.pseudonym(2026)).toBe(keys.pseudonym(2026))
})

test('a key says nothing of the number: one digit more or less, another key', () => {
  const numbers = ['038090001234', '038090001235', '38090001234', '172000001', '3800012345', '', 'passport:C1234567']
  const found = numbers.map((number) => lookupKey(keys, number))
  for (const key of found) expect(key).toMatch(/^[0-9a-f]{32}$/)
  expect(new Set(found).size).toBe(numbers.length)
})

describe('a name that was kept', () => {
  const chain = (current: number, rotation?: 'added' | 'renamed') => {
    const generations = { '1': secret(1), '2': secret(2), '3': secret(3) }
    const at = '2026-11-24T00:00:00Z'
    return deriveDataKeys({
      ...file,
      lookup: { current, generations, ...(rotation === undefined ? {} : { rotation: { step: rotation, at } }) },
    })
  }

  test('would lead elsewhere after a rotation', () => {
    const number = '038090001234'
    const first = lookupKey(deriveDataKeys({ ...file, lookup: secret(1) }), number)
    expect(nameSince(chain(3), first, 1)).toBe(lookupKey(chain(3), number))
    expect(nameSince(chain(3), lookupKey(chain(3), number), 3)).toBe(lookupKey(chain(3), number))
    expect(nameSince(chain(2, 'added'), first, 1)).toBe(lookupKey(chain(2, 'added'), number))
  })

  test('would be followed while some have the new one', () => {
    expect([chain(3), chain(3, 'renamed'), chain(2, 'added')].map(isHistoryTorn)).toEqual([false, false, true])
  })
})

describe('the file', () => {
  test('is taken as it is made', () => {
    expect(dataKeysSchema.parse(file)).toEqual(file)
  })

  test.each([
    ['a short secret', { ...file, lookup: Buffer.alloc(31).toString('base64') }],
    ['a long secret', { ...file, log: Buffer.alloc(33).toString('base64') }],
    ['a secret that is not base64', { ...file, log: 'x'.repeat(44) }],
    ['a hex secret', { ...file, log: '00'.repeat(32) }],
    [
      'generation 0, which no byte of a row may name',
      { ...file, seal: { current: 0, generations: { '0': secret(3) } } },
    ],
    ['a current generation that no byte holds', { ...file, seal: { current: 256, generations: { '256': secret(3) } } }],
    ['a generation written in another way', { ...file, seal: { current: 1, generations: { '01': secret(3) } } }],
    ['a member of another release', { ...file, other: 1 }],
  ])('refused: %s', (_, wrong) => {
    expect(dataKeysSchema.safeParse(wrong).success).toBe(false)
  })

  test('a current generation without its key is found at start, not at the first row', () => {
    expect(() => deriveDataKeys({ ...file, seal: { current: 2, generations: { '1': secret(3) } } })).toThrow(
      'lacks the current one, 2',
    )
  })

  test('what is said of a bad file holds no secret', () => {
    const leaked = Buffer.alloc(31, 0x5a).toString('base64')
    const said = JSON.stringify(dataKeysSchema.safeParse({ ...file, lookup: leaked, log: 'another-secret' }).error)
    expect(said).not.toContain(leaked)
    expect(said).not.toContain('another-secret')
  })
})
