import { decodeJwt, exportJWK, generateKeyPair, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { saveClient } from '../../src/access/store.ts'
import { makeSigningKey } from '../../src/access/token-keys.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { createWorld, type Running, SERVICE_ID, type World } from '../support/service.ts'
import { asking, expectNoTrace, expectRefused, MARK, type Request, record, scan, send } from './http-support.ts'
import { ASSERTION_TYPE, assertion, formOf, grant } from './oauth-support.ts'

const someone = record()
const CLIENT = 'facility:38001'

let world: World
let running: Running

beforeAll(async () => {
  world = await createWorld([someone])
  running = await world.start()
})

afterAll(() => world?.close())

async function register(clientId: string, keyId: string, jwk: JWK, lifeMs = 86_400_000) {
  const { d: _private, kid: _kid, ...publicJwk } = jwk
  const expiresAt = new Date(Date.now() + lifeMs)
  const facility = clientId.startsWith('facility:') ? clientId.slice(9) : null
  const scopes = ['verify', 'share'] as const
  await saveClient(world.owner, { clientId, facility, scopes }, { keyId, publicJwk, expiresAt })
}

async function es256Key(kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return { ...(await exportJWK(privateKey)), kid }
}

describe('a client that proves itself would get no token', () => {
  async function expectGranted(request: Request, scope: string) {
    const reply = await send(running.url, request)
    expect(reply.json).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: 'Bearer',
      expires_in: 600,
      scope,
    })
    expect(reply.status).toBe(200)
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(reply.headers.get('cache-control')).toBe('no-store')
    expect(reply.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    return String(reply.json['access_token'])
  }

  test('with an Ed25519 key', async () => {
    const token = await expectGranted(grant(await assertion(world, CLIENT)), 'verify share')
    const claims = decodeJwt(token)
    expect(claims).toMatchObject({ iss: SERVICE_ID, aud: SERVICE_ID, sub: CLIENT, client_id: CLIENT })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(600)
    const answer = await send(running.url, { token, body: asking(scan(someone)) })
    expect({ status: answer.status, code: answer.json.code }).toEqual({ status: 200, code: 'valid' })
  })
  test('with a P-256 key', async () => {
    const key = await es256Key('key-es256')
    await register(CLIENT, 'key-es256', key)
    const token = await expectGranted(grant(await assertion(world, CLIENT, { key })), 'verify share')
    expect(decodeJwt(token)['key']).toBe('key-es256')
    expect((await send(running.url, { token, body: asking(scan(someone)) })).status).toBe(200)
  })
  test('with its audience in an array, as some libraries write it', async () => {
    const jwt = await assertion(world, CLIENT, { claims: { aud: ['https://kiemthe.test/oauth/token'] } })
    await expectGranted(grant(jwt), 'verify share')
  })
  test('with a clock 20 s ahead, or 20 s behind', async () => {
    const seconds = Math.floor(Date.now() / 1000)
    for (const skew of [20, -20]) {
      const claims = { iat: seconds + skew, nbf: seconds + skew, exp: seconds + skew + (skew < 0 ? 0 : 300) }
      await expectGranted(grant(await assertion(world, CLIENT, { claims })), 'verify share')
    }
  })
  test('without iat and nbf, which RFC 7523 leaves open', async () => {
    const jwt = await assertion(world, CLIENT, { claims: { iat: undefined } })
    await expectGranted(grant(jwt), 'verify share')
  })
  test('with parameters that have no value, which count as left out', async () => {
    await expectGranted(grant(await assertion(world, CLIENT), { scope: '', client_id: '' }), 'verify share')
  })
  test('with its own client_id beside the assertion', async () => {
    await expectGranted(grant(await assertion(world, CLIENT), { client_id: CLIENT }), 'verify share')
  })
  test('for a part of its scopes, and only that part would not be granted', async () => {
    const token = await expectGranted(grant(await assertion(world, CLIENT), { scope: 'share' }), 'share')
    const answer = await send(running.url, { token, body: asking(scan(someone)) })
    expect({ status: answer.status, code: answer.json.code }).toEqual({ status: 403, code: 'scope_missing' })
  })
  test('for the scopes of an auditor', async () => {
    await expectGranted(grant(await assertion(world, 'auditor:test'), { scope: 'audit' }), 'audit')
    await expectGranted(grant(await assertion(world, 'auditor:test')), 'audit audit:hiv')
  })
  test('the assertion or the token would be logged', () => {
    expectNoTrace(running.log, ['eyJ'])
    const events = running.log.map((line) => JSON.parse(line)).filter((event) => event.route === '/oauth/token')
    expect(events.every((event) => event.status === 200 && event.code === null)).toBe(true)
  })
})

test('a token would outlive the key that obtained it', async () => {
  const key = await makeSigningKey('key-short')
  await register(CLIENT, 'key-short', key, 90_000)
  const reply = await send(running.url, grant(await assertion(world, CLIENT, { key })))
  const lifeSeconds = Number(reply.json['expires_in'])
  expect(reply.status).toBe(200)
  expect(lifeSeconds).toBeGreaterThan(0)
  expect(lifeSeconds).toBeLessThanOrEqual(90)
  const { iat = 0, exp = 0 } = decodeJwt(String(reply.json['access_token']))
  expect(exp - iat).toBe(lifeSeconds)
})

describe('a form that is not the one of RFC 7523 would be taken', () => {
  async function refused(request: Request, status: number, code: ErrorCode, error: string, more = {}) {
    const reply = await expectRefused(world, running, request, { status, code, ...more }, ['eyJ'])
    expect(reply.json['error']).toBe(error)
    expect(reply.headers.get('cache-control')).toBe('no-store')
    return reply
  }
  const missingGrant = { at: '/grant_type', issue: 'member_missing' }

  test('without grant_type', async () => {
    const request = grant(await assertion(world, CLIENT), { grant_type: null })
    await refused(request, 400, 'invalid_request', 'invalid_request', missingGrant)
    const empty = grant(await assertion(world, CLIENT), { grant_type: '' })
    await refused(empty, 400, 'invalid_request', 'invalid_request', missingGrant)
    await refused(formOf(''), 400, 'invalid_request', 'invalid_request', missingGrant)
  })
  test('with another grant_type', async () => {
    for (const grant_type of ['authorization_code', 'password', 'CLIENT_CREDENTIALS', MARK]) {
      const request = grant(await assertion(world, CLIENT), { grant_type })
      await refused(request, 400, 'grant_unsupported', 'unsupported_grant_type')
    }
  })
  test('without assertion, or without its type', async () => {
    await refused(grant(null), 400, 'assertion_missing', 'invalid_request')
    await refused(grant(''), 400, 'assertion_missing', 'invalid_request')
    const jwt = await assertion(world, CLIENT)
    for (const client_assertion_type of [null, '', 'urn:ietf:params:oauth:grant-type:jwt-bearer', MARK]) {
      await refused(grant(jwt, { client_assertion_type }), 400, 'assertion_missing', 'invalid_request')
    }
  })
  test('with a secret instead', async () => {
    const request = grant(null, { client_id: CLIENT, client_secret: MARK })
    await refused(request, 400, 'assertion_missing', 'invalid_request')
  })
  test('with a parameter twice', async () => {
    const jwt = await assertion(world, CLIENT)
    const form = String(grant(jwt).body)
    for (const again of [
      `client_assertion=${jwt}`,
      'grant_type=client_credentials',
      `client_assertion_type=${encodeURIComponent(ASSERTION_TYPE)}`,
      'scope=verify&scope=share',
      `${MARK}=1&${MARK}=2`,
      'gr%61nt_type=password',
    ]) {
      await refused(formOf(`${form}&${again}`), 400, 'duplicate_member', 'invalid_request')
    }
  })
  test("with another client's id beside the assertion", async () => {
    const request = grant(await assertion(world, CLIENT), { client_id: 'facility:38002' })
    await refused(request, 401, 'assertion_malformed', 'invalid_client')
  })
  test('as JSON, or as nothing', async () => {
    const form = String(grant(await assertion(world, CLIENT)).body)
    for (const type of ['application/json', 'text/plain', 'multipart/form-data']) {
      const request = { path: '/oauth/token', headers: { 'content-type': type }, body: form }
      const reply = await refused(request, 415, 'unsupported_media_type', 'invalid_request')
      expect(reply.json.detail).toBe('application/x-www-form-urlencoded')
    }
  })
  test('in the query', async () => {
    const form = String(grant(await assertion(world, CLIENT)).body)
    const request = { ...formOf(''), path: `/oauth/token?${form}` }
    await refused(request, 400, 'invalid_request', 'invalid_request', missingGrant)
  })
  test('of 17 KiB, or not in UTF-8', async () => {
    const form = String(grant(await assertion(world, CLIENT)).body)
    await refused(formOf(`${form}&x=${'y'.repeat(17_000)}`), 413, 'body_too_large', 'invalid_request')
    const bytes = Buffer.concat([Buffer.from(`${form}&x=`), Buffer.of(0xff)])
    await refused({ ...formOf(''), body: bytes }, 400, 'invalid_utf8', 'invalid_request')
  })
  test('for a scope that its client does not have', async () => {
    for (const scope of ['audit', 'verify audit', 'ops', MARK, 'verify\tshare', ' ', 'VERIFY']) {
      const reply = await refused(
        grant(await assertion(world, CLIENT), { scope }),
        400,
        'scope_unknown',
        'invalid_scope',
      )
      expect(reply.json.detail).toBe('verify share')
    }
  })
})

describe('the keys of the service would be of no use, or of too much', () => {
  test('a private member would be shown', async () => {
    const reply = await send(running.url, { method: 'GET', path: '/.well-known/jwks.json' })
    const { kid, x } = world.tokenKeys.keys[0] ?? {}
    expect(reply.status).toBe(200)
    expect(reply.json).toEqual({ keys: [{ kty: 'OKP', crv: 'Ed25519', kid, x, alg: 'EdDSA', use: 'sig' }] })
    expect(reply.headers.get('cache-control')).toBe('public, max-age=300')
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/)
    for (const key of world.tokenKeys.keys) expect(reply.text).not.toContain(key.d)
  })
})
