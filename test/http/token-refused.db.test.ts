import { createHash } from 'node:crypto'
import { type CryptoKey, importJWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { makeSigningKey } from '../../src/access/token-keys.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import { SERVICE_ID } from '../support/service.ts'
import { asking, expectRefused, MARK, record, scan, secretsOf, send } from './http-support.ts'

const someone = record()
const secrets = secretsOf(someone)
const good = asking(scan(someone))
const SERVER_TIME = /^server time \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

openDesk([someone])

function refused(authorization: string | null, status: number, code: ErrorCode, more: readonly string[] = []) {
  const headers: Record<string, string> = authorization === null ? {} : { authorization }
  return expectRefused(world, running, { headers, body: good }, { status, code }, [...secrets, ...more])
}

/** A token like the service's own, but for what is given; a member given as undefined is left out. */
async function forge(
  parts: { header?: Partial<JWTHeaderParameters>; claims?: Record<string, unknown>; key?: CryptoKey | Uint8Array } = {},
): Promise<string> {
  const seconds = Math.floor(Date.now() / 1000)
  const claims = {
    iss: SERVICE_ID,
    aud: SERVICE_ID,
    sub: 'facility:38001',
    client_id: 'facility:38001',
    scope: 'verify share',
    key: 'key-1',
    iat: seconds,
    exp: seconds + 600,
    jti: crypto.randomUUID(),
    ...parts.claims,
  }
  const own = world.tokenKeys.keys[0]
  const key = parts.key ?? (await importJWK({ ...own }, 'EdDSA'))
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: 'token-1', ...parts.header }
  return new SignJWT(claims).setProtectedHeader(header).sign(key)
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The same token, its claims or signature changed behind the signer's back. */
function tampered(jwt: string, change: { claims?: Record<string, unknown>; signature?: string }): string {
  const [head = '', claims = '', signature = ''] = jwt.split('.')
  const old = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const payload = change.claims === undefined ? claims : base64url({ ...old, ...change.claims })
  return `${head}.${payload}.${change.signature ?? signature}`
}

describe('a request without a readable token would be answered', () => {
  test('no token', async () => {
    const reply = await refused(null, 401, 'token_missing')
    expect(reply.headers.get('www-authenticate')).toBe('Bearer')
  })
  const malformed: [string, () => string][] = [
    ['an empty header', () => ''],
    ['the scheme alone', () => 'Bearer'],
    ['the scheme and a space', () => 'Bearer '],
    ['another scheme', () => `Basic ${Buffer.from(`${MARK}:${MARK}`).toString('base64')}`],
    ['no scheme', () => token],
    ['two tokens', () => `Bearer ${token} ${token}`],
    ['two tokens by a comma', () => `Bearer ${token}, Bearer ${token}`],
    ['a token in quotes', () => `Bearer "${token}"`],
    ['a word', () => `Bearer ${MARK}`],
    ['a citizen id', () => `Bearer ${someone.citizenId}`],
    ['two of three parts', () => `Bearer ${token.split('.').slice(0, 2).join('.')}`],
    ['four parts', () => `Bearer ${token}.${MARK}`],
    ['a header that is no JSON', () => `Bearer ${MARK}.${token.split('.').slice(1).join('.')}`],
    ['a header that is an array', () => `Bearer ${base64url([MARK])}.${token.split('.').slice(1).join('.')}`],
    ['5,000 characters', () => `Bearer ${'a'.repeat(5000)}`],
  ]
  for (const [name, authorization] of malformed) {
    test(name, async () => {
      const reply = await refused(authorization(), 401, 'token_malformed')
      expect(reply.headers.get('www-authenticate')).toBe('Bearer')
    })
  }
  test('the token in the query, where proxies log it', async () => {
    const request = { path: `/v1/verifications?access_token=${token}`, body: good }
    await expectRefused(world, running, request, { status: 401, code: 'token_missing' }, [...secrets, token])
  })
  test('a good token under a scheme in another case would be refused', async () => {
    for (const scheme of ['bearer', 'BEARER']) {
      const reply = await send(running.url, { headers: { authorization: `${scheme} ${token}` }, body: good })
      expect(reply.status).toBe(200)
    }
  })
})

describe('a token of another algorithm or key would be taken', () => {
  test('alg none, without a signature', async () => {
    for (const alg of ['none', 'None', 'NONE']) {
      const [, claims] = token.split('.')
      await refused(`Bearer ${base64url({ alg, typ: 'at+jwt', kid: 'token-1' })}.${claims}.`, 401, 'token_algorithm')
    }
  })
  test('alg none, with the signature of the real one', async () => {
    const [, claims, signature] = token.split('.')
    const jwt = `${base64url({ alg: 'none', typ: 'at+jwt', kid: 'token-1' })}.${claims}.${signature}`
    await refused(`Bearer ${jwt}`, 401, 'token_algorithm')
  })
  test('HS256 under the public key as secret', async () => {
    const { x = '' } = world.tokenKeys.keys[0] ?? {}
    const jwk = JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x })
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(x, 'base64url')])
    const pem = `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`
    for (const secret of [Buffer.from(x, 'base64url'), Buffer.from(x), Buffer.from(jwk), spki, Buffer.from(pem)]) {
      await refused(`Bearer ${await forge({ header: { alg: 'HS256' }, key: secret })}`, 401, 'token_algorithm')
    }
  })
  test('the algorithm under its newer name, signed by a key of the service', async () => {
    const jwt = await forge()
    const [, claims, signature] = jwt.split('.')
    const renamed = `${base64url({ alg: 'Ed25519', typ: 'at+jwt', kid: 'token-1' })}.${claims}.${signature}`
    await refused(`Bearer ${renamed}`, 401, 'token_algorithm')
  })
  test('a key that the service does not have', async () => {
    const foreign = await importJWK({ ...(await makeSigningKey('token-2')) }, 'EdDSA')
    await refused(`Bearer ${await forge({ header: { kid: 'token-2' }, key: foreign })}`, 401, 'token_unknown_key')
    const noKid = { alg: 'EdDSA', typ: 'at+jwt', kid: undefined } as unknown as JWTHeaderParameters
    await refused(`Bearer ${await forge({ header: noKid })}`, 401, 'token_unknown_key')
  })
  test('a key that the token brings itself', async () => {
    const { d: _secret, ...jwk } = await makeSigningKey('token-9')
    await refused(`Bearer ${await forge({ header: { kid: 'token-9', jwk } })}`, 401, 'token_unknown_key')
    await refused(`Bearer ${await forge({ header: { kid: '__proto__' } })}`, 401, 'token_unknown_key')
  })
  test('a foreign signature under a key id of the service', async () => {
    const foreign = await importJWK({ ...(await makeSigningKey('token-1')) }, 'EdDSA')
    await refused(`Bearer ${await forge({ key: foreign })}`, 401, 'token_signature')
  })
})

describe('a token that was changed on its way would be taken', () => {
  test('its signature', async () => {
    const signature = token.split('.')[2] ?? ''
    const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)
    await refused(`Bearer ${tampered(token, { signature: flipped })}`, 401, 'token_signature')
  })
  test('its signature, cut or left out', async () => {
    for (const signature of ['', 'AAAA', 'A'.repeat(86)]) {
      const reply = await send(running.url, {
        headers: { authorization: `Bearer ${tampered(token, { signature })}` },
        body: good,
      })
      expect(reply.status).toBe(401)
      expect(['token_signature', 'token_malformed']).toContain(reply.json.code)
    }
  })
  const claims = { sub: 'facility:38002', scope: 'verify audit ops', exp: 4_000_000_000, aud: 'x', key: 'key-2' }
  for (const [name, value] of Object.entries(claims)) {
    test(`its ${name}`, async () => {
      await refused(`Bearer ${tampered(token, { claims: { [name]: value } })}`, 401, 'token_signature')
    })
  }
})

describe('a token for something else would be taken', () => {
  const claims: [string, Record<string, unknown>, ErrorCode][] = [
    ['another audience', { aud: 'urn:kiemthe:elsewhere' }, 'token_audience'],
    ['no audience', { aud: undefined }, 'token_audience'],
    ['another issuer', { iss: 'https://issuer.example' }, 'token_audience'],
    ['no issuer', { iss: undefined }, 'token_audience'],
    ['a client that is none', { sub: MARK }, 'token_malformed'],
    ['no client', { sub: undefined }, 'token_malformed'],
    ['scopes that are no text', { scope: ['verify'] }, 'token_malformed'],
    ['a scope that does not exist', { scope: `verify ${MARK}` }, 'token_malformed'],
    ['no scope', { scope: undefined }, 'token_malformed'],
    ['no key of its client', { key: undefined }, 'token_malformed'],
    ['no end', { exp: undefined }, 'token_malformed'],
    ['an end that is no number', { exp: '4000000000' }, 'token_malformed'],
  ]
  for (const [name, members, code] of claims) {
    test(name, async () => {
      await refused(`Bearer ${await forge({ claims: members })}`, 401, code)
    })
  }
  test('another type of JWT, such as an assertion or an id token', async () => {
    for (const typ of ['JWT', 'id+jwt', 'dpop+jwt', '', undefined]) {
      const header = { typ } as unknown as JWTHeaderParameters
      await refused(`Bearer ${await forge({ header })}`, 401, 'token_malformed')
    }
  })
  test('one that begins later', async () => {
    const nbf = Math.floor(Date.now() / 1000) + 120
    const reply = await refused(`Bearer ${await forge({ claims: { nbf } })}`, 401, 'token_not_yet_valid')
    expect(reply.json.detail).toMatch(SERVER_TIME)
  })
})

describe('a token past its end would be taken', () => {
  test('one that never was seen before', async () => {
    const expired = await world.token('facility:38001', { now: new Date(Date.now() - 601_000) })
    const reply = await refused(`Bearer ${expired}`, 401, 'token_expired')
    expect(reply.json.detail).toMatch(SERVER_TIME)
  })
  test('one that was taken a moment ago, and remembered', async () => {
    const brief = await world.token('facility:38001', { lifeSeconds: 3 })
    expect((await send(running.url, { token: brief, body: good })).status).toBe(200)
    const statusNow = async () => (await send(running.url, { token: brief, body: good })).status
    await expect.poll(statusNow, { timeout: 8_000, interval: 200 }).toBe(401)
    const reply = await refused(`Bearer ${brief}`, 401, 'token_expired')
    expect(reply.json.detail).toMatch(SERVER_TIME)
    // and once more: a refusal must not have been remembered as anything else
    await refused(`Bearer ${brief}`, 401, 'token_expired')
  })
})

describe('a token without the scope would be enough', () => {
  for (const clientId of ['auditor:test', 'feed:vss', 'ops:test']) {
    test(clientId, async () => {
      const reply = await refused(`Bearer ${await world.token(clientId)}`, 403, 'scope_missing')
      expect(reply.json.detail).toBe('verify')
    })
  }
  test('a facility that may only share', async () => {
    const sharing = await world.token('facility:38001', { scopes: ['share'] })
    await refused(`Bearer ${sharing}`, 403, 'scope_missing')
  })
  test('a facility without any scope', async () => {
    await refused(`Bearer ${await world.token('facility:38001', { scopes: [] })}`, 403, 'scope_missing')
  })
})

test('the token, or its digest, would be logged', async () => {
  await send(running.url, { token, body: good })
  const digest = createHash('sha256').update(token)
  for (const secret of [token, token.split('.')[2] ?? '', digest.copy().digest('base64'), digest.digest('hex')]) {
    expect(running.log.join('\n')).not.toContain(secret)
  }
})
