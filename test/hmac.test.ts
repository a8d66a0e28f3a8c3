import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmacSha256 } from '../src/hmac.ts'

const key = (bytes: Buffer) => hmacSha256(createSecretKey(bytes))

test.each([
  ['case 1', Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    'case 2',
    Buffer.from('Jefe'),
    'what do ya want for nothing?',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
])('RFC 4231 %s', (_, secret, text, mac) => {
  expect(key(secret)(text)).toBe(mac)
})

test('another result than the platform gives, for any key and text, short or long', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.oneof(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.string({ unit: 'binary', maxLength: 2000 })),
      (secret, text) => {
        const expected = createHmac('sha256', secret).update(text).digest('hex')
        expect(key(Buffer.from(secret))(text)).toBe(expected)
      },
    ),
    { seed: 20_261_124, numRuns: 2_000 },
  )
})

test('texts after one another disturb each other', () => {
  const mac = key(randomBytes(32))
  const first = mac('038090001234')
  mac('đ'.repeat(170))
  mac('x'.repeat(5_000))
  expect(mac('038090001234')).toBe(first)
})

test('a key longer than a block would have to be hashed first: refused', () => {
  expect(() => key(Buffer.alloc(65))).toThrow(RangeError)
})
