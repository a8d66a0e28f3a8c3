import { createHmac } from 'node:crypto'
import { importJWK, SignJWT } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { issueAccessToken, type Presented, readBearer, type TokenCache } from '../../src/access/access-token.ts'
import type { ClientId, FacilityCode } from '../../src/access/principal.ts'
import { importTokenKeys, makeSigningKey } from '../../src/access/token-keys.ts'
import { ServiceError } from '../../src/errors.ts'

const SERVICE = 'urn:kiemthe:test'
const NOW = new Date('2026-11-24T03:00:00.000Z')
const seconds = (date: Date) => Math.floor(date.getTime() / 1000)
const later = (ms: number) => new Date(NOW.getTime() + ms)

const [pair, retired, foreign] = await Promise.all([
  makeSigningKey('token-2'),
  makeSigningKey('token-1'),
  makeSigningKey('token-2'), // somebody else's key under the name of ours
])
const keys = await importTokenKeys({ keys: [pair, retired] })
const issue = { clientId: 'facility:38001', keyId: 'key-1', scopes: ['verify', 'share'], lifeSeconds: 600 } as const

function token(now = NOW, over: Partial<{ clientId: string; lifeSeconds: number }> = {}): Promise<string> {
  return issueAccessToken(keys, SERVICE, now, { ...issue, ...over })
}

/** A token of any content, signed with any key. */
async function forged(
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
  key: typeof pair = pair,
): Promise<string> {
  const all = {
    iss: SERVICE,
    aud: SERVICE,
    sub: 'facility:38001',
    scope: 'verify',
    key: 'key-1',
    iat: seconds(NOW),
    exp: seconds(NOW) + 600,
    ...claims,
  }
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  return new SignJWT(present)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: key.kid, ...header })
    .sign(await importJWK(key, 'EdDSA'))
}

function shown(authorization: string | undefined, certificate: string | null = null): Presented {
  return { authorization, certificate, beforeProof: () => {} }
}

function read(bearer: string | undefined, now = NOW, cache: TokenCache = new Map(), serviceId = SERVICE) {
  return readBearer(shown(bearer), keys, cache, serviceId, now)
}

async function refusal(bearer: string | undefined, now = NOW, cache: TokenCache = new Map()): Promise<string> {
  try {
    await read(bearer, now, cache)
  } catch (error) {
    if (error instanceof ServiceError) return error.code
    throw error
  }
  return 'admitted'
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a token of ours', () => {
  test('says who calls and what is granted', async () => {
    expect(await read(`Bearer ${await token()}`)).toEqual({
      clientId: 'facility:38001' as ClientId,
      role: 'facility',
      facility: '38001' as FacilityCode,
      scopes: new Set(['verify', 'share']),
      keyId: 'key-1',
    })
  })

  test('has the header and claims of RFC 9068, and nothing of a person', async () => {
    const [header, payload] = (await token()).split('.').map((part) => Buffer.from(part, 'base64url').toString())
    expect(JSON.parse(header ?? '')).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: 'token-2' })
    expect(JSON.parse(payload ?? '')).toEqual({
      iss: SERVICE,
      aud: SERVICE,
      sub: 'facility:38001',
      client_id: 'facility:38001',
      scope: 'verify share',
      key: 'key-1',
      iat: seconds(NOW),
      exp: seconds(NOW) + 600,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  test('signed by a key that no longer signs is read until that key is dropped', async () => {
    expect(await refusal(`Bearer ${await forged({}, {}, retired)}`)).toBe('admitted')
    const dropped = await importTokenKeys({ keys: [pair] })
    const late = readBearer(shown(`Bearer ${await forged({}, {}, retired)}`), dropped, new Map(), SERVICE, NOW)
    await expect(late).rejects.toMatchObject({ code: 'token_unknown_key' })
  })

  test.each(['bearer', 'BEARER'])('the scheme is not case-sensitive (RFC 9110): %s', async (scheme) => {
    expect(await refusal(`${scheme} ${await token()}`)).toBe('admitted')
  })

  test('lives to its last millisecond, cached or not', async () => {
    const bearer = `Bearer ${await token()}`
    const cache: TokenCache = new Map()
    expect(await refusal(bearer, later(599_999), cache)).toBe('admitted')
    expect(cache.size).toBe(1)
    expect(await refusal(bearer, later(600_000), cache)).toBe('token_expired')
    expect(cache.size).toBe(0)
    expect(await refusal(bearer, later(600_000))).toBe('token_expired')
  })
})

describe('refused, with the reason', () => {
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`

  test.each([
    ['no header', undefined, 'token_missing'],
    ['an empty one', '', 'token_malformed'],
    ['another scheme', 'Basic dTpw', 'token_malformed'],
    ['no token', 'Bearer ', 'token_malformed'],
    ['two spaces', 'Bearer  abc', 'token_malformed'],
    ['no JWT', 'Bearer abc', 'token_malformed'],
    ['rubbish in three parts', 'Bearer a.b.c', 'token_malformed'],
    ['5 KB', `Bearer ${'a'.repeat(5_000)}`, 'token_malformed'],
    ['two tokens', 'Bearer abc, Bearer def', 'token_malformed'],
    ['alg none', `Bearer ${none}`, 'token_algorithm'],
  ])('%s', async (_, bearer, code) => {
    expect(await refusal(bearer)).toBe(code)
  })

  test('our public key taken for an HMAC secret', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${part({ alg: 'HS256', typ: 'at+jwt', kid: 'token-2' })}.${part({ sub: 'ops:root', scope: 'ops' })}`
    const mac = createHmac('sha256', Buffer.from(pair.x, 'base64url')).update(text).digest('base64url')
    expect(await refusal(`Bearer ${text}.${mac}`)).toBe('token_algorithm')
  })

  test.each([
    ['an unknown key', {}, { kid: 'token-9' }, 'token_unknown_key'],
    ['no kid', {}, { kid: undefined }, 'token_unknown_key'],
    ['another kind of token', {}, { typ: 'JWT' }, 'token_malformed'],
    ['no kind of token', {}, { typ: undefined }, 'token_malformed'],
    ['a critical extension', {}, { crit: ['x'], x: 1 }, 'token_malformed'],
    ['a confirmation that is not of a certificate', { cnf: { jkt: 'x' } }, {}, 'token_malformed'],
    ['a certificate and more to confirm', { cnf: { 'x5t#S256': 'x', jkt: 'x' } }, {}, 'token_malformed'],
    ['a confirmation that is no object', { cnf: 'x' }, {}, 'token_malformed'],
    ['no confirmation where one is said to be', { cnf: null }, {}, 'token_malformed'],
    ['another audience', { aud: 'urn:other' }, {}, 'token_audience'],
    ['another issuer', { iss: 'urn:other' }, {}, 'token_audience'],
    ['no audience', { aud: undefined }, {}, 'token_audience'],
    ['expired', { exp: seconds(NOW) }, {}, 'token_expired'],
    ['no end', { exp: undefined }, {}, 'token_malformed'],
    ['an end in words', { exp: 'tomorrow' }, {}, 'token_malformed'],
    ['not yet valid', { nbf: seconds(NOW) + 60 }, {}, 'token_not_yet_valid'],
    ['nobody', { sub: undefined }, {}, 'token_malformed'],
    ['a client that is none', { sub: 'root' }, {}, 'token_malformed'],
    ['a scope nobody knows', { scope: 'verify root' }, {}, 'token_malformed'],
    ['scopes in a list', { scope: ['verify'] }, {}, 'token_malformed'],
    ['no key that obtained it', { key: undefined }, {}, 'token_malformed'],
    ['a key that is a number', { key: 1 }, {}, 'token_malformed'],
  ])('%s', async (_, claims, header, code) => {
    // a header member that is undefined is left out
    const cleaned = Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined))
    const omitted = Object.keys(header).filter((name) => !(name in cleaned))
    expect(await refusal(`Bearer ${await signed(claims, cleaned, omitted)}`)).toBe(code)
  })

  /** Signed by hand, so that jose does not keep us from writing what it would refuse to write. */
  async function signed(claims: object, header: object, omitted: readonly string[]): Promise<string> {
    const full = { alg: 'EdDSA', typ: 'at+jwt', kid: 'token-2', ...header } as Record<string, unknown>
    for (const name of omitted) delete full[name]
    const all = { iss: SERVICE, aud: SERVICE, sub: 'facility:38001', scope: 'verify', key: 'key-1' }
    const payload = { ...all, exp: seconds(NOW) + 600, ...claims }
    const text = [full, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    const signature = await crypto.subtle.sign('Ed25519', keys.signing.key, Buffer.from(text))
    return `${text}.${Buffer.from(signature).toString('base64url')}`
  }

  test('signed by somebody else under the name of our key', async () => {
    expect(await refusal(`Bearer ${await forged({}, {}, foreign)}`)).toBe('token_signature')
  })

  test('changed in any one character: never admitted', async () => {
    const good = await token()
    const cache: TokenCache = new Map()
    expect(await refusal(`Bearer ${good}`, NOW, cache)).toBe('admitted')
    const last = good.length - 1 // its low 4 bits are padding: the same signature in another spelling
    for (let i = 0; i < last; i += 3) {
      const changed = good.slice(0, i) + (good[i] === 'A' ? 'B' : 'A') + good.slice(i + 1)
      expect(await refusal(`Bearer ${changed}`, NOW, cache)).not.toBe('admitted')
    }
    expect(cache.size).toBe(1)
  })

  test('whose an old token was is known, whose a forged one claims to be is not', async () => {
    const cache: TokenCache = new Map()
    const bearer = `Bearer ${await token()}`
    await read(bearer, NOW, cache)
    for (const known of [cache, new Map()]) {
      await expect(read(bearer, later(601_000), known)).rejects.toMatchObject({ client: 'facility:38001' })
    }
    const claimed = read(`Bearer ${await forged({ exp: seconds(NOW) }, {}, foreign)}`)
    await expect(claimed).rejects.toMatchObject({ code: 'token_signature', client: null })
  })

  test('a wrong clock is told the server’s time', async () => {
    const late = read(`Bearer ${await token()}`, later(601_000))
    await expect(late).rejects.toMatchObject({ code: 'token_expired', detail: 'server time 2026-11-24T03:10:01.000Z' })
  })
})

describe('the cache', () => {
  test('one signature check for the life of a token', async () => {
    const bearer = `Bearer ${await token()}`
    const verify = vi.spyOn(crypto.subtle, 'verify')
    const cache: TokenCache = new Map()
    const first = await read(bearer, NOW, cache)
    expect(verify).toHaveBeenCalledTimes(1)
    for (let i = 0; i < 100; i++) expect(await read(bearer, later(i * 1_000), cache)).toEqual(first)
    expect(verify).toHaveBeenCalledTimes(1)
  })

  test('a refusal is never cached: it is checked again', async () => {
    const bearer = `Bearer ${await forged({}, {}, foreign)}`
    const verify = vi.spyOn(crypto.subtle, 'verify')
    const cache: TokenCache = new Map()
    for (let i = 0; i < 3; i++) expect(await refusal(bearer, NOW, cache)).toBe('token_signature')
    expect(verify).toHaveBeenCalledTimes(3)
    expect(cache.size).toBe(0)
  })

  test('is of the token alone: the certificate of the connection is compared each time', async () => {
    const bound = `Bearer ${await issueAccessToken(keys, SERVICE, NOW, { ...issue, certificate: 'of-a' })}`
    const cache: TokenCache = new Map()
    const over = (certificate: string | null) =>
      readBearer(shown(bound, certificate), keys, cache, SERVICE, NOW).then(
        ({ clientId }) => clientId,
        (error: unknown) => (error instanceof ServiceError ? error.code : error),
      )
    // first unknown, then remembered: the same answers
    for (const remembered of [0, 1]) {
      expect([await over('of-b'), await over(null)]).toEqual(['token_certificate', 'token_certificate'])
      expect(cache.size).toBe(1)
      expect(await over('of-a')).toBe('facility:38001')
      if (remembered === 1) cache.clear()
    }
  })

  test('does not hold tokens, only their digests', async () => {
    const good = await token()
    const cache: TokenCache = new Map()
    await read(`Bearer ${good}`, NOW, cache)
    expect([...cache.keys()]).toEqual([expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/)])
    expect(JSON.stringify([...cache])).not.toContain(good.split('.')[2])
  })

  test('is bounded: at 30,000 the oldest goes', async () => {
    const cache: TokenCache = new Map()
    const principal = await read(`Bearer ${await token()}`)
    for (let i = 0; i < 30_000; i++)
      cache.set(`other-${i}`, { principal, expiresAtMs: later(600_000).getTime(), certificate: null })
    await read(`Bearer ${await token()}`, NOW, cache)
    expect(cache.size).toBe(30_000)
    expect(cache.has('other-0')).toBe(false)
    expect(cache.has('other-1')).toBe(true)
  })
})
