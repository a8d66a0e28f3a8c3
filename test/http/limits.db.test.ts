import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorld, type World } from '../support/service.ts'
import { asking, expectProblem, logState, record, scan, send, typed } from './http-support.ts'

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
