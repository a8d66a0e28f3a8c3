import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildServer } from '../../loadtest/built-server.ts'
import { type ServeProcess, startServe } from '../../loadtest/serve-process.ts'
import { type MockRegistry, startRegistry } from '../../mocks/population-registry/server.ts'
import { DEMO_AGREEMENT } from '../../mocks/population-registry/start.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { asking, record, scan, send } from '../http/http-support.ts'
import { sumOf } from '../support/full-metrics.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { createWorld, SERVICE_ID, type World } from '../support/service.ts'

/** What is deployed is one program: whatever is loaded only when it is wanted must be in it too. */

const someone = record()
const cli = buildServer()
let world: World
let keys: Awaited<ReturnType<typeof keysFolder>>
let registry: MockRegistry
let server: ServeProcess
const traces: string[] = []
const collector = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (part) => {
    body += part
  })
  request.on('end', () => {
    traces.push(body)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
})

beforeAll(async () => {
  world = await createWorld([someone])
  keys = await keysFolder(world)
  const find = () => ({ fullName: someone.fullName, dateOfBirth: someone.dateOfBirth })
  registry = await startRegistry({
    ...{ credentials: DEMO_AGREEMENT, find, now: () => new Date(), random: Math.random, medianMs: 0 },
  })
  const agreement = join(keys.path, 'agreement.json')
  await writeFile(agreement, JSON.stringify(DEMO_AGREEMENT))
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  server = await startServe({
    databaseUrl: world.appUrl,
    keysFolder: keys.path,
    port: await anyFreePort(),
    cli,
    env: {
      SERVICE_ID,
      PROCESSES: '2',
      METRICS_PORT: '0',
      REGISTRY_URL: registry.url,
      REGISTRY_AGREEMENT_FILE: agreement,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    },
  })
})

afterAll(async () => {
  await server?.kill()
  await registry?.close()
  collector.close()
  await world?.close()
  await keys?.remove()
})

test('it would not answer, ask the registry, be measured or traced, or not end well', async () => {
  const token = await world.token('facility:38001')
  const registryConsent = { method: 'signedForm', reference: 'PDK-1', givenAt: new Date().toISOString() }
  const answer = await send(server.url, {
    token,
    body: asking(scan(someone), { officer: 'NV-1', registryConsent }),
  })
  expect(answer.json).toMatchObject({ decision: 'entitled', code: 'valid', identity: { registry: 'confirmed' } })
  expect(await (await fetch(`${server.url}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.0' })

  const metrics = /^metrics (http:\S+)$/m.exec(server.said())?.[1] ?? ''
  expect(sumOf(await (await fetch(metrics)).text(), 'kiemthe_decisions_total', { code: 'valid' })).toBe(1)

  expect(await server.terminate()).toBe(0)
  expect(traces.join()).toContain('append to log')
})

test('what is wrong would be said otherwise than by the program of many files', async () => {
  const port = await anyFreePort()
  const wrong = startServe({ databaseUrl: world.appUrl, keysFolder: '/nowhere', port, cli, env: { SERVICE_ID } })
  await expect(wrong).rejects.toThrow(/serve ended with 2 .*there is no file \/nowhere\/data-keys.json/s)
})
