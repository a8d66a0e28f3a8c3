import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { revokeKeys, saveClient } from '../../src/access/store.ts'
import { makeSigningKey } from '../../src/access/token-keys.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { createWorld, PUBLIC_URL, type Running, type World } from '../support/service.ts'
import { expectRefused, MARK, send } from './http-support.ts'
import { type AssertionParts, assertion, grant, TOKEN_URL } from './oauth-support.ts'

const CLIENT = 'facility:38001'
const SERVER_TIME = /^server time (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/
const seconds = () => Math.floor(Date.now() / 1000)

let world: World
let running: Running

beforeAll(async () => {
  world = await createWorld([])
  running = await world.start()
})

afterAll(() => world?.close())

/** Refused for exactly that reason; nothing is spent, nothing of the assertion comes back or is logged. */
async function refused(jwt: string, code: ErrorCode, detail?: RegExp | string) {
  const spent = await spentCount()
  const reply = await expectRefused(world, running, grant(jwt), { status: 401, code }, ['eyJ', jwt])
  expect(reply.json['error']).toBe('invalid_client')
  expect(reply.json['error_description']).toMatch(/\w/)
  expect(reply.headers.get('www-authenticate')).toBe('Bearer')
  expect(reply.headers.get('cache-control')).toBe('no-store')
  if (detail !== undefined) expect(reply.json.detail).toMatch(detail)
  expect(await spentCount()).toBe(spent)
  return reply
}

async function spentCount(): Promise<number> {
  const [row] = await world.owner<{ count: number }[]>`select count(*) from jti`
  return row?.count ?? -1
}

async function granted(jwt: string): Promise<void> {
  const reply = await send(running.url, grant(jwt))
  expect({ status: reply.status, type: reply.json['token_type'] }).toEqual({ status: 200, type: 'Bearer' })
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('an assertion would be taken twice', () => {
  test('the very same, one behind the other', async () => {
    const jwt = await assertion(world, CLIENT)
    await granted(jwt)
    await refused(jwt, 'assertion_replayed')
  })
  test('the very same, ten at once', async () => {
    const jwt = await assertion(world, CLIENT)
    const replies = await Promise.all(Array.from({ length: 10 }, () => send(running.url, grant(jwt))))
    expect(replies.map((each) => each.json.code ?? 'granted').sort()).toEqual([
      ...Array(9).fill('assertion_replayed'),
      'granted',
    ])
  })
  test('another with the same jti', async () => {
    const claims = { jti: crypto.randomUUID() }
    await granted(await assertion(world, CLIENT, { claims }))
    await refused(await assertion(world, CLIENT, { claims: { ...claims, exp: seconds() + 60 } }), 'assertion_replayed')
  })
  test("the jti of one client would be another client's", async () => {
    const claims = { jti: crypto.randomUUID() }
    await granted(await assertion(world, CLIENT, { claims }))
    await granted(await assertion(world, 'facility:38002', { claims }))
  })
  test('on a second server', async () => {
    const second = await world.start()
    const jwt = await assertion(world, CLIENT)
    await granted(jwt)
    const wanted = { status: 401, code: 'assertion_replayed' } as const
    await expectRefused(world, second, grant(jwt), wanted, [jwt])
  })
  test('while its jti would be spent by whoever has no key', async () => {
    const jwt = await assertion(world, CLIENT)
    const [head, claims] = jwt.split('.')
    await refused(`${head}.${claims}.${'A'.repeat(86)}`, 'assertion_signature')
    await granted(jwt)
  })
})

describe('an assertion of another time or place would be taken', () => {
  const cases: [string, () => Record<string, unknown>, ErrorCode, RegExp | string][] = [
    ['expired', () => ({ iat: seconds() - 200, exp: seconds() - 40 }), 'assertion_expired', SERVER_TIME],
    ['expired long ago', () => ({ iat: 0, exp: 1 }), 'assertion_expired', SERVER_TIME],
    [
      'issued in the future',
      () => ({ iat: seconds() + 90, exp: seconds() + 200 }),
      'assertion_clock_skew',
      SERVER_TIME,
    ],
    ['valid in the future', () => ({ nbf: seconds() + 90, exp: seconds() + 200 }), 'assertion_clock_skew', SERVER_TIME],
    ['living an hour', () => ({ exp: seconds() + 3_600 }), 'assertion_too_long_lived', SERVER_TIME],
    ['living an hour, without iat', () => ({ iat: undefined, exp: seconds() + 3_600 }), 'assertion_too_long_lived', ''],
    ['living an hour of which little is left', () => ({ iat: seconds() - 3_500 }), 'assertion_too_long_lived', ''],
    ['living for ever', () => ({ exp: Number.MAX_VALUE }), 'assertion_too_long_lived', SERVER_TIME],
    ['for the service, not its token URL', () => ({ aud: PUBLIC_URL }), 'assertion_audience', TOKEN_URL],
    ['for another service', () => ({ aud: 'https://elsewhere.example/oauth/token' }), 'assertion_audience', TOKEN_URL],
    ['for two services', () => ({ aud: [TOKEN_URL, 'https://elsewhere.example'] }), 'assertion_audience', TOKEN_URL],
    ['for nobody', () => ({ aud: undefined }), 'assertion_audience', TOKEN_URL],
    ['for an empty list', () => ({ aud: [] }), 'assertion_audience', TOKEN_URL],
    ['without exp', () => ({ exp: undefined }), 'assertion_malformed', 'exp'],
    ['whose exp is a text', () => ({ exp: String(seconds() + 60) }), 'assertion_malformed', 'exp'],
    ['without jti', () => ({ jti: undefined }), 'assertion_malformed', 'jti'],
    ['whose jti is empty', () => ({ jti: '' }), 'assertion_malformed', 'jti'],
    ['whose jti is a number', () => ({ jti: 7 }), 'assertion_malformed', 'jti'],
    ['whose jti is too long', () => ({ jti: 'x'.repeat(129) }), 'assertion_malformed', 'jti'],
    ['whose jti holds a NUL', () => ({ jti: `${MARK}\u0000` }), 'assertion_malformed', 'jti'],
    ['whose iat is a text', () => ({ iat: MARK }), 'assertion_malformed', 'iat'],
    ['whose nbf is an object', () => ({ nbf: {} }), 'assertion_malformed', 'nbf'],
  ]
  for (const [name, claims, code, detail] of cases) {
    test(name, async () => {
      await refused(await assertion(world, CLIENT, { claims: claims() }), code, detail)
    })
  }
  test('a client with a wrong clock would not learn the right time', async () => {
    const before = Date.now()
    const jwt = await assertion(world, CLIENT, { claims: { iat: seconds() + 900, exp: seconds() + 1_000 } })
    const { json } = await refused(jwt, 'assertion_clock_skew', SERVER_TIME)
    const told = Date.parse(SERVER_TIME.exec(json.detail ?? '')?.[1] ?? '')
    expect(told).toBeGreaterThanOrEqual(before)
    expect(told).toBeLessThanOrEqual(Date.now())
  })
})

describe('a refusal would tell what others have', () => {
  test('an unknown client, an unknown key and a client without keys would be told apart', async () => {
    const key = await makeSigningKey('key-77')
    await world.owner`insert into client (client_id, scopes) values ('auditor:keyless', '{audit}')`
    const unknown: [string, AssertionParts][] = [
      ['facility:38999', { key }],
      ['auditor:nobody', { key }],
      ['auditor:keyless', { key }],
      [CLIENT, { key }],
      [CLIENT, { header: { kid: 'KEY-1' } }],
      ['facility:38002', { header: { kid: 'x'.repeat(64) } }],
    ]
    const told = new Set<string>()
    for (const [clientId, parts] of unknown) {
      const reply = await refused(await assertion(world, clientId, parts), 'assertion_unknown_key')
      told.add(JSON.stringify({ ...reply.json, requestId: '' }))
    }
    expect(told.size).toBe(1)
  })
  test("a client's key would open another client's door", async () => {
    const jwt = await assertion(world, CLIENT, { key: { ...world.clients.get('facility:38002') } })
    await refused(jwt, 'assertion_signature')
  })
  test('the state of a key would be told to whoever cannot sign with it', async () => {
    const genuine = await makeSigningKey('key-gone')
    await register('key-gone', genuine)
    await revokeKeys(world.owner, CLIENT, 'key-gone')
    const forged = await makeSigningKey('key-gone')
    await refused(await assertion(world, CLIENT, { key: forged }), 'assertion_signature')
  })
})

async function register(keyId: string, key: { x: string }, expiresAt = new Date(Date.now() + 86_400_000)) {
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', x: key.x }
  const client = { clientId: CLIENT, facility: '38001', scopes: ['verify', 'share'] as const }
  await saveClient(world.owner, client, { keyId, publicJwk, expiresAt })
}

describe('an assertion that is none would be taken', () => {
  test('alg none', async () => {
    const [, claims, signature] = (await assertion(world, CLIENT)).split('.')
    for (const alg of ['none', 'NONE']) {
      await refused(`${base64url({ alg, kid: 'key-1' })}.${claims}.`, 'assertion_algorithm')
      await refused(`${base64url({ alg, kid: 'key-1' })}.${claims}.${signature}`, 'assertion_algorithm')
    }
  })
  test('HS256 under the public key as secret', async () => {
    const { x = '' } = world.clients.get(CLIENT) ?? {}
    for (const k of [x, Buffer.from(x).toString('base64url')]) {
      const key = { kty: 'oct', k, kid: 'key-1' }
      await refused(await assertion(world, CLIENT, { key, alg: 'HS256' }), 'assertion_algorithm')
    }
  })
  test('ES256 said of an Ed25519 key', async () => {
    const [, claims, signature] = (await assertion(world, CLIENT)).split('.')
    await refused(`${base64url({ alg: 'ES256', kid: 'key-1' })}.${claims}.${signature}`, 'assertion_algorithm')
  })
  test('claims that were changed', async () => {
    const [head, , signature] = (await assertion(world, CLIENT)).split('.')
    const claims = { iss: CLIENT, sub: CLIENT, aud: TOKEN_URL, jti: 'x', exp: seconds() + 100 }
    await refused(`${head}.${base64url(claims)}.${signature}`, 'assertion_signature')
  })
  test('an issuer who is not the subject', async () => {
    await refused(await assertion(world, CLIENT, { claims: { iss: 'facility:38002' } }), 'assertion_malformed', 'iss')
    await refused(await assertion(world, CLIENT, { claims: { iss: undefined } }), 'assertion_malformed', 'iss')
    await refused(await assertion(world, CLIENT, { claims: { sub: undefined } }), 'assertion_malformed', 'iss')
    await refused(await assertion(world, CLIENT, { claims: { iss: 1, sub: 1 } }), 'assertion_malformed', 'iss')
  })
  for (const clientId of ['38001', 'facility:', 'facility:3800', 'admin:root', 'auditor:Test', "ops:'--", MARK, '']) {
    test(`the client "${clientId}"`, async () => {
      const key = { ...world.clients.get(CLIENT) }
      await refused(await assertion(world, clientId, { key }), 'assertion_malformed', 'iss')
    })
  }
  const noJws = [MARK, `${MARK}.${MARK}.${MARK}`, '..', base64url({}), `${base64url({ alg: 'EdDSA', kid: 'key-1' })}..`]
  for (const text of noJws) {
    test(`"${text.slice(0, 20)}"`, async () => {
      await refused(text, 'assertion_malformed', /./)
    })
  }
  const kids: [string, unknown][] = [
    ['no kid', undefined],
    ['a kid of 65', 'k'.repeat(65)],
    ['a kid with a NUL', 'key-1\u0000'],
    ['a kid that is a number', 1],
    ['a kid that is an object', { toString: 'key-1', length: 5 }],
    ['an empty kid', ''],
    ['a kid with a space', 'key 1'],
  ]
  for (const [name, kid] of kids) {
    test(name, async () => {
      const [, claims, signature] = (await assertion(world, CLIENT)).split('.')
      await refused(`${base64url({ alg: 'EdDSA', kid })}.${claims}.${signature}`, 'assertion_malformed', /./)
    })
  }
})

describe('a key or client that was withdrawn would still get tokens', () => {
  const since = /^since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

  test('a revoked key', async () => {
    const key = await makeSigningKey('key-revoked')
    await register('key-revoked', key)
    await granted(await assertion(world, CLIENT, { key }))
    await revokeKeys(world.owner, CLIENT, 'key-revoked')
    await refused(await assertion(world, CLIENT, { key }), 'client_key_revoked', since)
    await granted(await assertion(world, CLIENT))
  })
  test('an expired key', async () => {
    const key = await makeSigningKey('key-expired')
    await register('key-expired', key, new Date(Date.now() - 1_000))
    await refused(await assertion(world, CLIENT, { key }), 'client_key_expired', since)
  })
  test('a disabled client', async () => {
    await world.owner`update client set disabled_at = now() where client_id = 'ops:test'`
    await refused(await assertion(world, 'ops:test'), 'client_disabled', since)
    await world.owner`update client set disabled_at = null where client_id = 'ops:test'`
    await granted(await assertion(world, 'ops:test'))
  })
})
