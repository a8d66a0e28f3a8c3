import { afterAll, beforeAll, expect, test } from 'vitest'
import { revokeKeys } from '../../src/access/store.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import { asking, expectProblem, expectRefused, record, scan, secretsOf, send } from './http-support.ts'

/** Contract: a revocation takes effect within 5 s, everywhere. */
const BOUND_MS = 5_000

const someone = record()
const good = asking(scan(someone))

let world: World
let servers: Running[]

beforeAll(async () => {
  world = await createWorld([someone])
  servers = [await world.start(), await world.start()]
})

afterAll(() => world?.close())

/** Asks all servers until each has refused; the milliseconds since `act` was done. Before it, all must answer. */
async function untilRefused(token: string, act: () => Promise<unknown>): Promise<number> {
  const statuses = () => Promise.all(servers.map(async ({ url }) => (await send(url, { token, body: good })).status))
  expect(await statuses()).toEqual([200, 200])
  await act()
  const since = performance.now()
  await expect.poll(statuses, { timeout: BOUND_MS, interval: 100 }).toEqual([401, 401])
  return performance.now() - since
}

test('a token would outlive the revocation of its key by more than 5 s, remembered or not, on any server', async () => {
  const token = await world.token('facility:38001')
  const tookMs = await untilRefused(token, () => revokeKeys(world.owner, 'facility:38001', 'key-1'))
  expect(tookMs).toBeLessThanOrEqual(BOUND_MS)
  for (const server of servers) {
    for (const each of [token, await world.token('facility:38001')]) {
      const wanted = { status: 401, code: 'token_revoked' } as const
      await expectRefused(world, server, { token: each, body: good }, wanted, secretsOf(someone))
    }
  }
})

test('a token would outlive the disabling of its client by more than 5 s', async () => {
  const token = await world.token('facility:38002')
  const tookMs = await untilRefused(
    token,
    () => world.owner`update client set disabled_at = now() where client_id = 'facility:38002'`,
  )
  expect(tookMs).toBeLessThanOrEqual(BOUND_MS)
  for (const { url } of servers) {
    expectProblem(await send(url, { token, body: good }), { status: 401, code: 'token_revoked' })
  }
})

test('the revocation of one client would end the tokens of others', async () => {
  const auditor = await world.token('auditor:test')
  const headers = { 'audit-purpose': 'claimReview' }
  const request = { method: 'GET', path: '/v1/verifications/v1-0', token: auditor, headers }
  expect((await send(servers[0]?.url ?? '', request)).status).toBe(200)
})

test('a server that cannot read the list of revocations would trust every token', async () => {
  const third = await world.start()
  const token = await world.token('auditor:test')
  await world.owner`revoke select on client_key from kiemthe_app`
  const wanted = { status: 503, code: 'database_unavailable' } as const
  const path = '/v1/verifications/v1-0'
  const reply = await expectRefused(world, third, { method: 'GET', path, token }, wanted, secretsOf(someone))
  expect(reply.headers.get('retry-after')).toBe('2')
  await world.owner`grant select on client_key to kiemthe_app`
  expectProblem(await send(third.url, { method: 'GET', path, token }), { status: 400, code: 'audit_purpose_missing' })
})

test('a crowd that comes after a pause would ask for the list one by one', async () => {
  const fourth = await world.start({ DB_CONNECTIONS_MAX: '10' })
  const token = await world.token('auditor:test')
  const request = { method: 'GET', path: '/v1/verifications/v1-0', token }
  // the list is made to wait, so that all who ask for it are seen
  const crowd = await world.owner.begin(async (tx) => {
    await tx`lock table client_key in access exclusive mode`
    const asked = Array.from({ length: 40 }, () => send(fourth.url, request))
    await expect.poll(async () => await statementsWaiting(), { timeout: 2_500, interval: 50 }).toBeGreaterThan(0)
    await new Promise((resolve) => setTimeout(resolve, 200)) // for those that would come behind
    expect(await statementsWaiting()).toBe(1)
    return { asked }
  })
  for (const reply of await Promise.all(crowd.asked)) expect(reply.json.code).toBe('audit_purpose_missing')
})

async function statementsWaiting(): Promise<number> {
  const [row] = await world.owner<{ count: number }[]>`
    select count(*) from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query like '%client_key%'`
  return row?.count ?? 0
}
