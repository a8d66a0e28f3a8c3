import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolmentDigest, keyIdOf, makeEnrolmentCode, PROOF_TYPE, type PublicJwk } from '../../src/access/enrolment.ts'
import { ROLE_SCOPES } from '../../src/access/principal.ts'
import { openEnrolment, revokeKeys } from '../../src/access/store.ts'
import { makeSigningKey } from '../../src/access/token-keys.ts'
import { appendDeed } from '../../src/audit/log.ts'
import { operatorDeed } from '../../src/cli/operator-deed.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { logState, sound } from '../support/log.ts'
import { createWorld, PUBLIC_URL, type Running, type World } from '../support/service.ts'
import { send } from './http-support.ts'
import { assertion, grant } from './oauth-support.ts'

const CLIENT = 'facility:38003'
const URL = `${PUBLIC_URL}/v1/enrolments`

let world: World
let running: Running

beforeAll(async () => {
  world = await createWorld([])
  running = await world.start()
})
afterAll(() => world?.close())

/** What `facility add` does; `days` from now it expires. */
async function open(clientId = CLIENT, options: { days?: number; tries?: number } = {}): Promise<string> {
  const keys = deriveDataKeys(world.dataKeys)
  const code = makeEnrolmentCode()
  const facility = clientId.slice('facility:'.length)
  const expiresAt = new Date(Date.now() + (options.days ?? 7) * 86_400_000)
  await appendDeed(world.owner, operatorDeed(keys, 'enrolmentOpened', facility, { client: clientId }, {}), (sql) =>
    openEnrolment(
      sql,
      { clientId, facility, scopes: ROLE_SCOPES.facility },
      { digest: enrolmentDigest(keys, clientId, code), expiresAt, tries: options.tries ?? 20 },
    ),
  )
  return code
}

async function pair(): Promise<{ publicJwk: PublicJwk; privateJwk: JWK }> {
  const { kid: _, d, ...publicJwk } = await makeSigningKey('x')
  return { publicJwk, privateJwk: { ...publicJwk, d } }
}

async function proof(privateJwk: JWK, claims: Record<string, unknown> = {}, typ = PROOF_TYPE): Promise<string> {
  const seconds = Math.floor(Date.now() / 1000)
  const alg = privateJwk.kty === 'EC' ? 'ES256' : 'EdDSA'
  return new SignJWT({ sub: CLIENT, aud: URL, iat: seconds, exp: seconds + 120, ...claims })
    .setProtectedHeader({ alg, typ })
    .sign(await importJWK(privateJwk, alg))
}

async function enrol(code: string, key = pair(), more: Record<string, unknown> = {}) {
  const { publicJwk, privateJwk } = await key
  const clientId = typeof more['clientId'] === 'string' ? more['clientId'] : CLIENT
  const body = { clientId, code, publicJwk, proof: await proof(privateJwk, { sub: clientId }), ...more }
  return send(running.url, { path: '/v1/enrolments', body: JSON.stringify(body) })
}

const keysOf = async (clientId: string) =>
  (await world.owner`select key_id from client_key where client_id = ${clientId}`).map((row) => row['key_id'])

test.each(['OKP', 'EC'])('a code and a new key (%s) would not be enough to get a token', async (kty) => {
  const code = await open()
  const before = await logState(world.owner)
  let key = await pair()
  if (kty === 'EC') {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const { d = '', x = '', y = '' } = await exportJWK(privateKey)
    const publicJwk = { kty: 'EC', crv: 'P-256', x, y } as const
    key = { publicJwk, privateJwk: { ...publicJwk, d } }
  }
  // as somebody types it who was told it over a telephone
  const reply = await enrol(code.toLowerCase().replaceAll('-', ' '), Promise.resolve(key))
  expect([reply.status, JSON.parse(reply.text)]).toEqual([201, { clientId: CLIENT, keyId: keyIdOf(key.publicJwk) }])

  const signed = await assertion(world, CLIENT, { key: { ...key.privateJwk, kid: keyIdOf(key.publicJwk) } })
  expect((await send(running.url, grant(signed))).status).toBe(200)

  expect(await logState(world.owner)).toEqual(sound(before.size + 1))
  const [entry] = await world.owner<{ body: string }[]>`select body from log_entry order by leaf_index desc limit 1`
  expect(JSON.parse(entry?.body ?? '')).toMatchObject({
    kind: 'clientKeyEnrolled',
    facility: '38003',
    outcome: { client: CLIENT, key: keyIdOf(key.publicJwk), by: 'code' },
  })
  expect(entry?.body).not.toContain(code)
  await revokeKeys(world.owner, CLIENT, null)
})

test('a code would be used twice, or a lost answer would cost the facility its code', async () => {
  const code = await open()
  const key = pair()
  expect((await enrol(code, key)).status).toBe(201)
  const before = await logState(world.owner)
  expect((await enrol(code, key)).status).toBe(200) // the same key: its first answer was lost
  expect((await enrol(code)).json.code).toBe('enrolment_refused')
  expect(await logState(world.owner)).toEqual(before)
  await revokeKeys(world.owner, CLIENT, null)
  // a key that was revoked does not come back by its old code
  expect((await enrol(code, key)).json.code).toBe('enrolment_refused')
})

test('two at once would both be registered by one code', async () => {
  const code = await open()
  const replies = await Promise.all(Array.from({ length: 10 }, () => enrol(code)))
  expect(replies.map((each) => each.status).sort()).toEqual([201, ...Array(9).fill(403)])
  await revokeKeys(world.owner, CLIENT, null)
})

test('a refusal would tell why: wrong, expired, used, another facility’s, unknown', async () => {
  const own = await open()
  await open('facility:38004')
  const expired = await open('facility:38005', { days: -1 })
  const used = await open('facility:38006')
  expect((await enrol(used, pair(), { clientId: 'facility:38006' })).status).toBe(201)
  const before = await logState(world.owner)
  const replies = [
    await enrol(makeEnrolmentCode()),
    await enrol(own, pair(), { clientId: 'facility:38004' }),
    await enrol(expired, pair(), { clientId: 'facility:38005' }),
    await enrol(used, pair(), { clientId: 'facility:38006' }),
    await enrol(own, pair(), { clientId: 'facility:99999' }),
    await enrol(own, pair(), { clientId: 'auditor:test' }),
  ]
  const seen = replies.map(({ status, text }) => [status, text.replaceAll(/"requestId":"[^"]+"/g, '')])
  expect(new Set(seen.map((each) => JSON.stringify(each))).size).toBe(1)
  expect(replies[0]?.json).toMatchObject({ status: 403, code: 'enrolment_refused' })
  expect(await logState(world.owner)).toEqual(before)
  expect(await keysOf('facility:38004')).toEqual([])
})

test('a code would bear more wrong tries than it may, and then the right one', async () => {
  const code = await open(CLIENT, { tries: 3 })
  for (let i = 0; i < 3; i++) expect((await enrol(makeEnrolmentCode())).status).toBe(403)
  expect((await enrol(code)).status).toBe(403)
  expect((await enrol(await open())).status).toBe(201) // a new code has tries of its own
  await revokeKeys(world.owner, CLIENT, null)
})

test('somebody else’s public key, or a proof made for something else, would be registered', async () => {
  const code = await open()
  const { publicJwk, privateJwk } = await pair()
  const other = await pair()
  const seconds = Math.floor(Date.now() / 1000)
  const proofs = [
    await proof(other.privateJwk),
    await proof(privateJwk, { sub: 'facility:38004' }),
    await proof(privateJwk, { aud: `${PUBLIC_URL}/oauth/token` }),
    await proof(privateJwk, { iat: seconds - 600, exp: seconds - 300 }),
    await proof(privateJwk, { exp: seconds + 86_400 }),
    await proof(privateJwk, {}, 'at+jwt'),
    'no.jws.here',
  ]
  for (const each of proofs) {
    const reply = await enrol(code, Promise.resolve({ publicJwk, privateJwk }), { proof: each })
    expect([reply.status, reply.json.code]).toEqual([400, 'key_proof_invalid'])
  }
  // the private half is refused before it is used for anything
  const leaked = await enrol(code, Promise.resolve({ publicJwk: privateJwk as unknown as PublicJwk, privateJwk }))
  expect(leaked.json.errors).toEqual([expect.objectContaining({ code: 'member_unknown' })])
  // none of these spent the code
  expect((await enrol(code)).status).toBe(201)
  await revokeKeys(world.owner, CLIENT, null)
})

test('a facility could not renew its key by itself, or could for another one', async () => {
  const { publicJwk, privateJwk } = await pair()
  const ask = async (clientId: string, signer: string) =>
    send(running.url, {
      path: '/v1/enrolments',
      body: JSON.stringify({
        clientId,
        publicJwk,
        proof: await proof(privateJwk, { sub: clientId }),
        assertion: await assertion(world, signer, { claims: { aud: URL } }),
      }),
    })
  expect((await ask('facility:38001', 'facility:38002')).json.code).toBe('enrolment_refused')
  expect((await ask('facility:38001', 'facility:38001')).status).toBe(201)
  expect((await keysOf('facility:38001')).sort()).toEqual(['key-1', keyIdOf(publicJwk)].sort()) // overlap
})

test('a client would gather keys without end', async () => {
  for (let i = 0; i < 4; i++) expect((await enrol(await open())).status).toBe(201)
  const reply = await enrol(await open())
  expect([reply.status, reply.json.code]).toEqual([409, 'too_many_keys'])
  await revokeKeys(world.owner, CLIENT, null)
})

test('enrolments would be asked for without bound', async () => {
  running = await world.start() // all others together stay under a bound of 50 at once; this one spends a bound of its own
  const replies = await Promise.all(Array.from({ length: 80 }, () => enrol('0')))
  expect(replies.filter((each) => each.status === 503 && each.text.includes('"overloaded"')).length).toBeGreaterThan(0)
})
