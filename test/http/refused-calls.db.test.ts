import { afterAll, beforeAll, expect, test } from 'vitest'
import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../../src/access/access-token.ts'
import { readClientId } from '../../src/access/principal.ts'
import { importTokenKeys, makeSigningKey } from '../../src/access/token-keys.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import type { Query } from '../../src/db/pool.ts'
import { recordRefused } from '../../src/host/refused-calls.ts'
import { createLimits } from '../../src/limits/limits.ts'
import { logState, sound } from '../support/log.ts'
import { createWorld, SERVICE_ID, testConfig, type World } from '../support/service.ts'
import { asking, expectProblem, record, scan, send, typed } from './http-support.ts'
import { assertion, grant } from './oauth-support.ts'

const someone = record()
const stranger = record()
const FACILITY = 'facility:38001'
const OTHER = 'facility:38002'
let world: World

beforeAll(async () => {
  world = await createWorld([someone])
})

afterAll(() => world?.close())

interface Body {
  readonly facility: string | null
  readonly outcome: Readonly<Record<string, string | number>>
}

/** Of the entries of refused calls, those after `index`. */
async function refusedSince(index: number): Promise<Body[]> {
  const rows = await world.owner<{ body: string; client: string }[]>`
    select e.body, d.client from log_entry e join entry_detail d using (log_id, leaf_index)
     where leaf_index >= ${index} and body like '%"kind":"refusedCalls"%' order by leaf_index`
  return rows.map(({ body, client }) => {
    const read: Body = JSON.parse(body)
    expect(read.outcome['client']).toBe(client)
    return read
  })
}

/** A token under the name of our key, by somebody else. */
async function forged(clientId: string): Promise<string> {
  const keys = await importTokenKeys({ keys: [await makeSigningKey('token-1')] })
  const issue = { clientId, keyId: 'key-1', scopes: ['verify'] as const, lifeSeconds: TOKEN_LIFE_SECONDS }
  return issueAccessToken(keys, SERVICE_ID, new Date(), issue)
}

test('who was refused, and how often, would not be in the log; or under a name that was only claimed', async () => {
  const { size } = await logState(world.owner)
  const running = await world.start({ GUESSING_MISSES_PER_HOUR: '1' })
  const token = await world.token(FACILITY)
  const ask = async (status: number, request: Parameters<typeof send>[1]) => {
    const reply = await send(running.url, request)
    expect(reply.status).toBe(status)
    return reply
  }
  const body = asking(scan(someone))
  const { json } = await ask(200, { token, body })
  // of another: an id that is there and one that is not are one refusal
  const other = await world.token(OTHER)
  for (const id of [json.id, 'v1-999999']) {
    await ask(404, { token: other, method: 'GET', path: `/v1/verifications/${id}` })
  }
  for (let i = 0; i < 3; i++) await ask(403, { token: await world.token('feed:vss'), body })
  await ask(400, { token: await world.token('auditor:test'), method: 'GET', path: `/v1/verifications/${json.id}` })
  // alone and in a batch: two misses, then none is looked at
  const missing = asking(typed(stranger))
  for (let i = 0; i < 2; i++) await ask(200, { token, body: missing })
  await ask(429, { token, body: missing })
  await ask(200, { token, path: '/v1/verifications/batch', body: { items: [missing, body, missing] } })
  const old = await world.token(FACILITY, { now: new Date(Date.now() - 3_600_000) })
  await ask(401, { token: old, body })
  const signed = await assertion(world, FACILITY)
  await ask(200, grant(signed))
  await ask(401, grant(signed))
  // who claims to be a facility does not bring it into the log
  for (let i = 0; i < 2; i++) await ask(401, { token: await forged(FACILITY), body })
  await ask(401, grant(await assertion(world, FACILITY, { key: await makeSigningKey('key-1') })))
  // no refusals: nothing is here, or the program is wrong
  await ask(404, { token, method: 'GET', path: '/v1/nothing' })
  await ask(400, { token, body: '{' })
  expect(await refusedSince(size)).toEqual([])

  const recorded = (await logState(world.owner)).size
  await running.server.close()
  const from = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000)
  const span = { from: from.toISOString(), to: new Date(from.getTime() + 86_400_000).toISOString() }
  const entries = (await refusedSince(size)).map(({ facility, outcome }) => ({ facility, outcome }))
  expect(entries).toHaveLength(5)
  expect(entries).toEqual(
    expect.arrayContaining([
      { facility: '38002', outcome: { client: OTHER, ...span, verification_not_found: 2 } },
      { facility: null, outcome: { client: 'feed:vss', ...span, scope_missing: 3 } },
      { facility: null, outcome: { client: 'auditor:test', ...span, audit_purpose_missing: 1 } },
      {
        facility: '38001',
        outcome: { client: FACILITY, ...span, guessing_suspected: 3, token_expired: 1, assertion_replayed: 1 },
      },
      { facility: null, outcome: { client: 'unproven', ...span, token_signature: 2, assertion_signature: 1 } },
    ]),
  )
  expect(await logState(world.owner)).toEqual(sound(recorded + 5))
})

/** A server that is refusing, and how many of its refusals are in the log. */
async function refusing() {
  const { size } = await logState(world.owner)
  const running = await world.start({ REFUSED_CALLS_WINDOW_SECONDS: '1' })
  const token = await world.token('feed:vss')
  const refuse = async () => {
    expectProblem(await send(running.url, { token, body: '{}' }), { status: 403, code: 'scope_missing' })
  }
  const counted = async () =>
    (await refusedSince(size)).reduce((sum, { outcome }) => sum + Number(outcome['scope_missing']), 0)
  return { running, refuse, counted }
}

test('a minute that is over would not be written behind the requests that follow', async () => {
  const { running, refuse, counted } = await refusing()
  await refuse()
  const later = async () => {
    await send(running.url, { method: 'GET', path: '/health/live' })
    return counted()
  }
  await expect.poll(later, { timeout: 30_000 }).toBe(1)
})

test('a minute that is over would wait for another request; or a log that failed would cost its counts', async () => {
  const { running, refuse, counted } = await refusing()
  await refuse()
  await expect.poll(counted, { timeout: 30_000 }).toBe(1)

  await world.owner`revoke insert on log_entry from kiemthe_app`
  try {
    for (let i = 0; i < 5; i++) await refuse()
    const troubles = () => running.log.filter((line) => line.includes('refusedCallsNotRecorded')).length
    await expect.poll(troubles, { timeout: 30_000 }).toBeGreaterThan(1)
  } finally {
    await world.owner`grant insert on log_entry to kiemthe_app`
  }
  await refuse()
  await running.server.close()
  expect(await counted()).toBe(7)
})

test('a row whose commit is not known would stand in the log twice', async () => {
  const { size } = await logState(world.owner)
  const service = { dataKeys: deriveDataKeys(world.dataKeys), limits: createLimits(testConfig(world.appUrl, {})) }
  for (const client of ['facility:38001', 'facility:38002']) {
    service.limits.refused.note(readClientId(client)?.clientId ?? null, 'rate_limited', 0)
  }
  const now = new Date()
  // committed, and the connection is gone before that is told
  const cutOff: Query = async (work) => {
    await work(world.owner)
    throw new Error('cut off')
  }
  await expect(recordRefused(service, cutOff, now)).rejects.toThrow('cut off')
  const once = await logState(world.owner)
  expect(once).toEqual(sound(size + 2))
  await recordRefused(service, (work) => work(world.owner), new Date(now.getTime() + 1_000))
  expect(await logState(world.owner)).toEqual(once)
  expect(service.limits.refused.size()).toBe(0)
})
