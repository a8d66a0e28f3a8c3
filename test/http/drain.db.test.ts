import { once } from 'node:events'
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorld, type Running, type World } from '../support/service.ts'
import { asking, logState, record, scan, send } from './http-support.ts'

const someone = record()
const body = JSON.stringify(asking(scan(someone)))

let world: World
let token: string

beforeAll(async () => {
  world = await createWorld([someone])
  token = await world.token('facility:38001')
})

afterAll(() => world?.close())

interface Open {
  readonly request: ClientRequest
  readonly answer: Promise<{ status: number | undefined; json: Record<string, unknown> }>
}

/** A request whose head the server has read: it said `100 Continue`, and waits for the body. */
async function accepted(running: Running, agent: Agent): Promise<Open> {
  const request = httpRequest(`${running.url}/v1/verifications`, {
    method: 'POST',
    agent,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      expect: '100-continue',
    },
  })
  const answer = once(request, 'response').then(async ([response]: IncomingMessage[]) => {
    let text = ''
    for await (const part of response ?? []) text += part
    return { status: response?.statusCode, json: JSON.parse(text) }
  })
  answer.catch(() => {}) // looked at by the test
  request.flushHeaders()
  await once(request, 'continue')
  return { request, answer }
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.on('error', () => resolve(true))
  })
}

test('a drain would lose requests that were accepted, take new ones, or never end', async () => {
  const running = await world.start({ DB_STATEMENT_TIMEOUT_MS: '10000', DRAIN_TIMEOUT_MS: '15000' })
  const agent = new Agent({ keepAlive: true, maxSockets: 100 })
  const before = await logState(world)
  const open = await Promise.all(Array.from({ length: 50 }, () => accepted(running, agent)))
  let closed = false
  let closing: Promise<void> = Promise.resolve()

  await world.owner.begin(async (tx) => {
    // half of them wait in the log, half have not sent their body yet
    await tx`select size from log_head for update`
    for (const { request } of open.slice(0, 25)) request.end(body)
    closing = running.server.close().then(() => {
      closed = true
    })
    await expect.poll(() => isRefused(running.server.port)).toBe(true)
    for (const { request } of open.slice(25)) request.end(body)
    expect(closed).toBe(false)
  })

  const answers = await Promise.all(open.map((each) => each.answer))
  expect(answers.map((each) => each.status)).toEqual(Array(50).fill(200))
  expect(new Set(answers.map((each) => each.json['id'])).size).toBe(50)
  expect(await logState(world)).toMatchObject({ size: before.size + 50, entries: before.entries + 50 })
  await closing
  await running.server.close() // a second signal shares the first drain
  expect(await isRefused(running.server.port)).toBe(true)
  expect(running.log.filter((line) => line.includes('"msg":"request"'))).toHaveLength(50)
  expect(JSON.parse(running.log.at(-1) ?? '{}')).toMatchObject({ msg: 'drained' })
  agent.destroy()
})

/** What a balancer keeps open for later. Far below the 60 s after which the drain would cut whatever is left. */
const AT_ONCE_MS = 3_000

test('a connection between two requests would hold the drain up', async () => {
  const running = await world.start({ DRAIN_TIMEOUT_MS: '60000' })
  const agent = new Agent({ keepAlive: true })
  const { request, answer } = await accepted(running, agent)
  request.end(body)
  expect((await answer).status).toBe(200)
  await expectDrained(running)
  agent.destroy()
})

test('a connection on which nothing was ever sent would hold the drain up', async () => {
  const running = await world.start({ DRAIN_TIMEOUT_MS: '60000' })
  const silent = connect(running.server.port, '127.0.0.1')
  await once(silent, 'connect')
  silent.on('error', () => {})
  try {
    await expectDrained(running)
  } finally {
    silent.destroy()
  }
})

async function expectDrained(running: Running): Promise<void> {
  let drained = false
  void running.server.close().then(() => {
    drained = true
  })
  await expect.poll(() => drained, { timeout: AT_ONCE_MS }).toBe(true)
}

test('a request that never ends would hold the drain up for longer than it may', async () => {
  const running = await world.start({ DRAIN_TIMEOUT_MS: '1000' })
  const agent = new Agent()
  const before = await logState(world)
  const { answer } = await accepted(running, agent)
  await running.server.close()
  await expect(answer).rejects.toThrow()
  expect(await logState(world)).toEqual(before)
  agent.destroy()
})

test('what was recorded before a drain would be gone behind it', async () => {
  const first = await world.start()
  const answered = await send(first.url, { token, body })
  await first.server.close()
  const second = await world.start()
  const again = await send(second.url, { method: 'GET', path: `/v1/verifications/${answered.json.id}`, token })
  expect(again.text).toBe(answered.text)
})
