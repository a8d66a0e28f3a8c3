import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { type RunningServer, startServer } from '../../src/node.ts'
import { type DatabaseProxy, startProxy } from '../support/proxy.ts'
import { createWorld, post, testConfig, type World } from '../support/service.ts'

const today = todayInVietnam(new Date())
const someone = person({ seed: 'silent', baseDate: today }, 0)
const body = { evidence: { kind: 'chipIdQr', text: chipIdQrText(someone) }, serviceDate: today, purpose: 'arrival' }

let world: World
let proxy: DatabaseProxy
let server: RunningServer

beforeAll(async () => {
  world = await createWorld(someone.coverages)
  proxy = await startProxy(inject('cluster'))
  const through = new URL(world.appUrl)
  through.port = String(proxy.port)
  server = await startServer(
    testConfig(through.href, { DB_STATEMENT_TIMEOUT_MS: '100', DB_CONNECTIONS_MAX: '2', DRAIN_TIMEOUT_MS: '1000' }),
    { data: world.dataKeys, token: world.tokenKeys },
    { write: () => {} },
  )
})

afterAll(async () => {
  proxy?.breakConnections()
  await server?.close()
  await proxy?.close()
  await world?.close()
})

// postgres.js has no deadline for an answer and never gives such a connection up: the service stays dead until TCP does
// (15 minutes), and what has no deadline of ours (the list of revocations) keeps its request for as long.
test.fails('connections that fell silent without a word (a switch, a firewall) are given up; new ones serve', async () => {
  const token = await world.token('facility:38001')
  const ask = async () => (await post(`http://127.0.0.1:${server.port}`, token, body)).status
  expect(await ask()).toBe(200)
  // until no connection of the pool is heard any more; new ones are not touched
  for (let status = 200; status === 200; ) {
    proxy.loseAnswers()
    status = await ask()
  }
  await expect.poll(ask, { timeout: 3_000 }).toBe(200)
})
