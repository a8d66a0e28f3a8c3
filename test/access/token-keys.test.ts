import { describe, expect, test } from 'vitest'
import { importTokenKeys, makeSigningKey, tokenKeysSchema } from '../../src/access/token-keys.ts'

const [first, second] = await Promise.all([makeSigningKey('token-1'), makeSigningKey('token-2')])

test('a made key is one that the file takes', () => {
  expect(tokenKeysSchema.parse({ keys: [first, second] })).toEqual({ keys: [first, second] })
  expect(first).toMatchObject({ kid: 'token-1', kty: 'OKP', crv: 'Ed25519' })
  expect(first.d).not.toBe(second.d)
})

test('the first key signs, all verify', async () => {
  const keys = await importTokenKeys({ keys: [second, first] })
  expect(keys.signing.kid).toBe('token-2')
  expect([...keys.verifying.keys()]).toEqual(['token-2', 'token-1'])
  const text = Buffer.from('signed')
  const signature = await crypto.subtle.sign('Ed25519', keys.signing.key, text)
  const byFirst = keys.verifying.get('token-1')
  const bySecond = keys.verifying.get('token-2')
  if (byFirst === undefined || bySecond === undefined) throw new Error('two keys went in')
  expect(await crypto.subtle.verify('Ed25519', bySecond, signature, text)).toBe(true)
  expect(await crypto.subtle.verify('Ed25519', byFirst, signature, text)).toBe(false)
})

test('what the world sees has no private half', async () => {
  const { jwks, verifying } = await importTokenKeys({ keys: [first, second] })
  expect(jwks.keys).toEqual([
    { kid: 'token-1', kty: 'OKP', crv: 'Ed25519', x: first.x, alg: 'EdDSA', use: 'sig' },
    { kid: 'token-2', kty: 'OKP', crv: 'Ed25519', x: second.x, alg: 'EdDSA', use: 'sig' },
  ])
  expect(JSON.stringify(jwks)).not.toContain(first.d)
  for (const key of verifying.values()) expect(key.type).toBe('public')
})

test('the key that signs does not come out again', async () => {
  const { signing } = await importTokenKeys({ keys: [first] })
  expect(signing.key).toMatchObject({ type: 'private', extractable: false, usages: ['sign'] })
})

describe('a file that is refused', () => {
  test.each([
    ['no key', { keys: [] }],
    ['nine keys', { keys: Array.from({ length: 9 }, () => first) }],
    ['a public key alone', { keys: [{ kid: 'a', kty: 'OKP', crv: 'Ed25519', x: first.x }] }],
    ['another curve', { keys: [{ ...first, crv: 'X25519' }] }],
    ['an EC key', { keys: [{ ...first, kty: 'EC' }] }],
    ['no kid', { keys: [{ ...first, kid: '' }] }],
    ['a private half cut short', { keys: [{ ...first, d: first.d.slice(1) }] }],
    ['a member nobody knows', { keys: [{ ...first, use: 'sig' }] }],
  ])('%s', (_, file) => {
    expect(tokenKeysSchema.safeParse(file).success).toBe(false)
  })

  test('halves that do not belong together', async () => {
    await expect(importTokenKeys({ keys: [{ ...first, x: second.x }] })).rejects.toThrow()
  })

  test('two keys of one name: a token could be checked against either', async () => {
    expect(tokenKeysSchema.safeParse({ keys: [first, { ...second, kid: first.kid }] }).success).toBe(false)
  })
})
