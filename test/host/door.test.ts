import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { TokenCache } from '../../src/access/access-token.ts'
import { readClientId } from '../../src/access/principal.ts'
import { ROUTES } from '../../src/app.ts'
import { openDoor, type RefusedUnread } from '../../src/host/door.ts'
import { errandsOf } from '../../src/http/first-line.ts'
import { createLimits } from '../../src/limits/limits.ts'
import type { Service } from '../../src/scope.ts'

const LIMITS = {
  rateLimitPerSecond: 1,
  rateLimitBurst: 2,
  guessingMissesPerHour: 1,
  badCredentialsPerSecond: 1,
  badCredentialsBurst: 1,
  publicReadsPerSecond: 1,
  publicReadsBurst: 1,
  refusedCallsWindowMs: 60_000,
  requestsInFlightMax: 400,
}
/** Only what never comes is to end a wait. */
const SOON = { timeout: 20_000 }
const errandOf = errandsOf(ROUTES)
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** The door before an app that says what came through, and may keep the event loop for a while. */
async function serve({ known = [], worksMs = 0 }: { known?: readonly string[]; worksMs?: number } = {}) {
  const limits = createLimits(LIMITS)
  const tokens: TokenCache = new Map()
  for (const facility of known) {
    const client = readClientId(`facility:${facility}`)
    if (client === null) throw new TypeError('not a client id')
    tokens.set(hash('sha256', `Bearer ${facility}`, 'base64'), {
      principal: { ...client, scopes: new Set(), keyId: 'key-1' },
      expiresAtMs: Number.POSITIVE_INFINITY,
      certificate: null,
    })
  }
  const told: RefusedUnread[] = []
  const service = { limits, tokens, config: { publicUrl: 'http://127.0.0.1' } } as unknown as Service
  const door = openDoor(service, errandOf, (refused) => told.push(refused))
  const server = createServer(
    door.before((request, response) => {
      const until = performance.now() + worksMs
      while (performance.now() < until);
      request.resume().once('end', () => response.end('app'))
    }),
  )
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { limits, told, door, port: (server.address() as AddressInfo).port }
}

interface Sent {
  readonly line?: string
  readonly facility?: string
  readonly headers?: string
}

function head({ line = 'POST /v1/verifications', facility, headers = 'content-length: 3\r\n' }: Sent = {}): string {
  const bearer = facility === undefined ? '' : `authorization: Bearer ${facility}\r\n`
  return `${line} HTTP/1.1\r\nhost: x\r\n${bearer}${headers}\r\n`
}

interface Line {
  readonly socket: Socket
  /** Whole answers so far: their status and body. */
  readonly answers: () => { status: number; body: string; head: string }[]
  readonly ended: () => boolean
}

async function dial(port: number): Promise<Line> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let bytes = Buffer.alloc(0)
  let over = false
  socket.on('data', (part) => {
    bytes = Buffer.concat([bytes, part])
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    over = true
  })
  const answers = () => {
    const found: { status: number; body: string; head: string }[] = []
    for (let rest = bytes; ; ) {
      const at = rest.indexOf('\r\n\r\n')
      if (at < 0) return found
      const top = rest.toString('latin1', 0, at)
      const length = /^transfer-encoding: chunked$/im.test(top)
        ? rest.length
        : Number(/^content-length: (\d+)$/im.exec(top)?.[1])
      if (rest.length < at + 4 + length) return found
      found.push({ status: Number(top.slice(9, 12)), body: rest.toString('utf8', at + 4, at + 4 + length), head: top })
      rest = rest.subarray(at + 4 + length)
    }
  }
  return { socket, answers, ended: () => over }
}

async function ask(port: number, sent: Sent, body = 'abc'): Promise<number> {
  const { socket, answers } = await dial(port)
  socket.write(head(sent) + body)
  await expect.poll(() => answers().length, SOON).toBe(1)
  socket.destroy()
  return answers()[0]?.status ?? 0
}

function fill(
  { limits }: { limits: ReturnType<typeof createLimits> },
  requests: number,
  client = (n: number) => `c:${n}`,
) {
  for (let n = 0; n < requests; n++) expect(limits.gate.enter(client(n), 'single')).toBe(true)
}

describe('with no room', () => {
  test('a refusal would wait for a body, lose the connection, or take the body for the next request', async () => {
    const served = await serve()
    fill(served, 400)
    const { socket, answers } = await dial(served.port)
    socket.write(head())
    await expect.poll(() => answers().map(({ status }) => status), SOON).toEqual([503])
    served.limits.gate.leave('c:0')
    for (let n = 1; n < 400; n++) served.limits.gate.leave(`c:${n}`)
    socket.write(`abc${head({ headers: 'content-length: 3\r\nconnection: close\r\n' })}abc`)
    await expect.poll(() => answers().map(({ status }) => status), SOON).toEqual([503, 200])
  })

  test.each([
    ['a long one', 'content-length: 262145\r\n'],
    ['one of no stated length', 'transfer-encoding: chunked\r\n'],
  ])('a body would be read to its end: %s', async (_, headers) => {
    const served = await serve()
    fill(served, 400)
    const { socket, answers, ended } = await dial(served.port)
    socket.write(head({ headers }))
    await expect.poll(() => answers().map(({ status }) => status), SOON).toEqual([503])
    expect(answers()[0]?.head).toMatch(/^connection: close$/m)
    await expect.poll(ended, SOON).toBe(true)
  })

  test('who asks whether we live, reads the log or wants a token would be refused', async () => {
    const served = await serve()
    fill(served, 400)
    for (const line of ['GET /health/live', 'GET /health/ready', 'GET /v1/log/keys', 'POST /oauth/token', 'GET /x']) {
      expect([line, await ask(served.port, { line })]).toEqual([line, 200])
    }
  })

  test('two refusals would bear one id, or none', async () => {
    const served = await serve()
    fill(served, 400)
    const { socket, answers } = await dial(served.port)
    socket.write(`${head()}abc${head()}abc`)
    await expect.poll(() => answers().length, SOON).toBe(2)
    const ids = answers().map(({ head, body }) => {
      expect(JSON.parse(body)).toMatchObject({
        status: 503,
        code: 'overloaded',
        desk: expect.stringMatching(/tiếp nhận/),
      })
      expect(head).toMatch(/^retry-after: 1$/m)
      expect(head).toContain(`x-request-id: ${JSON.parse(body).requestId}`)
      return JSON.parse(body).requestId
    })
    expect(new Set(ids).size).toBe(2)
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/)
  })

  test('a search would be let in beside a half-full room of checks, or a check refused', async () => {
    const served = await serve()
    fill(served, 150)
    expect(await ask(served.port, { line: 'POST /v1/audit/search' })).toBe(503)
    expect(await ask(served.port, { line: 'POST /v1/verifications/batch' })).toBe(200)
    fill(served, 100, (n) => `d:${n}`)
    expect(await ask(served.port, { line: 'POST /v1/verifications/batch' })).toBe(503)
    expect(await ask(served.port, { line: 'POST /v1/claim-shares' })).toBe(200)
    expect(served.limits.gate.seen.shed).toEqual({ single: 0, claim: 0, batch: 1, audit: 1 })
  })

  test('all that are in the process would not be counted, let in by the gate or not', async () => {
    const served = await serve()
    served.limits.inFlight = 399
    expect(await ask(served.port, {})).toBe(200)
    served.limits.inFlight = 400
    expect(await ask(served.port, {})).toBe(503)
    expect(await ask(served.port, { line: 'GET /health/live' })).toBe(200)
  })
})

describe('the part of a facility', () => {
  test('would be told by a token that anybody may write, or not be told at all', async () => {
    const served = await serve({ known: ['38001', '38002'] })
    fill(served, 200, () => 'facility:38001')
    expect(await ask(served.port, { facility: '38001' })).toBe(503)
    expect(await ask(served.port, { facility: '38002' })).toBe(200)
    expect(await ask(served.port, { facility: '38003' })).toBe(200)
    expect(await ask(served.port, {})).toBe(200)
    served.door.close()
    expect(served.told).toEqual([{ refused: 1, room: 0, late: 0, part: { 'facility:38001': 1 } }])
  })
})

describe('a crowd that is unknown', () => {
  /** Sent at once, each taking 300 ms of the event loop: what came of them, in order. */
  async function crowd(known: readonly string[], sent: readonly Sent[], first = 2) {
    const served = await serve({ known, worksMs: 300 })
    const lines = await Promise.all(sent.map(() => dial(served.port)))
    // turns that are long, one after the other
    for (let n = 0; n < first; n++) expect(await ask(served.port, {})).toBe(200)
    return { served, lines }
  }

  test('would keep known desks waiting; or they would be refused with it', async () => {
    const sent = [
      {},
      ...['38001', '38002', '38009', 'x'].map((facility) => ({ facility })),
      { line: 'GET /health/live' },
      { line: 'GET /y' },
      { line: 'POST /oauth/token' },
    ]
    const { served, lines } = await crowd(['38001', '38002'], sent)
    for (let n = 0; n < 2; n++) served.limits.rate.take('facility:38002', Date.now() + 3_600_000)
    // all readable in one turn
    for (const [n, { socket }] of lines.entries()) socket.write(`${head(sent[n])}abc`)
    const until = performance.now() + 50
    while (performance.now() < until);
    await expect
      .poll(() => lines.map(({ answers }) => answers()[0]?.status), SOON)
      .toEqual([200, 200, 503, 503, 503, 200, 503, 503])
    const words = lines.map(({ answers }) => /"error":"(\w+)"/.exec(answers()[0]?.body ?? '')?.[1])
    expect(words).toEqual([...Array(7).fill(undefined), 'server_error'])
    served.door.close()
    expect(served.told).toEqual([{ refused: 5, room: 0, late: 5, part: {} }])
  })

  test('would be refused after one stall', async () => {
    const sent = [{}, {}, {}]
    const { lines } = await crowd([], sent, 0)
    for (const { socket } of lines) socket.write(`${head()}abc`)
    await expect.poll(() => lines.map(({ answers }) => answers()[0]?.status), SOON).toEqual([200, 200, 200])
  })
})

test('what was refused would never be told, told for each, or twice', async () => {
  const served = await serve()
  fill(served, 400)
  for (let n = 0; n < 5; n++) await ask(served.port, {})
  await expect.poll(() => served.told, SOON).toHaveLength(1)
  await sleep(0)
  served.door.close()
  await ask(served.port, {})
  served.door.close()
  served.door.close()
  expect(served.told.map(({ refused }) => refused).reduce((sum, n) => sum + n, 0)).toBe(6)
  expect(served.told.at(-1)).toEqual({ refused: 1, room: 1, late: 0, part: {} })
})
