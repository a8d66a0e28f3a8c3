import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type Running, type World } from '../support/service.ts'
import { asking, expectProblem, logState, type Request, record, scan, send, typed } from './http-support.ts'
import { assertion, grant } from './oauth-support.ts'

const someone = record()
const stranger = record()
let world: World

beforeAll(async () => {
  world = await createWorld([someone])
})

afterAll(() => world?.close())

test('a client would not see its limit, would be refused below it, or go on past it; another would pay', async () => {
  const { url } = await world.start({ RATE_LIMIT_PER_SECOND: '1', RATE_LIMIT_BURST: '5' })
  const token = await world.token('facility:38001')
  const before = await logState(world)
  const body = asking(scan(someone))
  const replies = []
  for (let i = 0; i < 30; i++) replies.push(await send(url, { token, body }))
  const answered = replies.filter((each) => each.status === 200)
  expect(answered.length).toBeGreaterThanOrEqual(5)
  expect(replies[0]?.headers.get('ratelimit-policy')).toBe('"default";q=5;w=5')
  expect(replies[0]?.headers.get('ratelimit')).toBe('"default";r=4;t=1')
  const refused = replies.find((each) => each.status !== 200)
  if (refused === undefined) throw new Error('30 requests at 1/s were all answered')
  expectProblem(refused, { status: 429, code: 'rate_limited' })
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(refused.headers.get('ratelimit')).toMatch(/^"default";r=0;t=\d+$/)
  expect((await send(url, { token: await world.token('facility:38002'), body })).status).toBe(200)
  expect((await logState(world)).size).toBe(before.size + answered.length + 1)
})

test('an unknown caller would be told of limits', async () => {
  const { url } = await world.start()
  const reply = await send(url, { body: asking(scan(someone)) })
  expect(reply.status).toBe(401)
  expect(reply.headers.get('ratelimit')).toBeNull()
})

test('the flood of one facility would keep the others out, or wait without end', async () => {
  const running = await world.start({ REQUESTS_IN_FLIGHT_MAX: '200', DB_STATEMENT_TIMEOUT_MS: '20000' })
  const body = asking(scan(someone))
  const [greedy, other] = [await world.token('facility:38001'), await world.token('facility:38002')]
  for (const token of [greedy, other]) expect((await send(running.url, { token, body })).status).toBe(200)
  const before = await logState(world)
  const [flood, others] = await world.owner.begin(async (tx) => {
    await tx`select size from log_head for update` // nothing comes back meanwhile
    let refusals = 0
    const flood = Array.from({ length: 150 }, async () => {
      const reply = await send(running.url, { token: greedy, body })
      if (reply.status === 503) refusals++
      return reply
    })
    await expect.poll(() => refusals, { timeout: 10_000 }).toBe(50)
    const others = Array.from({ length: 30 }, () => send(running.url, { token: other, body }))
    return [flood, others]
  })
  const refused = (await Promise.all(flood)).filter((each) => each.status !== 200)
  expect(refused).toHaveLength(50)
  for (const each of refused) expectProblem(each, { status: 503, code: 'overloaded' })
  expect(running.log.filter((line) => line.includes('"overloaded"'))).toEqual([])
  const told = () => running.log.filter((line) => line.includes('refused unread')).map((line) => JSON.parse(line))
  await expect.poll(() => told().reduce((sum, each) => sum + each.part['facility:38001'], 0)).toBe(50)
  expect(told().length).toBeLessThan(50)
  expect((await Promise.all(others)).map((each) => each.status)).toEqual(Array(30).fill(200))
  expect((await logState(world)).size).toBe(before.size + 130)
})

test('numbers could be tried on and on; or a scan, or another facility, would be refused with them', async () => {
  const { url } = await world.start({ GUESSING_MISSES_PER_HOUR: '3' })
  const token = await world.token('facility:38001')
  for (let i = 0; i < 4; i++) {
    const reply = await send(url, { token, body: asking(typed(stranger)) })
    expect(reply.json.code).toBe('no_match')
  }
  const before = await logState(world)
  const refused = await send(url, { token, body: asking(typed(someone)) })
  expectProblem(refused, { status: 429, code: 'guessing_suspected' })
  expect(refused.headers.get('retry-after')).toBe('300')
  expect((await logState(world)).size).toBe(before.size)
  expect((await send(url, { token, body: asking(scan(someone)) })).json.code).toBe('valid')
  const other = await world.token('facility:38002')
  expect((await send(url, { token: other, body: asking(typed(someone)) })).json.code).toBe('valid')
})

describe('credentials that fail', () => {
  const body = asking(scan(someone))
  const bad: Request = { token: 'abc', body }
  /** Asked after a failure that was not looked at; a token comes back each second, so until it is refused too. */
  const refusedBehind = (url: string, failing: Request, request: () => Promise<Request>) =>
    expect
      .poll(async () => {
        for (let status = 0; status !== 429; ) status = (await send(url, failing)).status
        const reply = await send(url, await request())
        if (reply.status === 429) expectProblem(reply, { status: 429, code: 'too_many_bad_credentials' })
        return [reply.status, reply.headers.get('retry-after')]
      })
      .toEqual([429, '1'])
  const limits = { BAD_CREDENTIALS_PER_SECOND: '1', BAD_CREDENTIALS_BURST: '3' }

  test('could be tried on and on, by each door; or stop a token that is known, or forge their address', async () => {
    const running = await world.start(limits)
    const { url } = running
    const token = await world.token('facility:38001')
    for (let i = 0; i < 20; i++) expect((await send(url, { token, body })).status).toBe(200)
    const replies = []
    for (let i = 0; i < 4; i++) replies.push((await send(url, bad)).status)
    expect(replies.slice(0, 3)).toEqual([401, 401, 401])
    await refusedBehind(url, bad, async () => ({ token: await world.token('facility:38002'), body }))
    await refusedBehind(url, bad, async () => grant(await assertion(world, 'facility:38001')))
    await refusedBehind(url, bad, async () => ({ path: '/v1/enrolments', body: '{}' }))
    await refusedBehind(url, bad, async () => ({ ...bad, headers: { 'x-forwarded-for': '198.51.100.9' } }))
    expect((await send(url, { token, body })).status).toBe(200)
    expect((await send(url, { method: 'GET', path: '/health/live' })).status).toBe(200)
    await refusedBehind(url, grant('a.b.c'), async () => bad)
    expect(running.log.join('')).not.toMatch(/127\.0\.0\.1|198\.51/)
  })

  test('behind a proxy one hospital would pay for another', async () => {
    const { url, log } = await world.start({ ...limits, TRUSTED_PROXIES: '127.0.0.0/8,::1' })
    const from = (address: string, request: Request): Request => ({
      ...request,
      headers: { ...request.headers, 'x-forwarded-for': `203.0.113.1, ${address}` },
    })
    const fresh = async () => ({ token: await world.token('facility:38001'), body })
    await refusedBehind(url, from('198.51.100.1', bad), async () => from('198.51.100.1', await fresh()))
    expect((await send(url, from('198.51.100.2', await fresh()))).status).toBe(200)
    expect((await send(url, await fresh())).status).toBe(200)
    expect(log.join('')).not.toContain('198.51')
  })
})

test('anybody could ask the database for the log without bound, or would pay for another address', async () => {
  const bounds = { PUBLIC_READS_PER_SECOND: '1', PUBLIC_READS_BURST: '5', TRUSTED_PROXIES: '127.0.0.0/8,::1' }
  const { url } = await world.start(bounds)
  const read = (path: string, address: string) =>
    send(url, { method: 'GET', path, headers: { 'x-forwarded-for': address } })
  for (const path of [
    '/v1/log/keys',
    '/v1/log/1/checkpoint',
    '/v1/log/1/proof/0',
    '/v1/log/1/consistency',
    '/v1/log/1/tile/0/000',
  ]) {
    await expect.poll(async () => (await read(path, '198.51.100.1')).status).toBe(429)
  }
  const refused = await read('/v1/log/keys', '198.51.100.1')
  expectProblem(refused, { status: 429, code: 'rate_limited' })
  expect(refused.headers.get('retry-after')).toBe('1')
  expect((await read('/v1/log/keys', '198.51.100.2')).status).toBe(200)
  expect((await read('/health/live', '198.51.100.1')).status).toBe(200)
})

/** Connected, and what it is told until it is closed. */
async function open(running: Running): Promise<{ socket: Socket; told: Promise<string> }> {
  const socket = connect({ port: running.server.port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  socket.on('error', () => {}) // told by its end
  const told = new Promise<string>((resolve) => {
    socket.once('end', () => socket.end())
    socket.once('close', () => resolve(text))
  })
  return { socket, told }
}

test('a client that ends its side behind its request would get no answer; one that ends it within would wait', async () => {
  const running = await world.start()
  const token = await world.token('facility:38001')
  const body = JSON.stringify(asking(scan(someone)))
  const head = `POST /v1/verifications HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
  const whole = await open(running)
  whole.socket.end(head + body)
  expect(await whole.told).toMatch(/^HTTP\/1\.1 200 .*"code":"valid"/s)
  for (const part of [head + body.slice(0, -1), head.slice(0, -2), '']) {
    const { socket, told } = await open(running)
    socket.end(part)
    expect(await told).not.toMatch(/^HTTP\/1\.1 [25]/)
  }
})

test('connections would be taken without bound, refused unseen, or not taken again', async () => {
  const running = await world.start({ CONNECTIONS_MAX: '16' })
  const held = await Promise.all(Array.from({ length: 16 }, () => open(running)))
  for (let i = 0; i < 3; i++) expect(await (await open(running)).told).toBe('')
  await expect.poll(() => running.log.filter((line) => line.includes('connections refused'))).toHaveLength(1)
  held[0]?.socket.destroy()
  await expect
    .poll(async () => {
      const { socket, told } = await open(running)
      socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
      return told
    })
    .toMatch(/^HTTP\/1\.1 200 /)
  for (const { socket } of held) socket.destroy()
})
