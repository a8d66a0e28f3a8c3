import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silenceMaxMs } from '../../src/node.ts'
import { asking, logState, record, scan } from '../http/http-support.ts'
import { createWorld, post, type Running, type World } from '../support/service.ts'

/** Clients that hold a connection and give nothing for it: the others are answered meanwhile, and these are cut off. */

const EACH = 25
const OTHERS = 100
const DRIP_EVERY_MS = 200
const REQUEST_TIMEOUT_MS = 1_000
const DB_STATEMENT_TIMEOUT_MS = 1_000
/** By configuration; a second until the server looks, and nine for a busy machine. Node by itself looks after 30 s. */
const REFUSED_WITHIN_MS = REQUEST_TIMEOUT_MS + 10_000
/** Node lets a silence pass once more when it could write a part. */
const CLOSED_WITHIN_MS =
  2 * silenceMaxMs({ requestTimeoutMs: REQUEST_TIMEOUT_MS, dbStatementTimeoutMs: DB_STATEMENT_TIMEOUT_MS }) + 10_000

const someone = record()
const body = JSON.stringify(asking(scan(someone)))

let world: World
let running: Running
let token: string

beforeAll(async () => {
  world = await createWorld([someone])
  token = await world.token('facility:38001')
  running = await world.start({
    REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
    DB_STATEMENT_TIMEOUT_MS: String(DB_STATEMENT_TIMEOUT_MS),
  })
})

afterAll(() => world?.close())

interface Slow {
  /** What the server said; empty until the client reads. */
  readonly told: () => string
  readonly closed: Promise<void>
  readonly socket: Socket
}

/** Sends `first` at once and then one of `drips` at a time, until the server has enough. */
async function open(first: string, drips: Iterator<string>, reads = true): Promise<Slow> {
  const socket = connect(running.server.port, '127.0.0.1')
  await once(socket, 'connect')
  let told = ''
  if (reads) {
    socket.setEncoding('utf8').on('data', (text: string) => {
      told += text
    })
  }
  socket.on('error', () => {}) // the server may well reset it
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  if (first !== '') socket.write(first)
  const dripping = setInterval(() => {
    const next = drips.next()
    if (next.done !== true) socket.write(next.value)
  }, DRIP_EVERY_MS)
  void closed.then(() => clearInterval(dripping))
  return { told: () => told, closed, socket }
}

function* forever(text: string): Generator<string> {
  for (;;) yield text
}

const none = (): Iterator<string> => [].values()

function head(method: string, path: string, length: number): string {
  return `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n`
}

const times = (n: number, make: () => Promise<Slow>) => Promise.all(Array.from({ length: n }, make))

test('clients that drip, keep silent, or never read would hold their connections and keep others waiting', async () => {
  const before = await logState(world)
  const whole = `${head('POST', '/v1/verifications', Buffer.byteLength(body))}\r\n${body}`
  const page = `${head('GET', '/openapi.json', 0)}\r\n`
  const slow = {
    drippingHeaders: await times(EACH, () => open('POST /v1/verifications HTTP/1.1\r\n', forever('x-more: 1\r\n'))),
    drippingBody: await times(EACH, () => open(`${head('POST', '/v1/verifications', 9_999)}\r\n{`, forever(' '))),
    silent: await times(EACH, () => open('', none())),
    // answers of some megabytes, more than the buffers between the two hold, and it goes on asking
    neverReading: await times(EACH, () => open(page.repeat(100), forever(page), false)),
    halfClosing: await times(EACH, async () => {
      const one = await open(whole, none())
      one.socket.end()
      return one
    }),
  }
  const all = Object.entries(slow).flatMap(([kind, each]) => each.map((one) => ({ kind, ...one })))
  const closed = new Set<(typeof all)[number]>()
  for (const one of all) void one.closed.then(() => closed.add(one))
  const left = () => [...new Set(all.filter((one) => !closed.has(one)).map((one) => one.kind))]

  for (let n = 0; n < OTHERS; n++) {
    const { status } = await post(running.url, token, body)
    expect(status).toBe(200)
  }
  // a client that reads would have them gone; these are still there
  expect([...closed].filter((one) => one.kind === 'neverReading')).toEqual([])

  const unfinished = [...slow.drippingHeaders, ...slow.drippingBody, ...slow.silent]
  await Promise.race([Promise.all(unfinished.map((one) => one.closed)), sleep(REFUSED_WITHIN_MS, null, { ref: false })])
  expect(left().filter((kind) => kind !== 'neverReading' && kind !== 'halfClosing')).toEqual([])
  await Promise.race([Promise.all(all.map((one) => one.closed)), sleep(CLOSED_WITHIN_MS, null, { ref: false })])
  expect(left()).toEqual([])

  // whoever listens is told why
  for (const one of unfinished) {
    expect(one.told()).toMatch(/^HTTP\/1\.1 408 /)
  }
  // nothing half-sent was recorded; who half-closed had sent all, and may repeat it with a key
  const recorded = (await logState(world)).entries - before.entries
  expect(recorded).toBeGreaterThanOrEqual(OTHERS)
  expect(recorded).toBeLessThanOrEqual(OTHERS + EACH)
  expect((await post(running.url, token, body)).status).toBe(200)
}, 120_000)
