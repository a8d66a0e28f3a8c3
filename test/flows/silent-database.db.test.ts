import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { type RunningServer, startServer } from '../../src/node.ts'
import { assertion, grant } from '../http/oauth-support.ts'
import { type DatabaseProxy, startProxy } from '../support/proxy.ts'
import { createWorld, post, testConfig, type World } from '../support/service.ts'

const today = todayInVietnam(new Date())
const someone = person({ seed: 'silent', baseDate: today }, 0)
const body = { evidence: { kind: 'chipIdQr', text: chipIdQrText(someone) }, serviceDate: today, purpose: 'arrival' }
/** A statement's time-out and the second beside it; and what a slow machine may need on top. */
const STATEMENT_MS = 500
const GIVEN_UP_MS = STATEMENT_MS + 1_000 + 1_500

let world: World
let proxy: DatabaseProxy
let token: string
let server: RunningServer
const servers: RunningServer[] = []

beforeAll(async () => {
  world = await createWorld(someone.coverages)
  proxy = await startProxy(inject('cluster'))
  token = await world.token('facility:38001')
})

// each on a service of its own: its list of revocations is empty, its connections are few and known
beforeEach(async () => {
  const through = new URL(world.appUrl)
  through.port = String(proxy.port)
  const limits = { DB_STATEMENT_TIMEOUT_MS: String(STATEMENT_MS), DB_CONNECTIONS_MAX: '2', DRAIN_TIMEOUT_MS: '1000' }
  server = await startServer(
    testConfig(through.href, limits),
    { data: world.dataKeys, token: world.tokenKeys },
    { write: () => {} },
  )
  servers.push(server)
})

afterAll(async () => {
  proxy?.breakConnections()
  await Promise.all(servers.map((each) => each.close()))
  await proxy?.close()
  await world?.close()
})

const at = (path: string) => `http://127.0.0.1:${server.port}${path}`

async function verify() {
  const { status, body: reply } = await post(at(''), token, body)
  return { status, code: reply.code, id: reply.id }
}

async function ready() {
  const response = await fetch(at('/health/ready'))
  const { reasons } = (await response.json()) as { reasons: string[] }
  return { status: response.status, reasons }
}

async function readBack(id: string | undefined) {
  const response = await fetch(at(`/v1/verifications/${id}`), { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, code: ((await response.json()) as { code: string }).code }
}

async function askToken() {
  const { path, headers, body } = grant(await assertion(world, 'facility:38001'))
  const response = await fetch(at(path ?? ''), { method: 'POST', headers: { ...headers }, body: String(body) })
  return { status: response.status, code: ((await response.json()) as { code?: string }).code }
}

/** As a switch or a firewall does it: no connection of the service is heard any more, new ones are not touched. */
async function givenUpInTime<T>(ask: () => Promise<T>): Promise<T> {
  proxy.loseAnswers()
  const startedMs = performance.now()
  const reply = await ask()
  expect(performance.now() - startedMs).toBeLessThan(GIVEN_UP_MS)
  return reply
}

const unavailable = { status: 503, code: 'database_unavailable' }

describe('connections that fell silent without a word are given up, and new ones serve', () => {
  test('the patient of that moment is answered without the copy; the next one as ever', async () => {
    const before = await verify()
    expect(before).toMatchObject({ status: 200, code: someone.expected.code })
    // the read hangs, and the answer is logged over a fresh connection already
    expect(await givenUpInTime(verify)).toMatchObject({ status: 200, code: 'source_failed' })
    expect(await verify()).toMatchObject({ status: 200, code: before.code })
  })

  test('an append that was not heard of may stand in the log, and the caller is told so', async () => {
    await verify()
    const held = await world.owner.begin(async (tx) => {
      await tx`select size from log_head for update`
      const asked = verify()
      const waits = async () => {
        const [row] = await world.owner<{ waiting: number }[]>`
          select count(*)::int as waiting from pg_stat_activity
           where datname = current_database() and application_name = 'kiemthe serve' and wait_event_type = 'Lock'`
        return row?.waiting
      }
      await expect.poll(waits, { interval: 10, timeout: STATEMENT_MS }).toBe(1)
      proxy.loseAnswers()
      return { asked }
    })
    expect(await held.asked).toMatchObject({ status: 503, code: 'log_outcome_unknown' })
    expect(await verify()).toMatchObject({ status: 200, code: someone.expected.code })
  })

  test('the list of revocations: nobody passes without it, and nobody waits for it longer', async () => {
    expect(await givenUpInTime(verify)).toMatchObject(unavailable)
    expect(await verify()).toMatchObject({ status: 200, code: someone.expected.code })
  })

  test('readiness says so, for as long as it is true', async () => {
    expect(await ready()).toMatchObject({ status: 200 })
    expect(await givenUpInTime(ready)).toEqual({ status: 503, reasons: ['databaseUnreachable'] })
    expect(await ready()).toMatchObject({ status: 200 })
  })

  test('a verification by its id', async () => {
    const { id } = await verify()
    expect(await givenUpInTime(() => readBack(id))).toEqual(unavailable)
    expect(await readBack(id)).toMatchObject({ status: 200 })
  })

  test('a token', async () => {
    expect((await askToken()).status).toBe(200)
    expect(await givenUpInTime(askToken)).toEqual(unavailable)
    expect((await askToken()).status).toBe(200)
  })
})
