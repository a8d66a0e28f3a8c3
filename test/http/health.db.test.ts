import { afterAll, afterEach, describe, expect, inject, test } from 'vitest'
import { asSuperuser } from '../support/cluster.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import {
  asking,
  expectNoTrace,
  expectProblem,
  expectRefused,
  logState,
  record,
  scan,
  secretsOf,
  send,
} from './http-support.ts'

const HOUR_MS = 3_600_000
const someone = record()
const secrets = secretsOf(someone)
const body = asking(scan(someone))
const worlds: World[] = []

/** postgres.js takes its whole time-out to end a pool that lost a connection: begun as soon as a test is through. */
const closing: Promise<void>[] = []

afterEach(() => {
  closing.push(...worlds.splice(0).map((each) => each.close()))
})

afterAll(() => Promise.all(closing))

async function newWorld(
  rows = [someone],
  asOf = new Date(),
): Promise<{ world: World; running: Running; token: string }> {
  const world = await createWorld(rows, { asOf })
  worlds.push(world)
  return { world, running: await world.start(), token: await world.token('facility:38001') }
}

async function health(running: Running, name: 'live' | 'ready') {
  const { status, json, headers } = await send(running.url, { method: 'GET', path: `/health/${name}` })
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  return { status, json: json as unknown as Record<string, unknown>, retryAfter: headers.get('retry-after') }
}

function notReady(reason: string) {
  return { status: 503, json: expect.objectContaining({ status: 'notReady', reasons: [reason] }), retryAfter: '2' }
}

describe('an append whose end is not known would be called a failure, or be done twice', () => {
  /** Answers once the append waits for the head's row, which the test holds. */
  async function whileHeadIsLocked<T>(world: World, work: () => Promise<T>): Promise<T> {
    const held = await world.owner.begin(async (tx) => {
      await tx`select size from log_head for update`
      return { result: await work() }
    })
    return held.result
  }

  async function appendBackend(world: World): Promise<number> {
    let pid = 0
    await expect
      .poll(async () => {
        const [row] = await world.owner<{ pid: number }[]>`
          select pid from pg_stat_activity
           where datname = current_database() and application_name = 'kiemthe serve' and wait_event_type = 'Lock'`
        pid = row?.pid ?? 0
        return pid
      })
      .toBeGreaterThan(0)
    return pid
  }

  const unknown = { status: 503, code: 'log_outcome_unknown' } as const
  const request = { body, headers: { 'idempotency-key': 'visit-1' } }

  test('its connection was cut', async () => {
    const { world, running, token } = await newWorld()
    const reply = await whileHeadIsLocked(world, async () => {
      const waiting = send(running.url, { token, ...request })
      await world.owner`select pg_terminate_backend(${await appendBackend(world)})`
      return waiting
    })
    expectProblem(reply, unknown)
    expect(reply.headers.get('retry-after')).toBe('2')
    expectNoTrace([reply.text, ...running.log], secrets)
    await repeatOnce(world, running, token)
  })
  test('it took too long', async () => {
    const { world, token } = await newWorld()
    const brief = await world.start({ DB_STATEMENT_TIMEOUT_MS: '300' })
    expectProblem(await whileHeadIsLocked(world, () => send(brief.url, { token, ...request })), unknown)
    await repeatOnce(world, brief, token)
  })

  /** What the problem advises: the same bytes with the same key. */
  async function repeatOnce(world: World, running: Running, token: string) {
    expect((await logState(world)).size).toBe(0)
    const first = await send(running.url, { token, ...request })
    const again = await send(running.url, { token, ...request })
    expect([first.status, again.text]).toEqual([200, first.text])
    expect(await logState(world)).toEqual({ size: 1, entries: 1, details: 1, keys: 1 })
  }
})

describe('an instance that can answer and log would be taken off', () => {
  const degraded = (...reasons: string[]) => ({ status: 200, json: { status: 'degraded', reasons }, retryAfter: null })

  test('while nothing is amiss; or its health would be an entry of the log, or name somebody', async () => {
    const { world, running } = await newWorld()
    expect(await health(running, 'ready')).toEqual({
      status: 200,
      json: { status: 'ready', reasons: [] },
      retryAfter: null,
    })
    expect(await health(running, 'live')).toEqual({ status: 200, json: { status: 'live' }, retryAfter: null })
    expect((await logState(world)).size).toBe(0)
    expectNoTrace(running.log, secrets)
  })
  test('while its copy is late, or past its bound', async () => {
    const { world, running } = await newWorld([someone], new Date(Date.now() - 40 * HOUR_MS))
    expect(await health(running, 'ready')).toEqual(degraded('copyLate'))
    await world.owner`update feed_watermark set as_of = now() - interval '200 hours'`
    expect(await health(running, 'ready')).toEqual(degraded('copyStale'))
  })
  test('while it has no copy, or rows in quarantine', async () => {
    const empty = await newWorld([])
    expect(await health(empty.running, 'ready')).toEqual(degraded('copyMissing'))
    const doubtful = await newWorld([someone, record({ citizenId: '12345' })])
    expect(await health(doubtful.running, 'ready')).toEqual(degraded('rowsInQuarantine'))
    await doubtful.world.owner`update quarantine set resolved = true`
    expect((await health(doubtful.running, 'ready')).json).toEqual({ status: 'ready', reasons: [] })
  })
})

describe('an instance that cannot log would be left on, or would answer', () => {
  test('without the right to insert into one of its tables', async () => {
    const { world, running, token } = await newWorld()
    for (const [index, table] of ['log_entry', 'entry_detail'].entries()) {
      await world.owner.unsafe(`revoke insert on ${table} from kiemthe_app`)
      expect(await health(running, 'ready')).toEqual(notReady('logNotWritable'))
      expect((await health(running, 'live')).status).toBe(200)
      const wanted = { status: 503, code: 'log_unavailable' } as const
      for (const headers of [{}, { 'idempotency-key': table }]) {
        const reply = await expectRefused(world, running, { token, body, headers }, wanted, secrets)
        expect(reply.headers.get('retry-after')).toBe('2')
        const event = JSON.parse(running.log.at(-1) ?? '{}')
        expect(event).toMatchObject({ level: 50, status: 503, failure: { name: 'PostgresError', sqlState: '42501' } })
      }
      await world.owner.unsafe(`grant insert on ${table} to kiemthe_app`)
      expect((await health(running, 'ready')).status).toBe(200)
      const reply = await send(running.url, { token, body, headers: { 'idempotency-key': table } })
      expect({ status: reply.status, index: reply.json.receipt?.index }).toEqual({ status: 200, index })
    }
  })
  test('without a log head', async () => {
    const { world, running, token } = await newWorld()
    await world.owner`delete from log_head`
    expect(await health(running, 'ready')).toEqual(notReady('logNotWritable'))
    const reply = await send(running.url, { token, body })
    expect(reply.status).toBe(503)
    const [left] = await world.owner<{ count: number }[]>`
      select (select count(*) from log_entry) + (select count(*) from entry_detail) as count`
    expect(left?.count).toBe(0)
  })
})

test('a crowd past the bound would wait for ever, or be half done', async () => {
  const { world, token } = await newWorld()
  const running = await world.start({ DB_STATEMENT_TIMEOUT_MS: '60000' })
  // one append is in flight, 1,024 wait: see APPEND_GROUP in node.ts
  const crowd = await world.owner.begin(async (tx) => {
    await tx`select size from log_head for update`
    // of two facilities: one alone is not let have all the room (`limits/gate.ts`)
    const other = await world.token('facility:38002')
    let refusals = 0
    const ask = async (as: string) => {
      const reply = await send(running.url, { token: as, body })
      if (reply.status === 503) refusals++
      return reply
    }
    // whoever comes in the same turn as the first shares its append: so it is in flight before the others come
    const first = ask(other)
    const held = () => tx<{ n: number }[]>`select count(*)::int as n from pg_locks where not granted`
    await expect.poll(async () => (await held())[0]?.n, { timeout: 50_000 }).toBe(1)
    const asked = [first, ...Array.from({ length: 1_099 }, (_, n) => ask(n % 2 ? token : other))]
    await expect.poll(() => refusals, { timeout: 50_000 }).toBeGreaterThanOrEqual(1_100 - 1_025)
    return { asked }
  })
  const replies = await Promise.all(crowd.asked)
  const refused = replies.filter((each) => each.status !== 200)
  expect(refused).toHaveLength(1_100 - 1_025)
  for (const reply of refused) {
    expectProblem(reply, { status: 503, code: 'overloaded' })
    expect(reply.headers.get('retry-after')).toBe('1')
  }
  expect(await logState(world)).toMatchObject({ size: 1_025, entries: 1_025, details: 1_025 })
})

test('an instance whose database is gone would be left on, or would answer', async () => {
  const { world, running, token } = await newWorld()
  expect((await send(running.url, { token, body })).status).toBe(200)
  const superuser = asSuperuser(inject('cluster'))
  await superuser.unsafe(`drop database ${new URL(world.ownerUrl).pathname.slice(1)} with (force)`)
  await superuser.end()

  expect(await health(running, 'ready')).toEqual(notReady('databaseUnreachable'))
  expect((await health(running, 'live')).status).toBe(200)
  for (let i = 0; i < 3; i++) {
    const reply = await send(running.url, { token, body })
    const code = reply.json.code as 'log_unavailable'
    expect(['log_unavailable', 'log_outcome_unknown', 'database_unavailable']).toContain(code)
    expectProblem(reply, { status: 503, code })
    expect(reply.headers.get('retry-after')).toBe('2')
    expectNoTrace([reply.text, ...running.log], secrets)
  }
  const path = '/v1/verifications/v1-0'
  const byId = await send(running.url, { method: 'GET', path, token })
  expectProblem(byId, { status: 503, code: 'database_unavailable' })
})
