import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type DatabaseProxy, startProxy } from '../support/proxy.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import { asking, expectProblem, logState, record, scan, send, type Wanted } from './http-support.ts'

const someone = record()
const request = { body: asking(scan(someone)) }
/** A statement's time-out and the second beside it. */
const STATEMENT_MS = 100
const GIVEN_UP_MS = STATEMENT_MS + 1_000
/** What a slow machine may need on top. */
const SLOW_MS = 1_500

let world: World
let token: string
let proxy: DatabaseProxy
let running: Running

/** Refused within the deadlines of so many statements, one after the other, and nothing is written. */
async function expectGivenUp(statements: number, wanted: Wanted): Promise<void> {
  const before = await logState(world)
  const startedMs = performance.now()
  const reply = await send(running.url, { token, ...request })
  expect(performance.now() - startedMs).toBeLessThan(statements * GIVEN_UP_MS + SLOW_MS)
  expectProblem(reply, wanted)
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await logState(world)).toEqual(before)
}

/** On Node it is asked in test/flows: silent-database, database-killed, connections-cut. */
describe.runIf(inject('workerBundle') !== undefined)('on workerd', () => {
  beforeAll(async () => {
    world = await createWorld([someone])
    token = await world.token('facility:38001')
    proxy = await startProxy(inject('cluster'))
    const through = new URL(world.appUrl)
    through.port = String(proxy.port)
    running = await world.start({ DATABASE_URL: through.href, DB_STATEMENT_TIMEOUT_MS: String(STATEMENT_MS) })
  })
  afterAll(async () => {
    proxy?.breakConnections()
    await world?.close()
    await proxy?.close().catch(() => {}) // the last test has closed it
  })

  test('a first request to a database that takes connections and says nothing would wait for ever', async () => {
    proxy.answers(false)
    await expectGivenUp(1, { status: 503, code: 'database_unavailable' })
    const { status, json } = await send(running.url, { method: 'GET', path: '/health/ready' })
    expect([status, json['reasons']]).toEqual([503, ['databaseUnreachable']])
  })

  test('one that falls silent between two requests would be waited for, or the second acknowledged', async () => {
    proxy.answers(true)
    await expectAnswered()
    proxy.answers(false)
    // the copy is given up, then the log; whether the entry was written nobody here can tell
    await expectGivenUp(2, { status: 503, code: 'log_outcome_unknown' })
  })

  test('one that is gone between two requests would be waited for, or the second acknowledged', async () => {
    proxy.answers(true)
    await expectAnswered()
    await proxy.close()
    // workerd does not tell a connection that was refused from one that was lost
    await expectGivenUp(2, { status: 503, code: 'log_outcome_unknown' })
  })
})

async function expectAnswered(): Promise<void> {
  const { status, json } = await send(running.url, { token, ...request })
  expect([status, json.code]).toEqual([200, 'valid'])
}
