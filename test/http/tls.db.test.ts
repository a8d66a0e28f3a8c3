import { once } from 'node:events'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, type RequestOptions, request } from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServe } from '../../loadtest/serve-process.ts'
import { makeSigningKey } from '../../src/access/token-keys.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { type NodeServer, startServer } from '../../src/node.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { createWorld, PUBLIC_URL, testConfig, type World } from '../support/service.ts'
import { clientOf, fixture, pem } from '../support/tls/files.ts'
import { asking, logState, record, scan } from './http-support.ts'
import { assertion, grant } from './oauth-support.ts'

const someone = record()
const body = JSON.stringify(asking(scan(someone)))
const DRAINED_WITHIN_MS = 3_000

let world: World
/** Files that a test replaces, as a renewal does. */
let folder: string
const servers: NodeServer[] = []
const agents: Agent[] = []

beforeAll(async () => {
  world = await createWorld([someone])
  folder = await mkdtemp(join(tmpdir(), `kiemthe-tls-${process.pid}-`))
})

afterAll(async () => {
  for (const agent of agents) agent.destroy()
  await Promise.all(servers.map((server) => server.close()))
  await world?.close()
  await rm(folder, { recursive: true, force: true })
})

interface Running extends NodeServer {
  readonly log: string[]
}

async function start(env: Record<string, string> = {}): Promise<Running> {
  const log: string[] = []
  const tls = { TLS_CERT_FILE: fixture('server.pem'), TLS_KEY_FILE: fixture('server.key') }
  const config = testConfig(world.appUrl, { ...tls, TLS_CLIENT_CA_FILE: fixture('client-ca.pem'), ...env })
  const keys = { data: world.dataKeys, token: world.tokenKeys }
  const server = await startServer(config, keys, { write: (line: string) => log.push(line) })
  servers.push(server)
  return { ...server, log }
}

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly json: Record<string, unknown>
}

type Client = 'client-a' | 'client-b' | 'other-client' | null

function agentOf(client: Client, options: ConnectionOptions = {}): Agent {
  const agent = new Agent({ keepAlive: true, ca: pem('server-ca.pem'), ...clientOf(client), ...options })
  agents.push(agent)
  return agent
}

async function ask(port: number, agent: Agent, options: RequestOptions, text?: string): Promise<Answer> {
  const asked = request({ host: 'localhost', port, agent, ...options })
  asked.end(text)
  const [response]: IncomingMessage[] = await once(asked, 'response')
  if (response === undefined) throw new Error('no response')
  return { status: response.statusCode, headers: response.headers, json: JSON.parse(await textOf(response)) }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of response) text += part
  return text
}

function verify(port: number, agent: Agent, token: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return ask(port, agent, { method: 'POST', path: '/v1/verifications', headers }, body)
}

async function obtain(port: number, agent: Agent): Promise<string> {
  const { path, headers, body: form } = grant(await assertion(world, 'facility:38001'))
  const { status, json } = await ask(port, agent, { method: 'POST', path, headers: { ...headers } }, String(form))
  expect(status).toBe(200)
  return String(json['access_token'])
}

const live = (port: number, agent: Agent) => ask(port, agent, { path: '/health/live' })
const requests = (log: readonly string[]) => log.filter((line) => line.includes('"msg":"request"')).length

/** A handshake by hand; rejects when the server ends it. */
async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tlsConnect({ host: 'localhost', port, ca: pem('server-ca.pem'), ...options })
  await once(socket, 'secureConnect')
  return socket
}

test('a token that was obtained with a certificate would be good in other hands', async () => {
  const { port } = await start()
  const [a, b, none] = [agentOf('client-a'), agentOf('client-b'), agentOf(null)]
  const bound = await obtain(port, a)
  const before = await logState(world)
  // on its way in unknown, then remembered
  for (const stranger of [b, none]) {
    expect(await verify(port, stranger, bound)).toMatchObject({ status: 401, json: { code: 'token_certificate' } })
  }
  expect((await verify(port, a, bound)).status).toBe(200)
  for (const stranger of [b, none]) {
    const { status, headers, json } = await verify(port, stranger, bound)
    expect([status, json['code'], headers['www-authenticate']]).toEqual([401, 'token_certificate', 'Bearer'])
  }
  expect(await logState(world)).toMatchObject({ size: before.size + 1, entries: before.entries + 1 })
})

test('a token that was obtained without one would be good for less than before', async () => {
  const { port } = await start()
  const unbound = await obtain(port, agentOf(null))
  for (const client of [null, 'client-a', 'client-b'] as const) {
    expect((await verify(port, agentOf(client), unbound)).status).toBe(200)
  }
})

test('a certificate of anybody else would open a connection', async () => {
  const { port, log } = await start()
  await expect(live(port, agentOf('other-client'))).rejects.toThrow(/hang up|ECONNRESET/)
  expect(requests(log)).toBe(0)
  expect(log.filter((line) => line.includes('TLS handshake failed'))).toHaveLength(1)
  // nobody is asked for one where nobody vouches
  const open = await start({ TLS_CLIENT_CA_FILE: fixture('client-ca.pem') })
  expect((await live(open.port, agentOf(null))).status).toBe(200)
})

test('a client without a certificate would be answered where each must have one', async () => {
  const { port, log } = await start({ TLS_CLIENT_CERT: 'required' })
  for (const client of [null, 'other-client'] as const) {
    await expect(live(port, agentOf(client))).rejects.toThrow()
  }
  expect(requests(log)).toBe(0)
  expect((await live(port, agentOf('client-a'))).status).toBe(200)
})

test('a resumed session would bring an earlier answer about its certificate', async () => {
  const { port } = await start()
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const agent = agentOf('client-a', { maxVersion, maxCachedSessions: 10 } as ConnectionOptions)
    const reused: boolean[] = []
    for (let n = 0; n < 3; n++) {
      const asked = request({ host: 'localhost', port, agent, path: '/health/live', headers: { connection: 'close' } })
      asked.end()
      const [response]: IncomingMessage[] = await once(asked, 'response')
      if (response === undefined) throw new Error('no response')
      reused.push((response.socket as TLSSocket).isSessionReused())
      await textOf(response)
    }
    expect(reused).toEqual([false, false, false])
  }
})

test('weak TLS would be spoken, or strong not', async () => {
  const { port, log } = await start()
  const weak: ConnectionOptions[] = [
    { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' }, // CBC
  ]
  for (const options of weak) await expect(handshake(port, options)).rejects.toThrow(/alert|version/i)
  for (const [maxVersion, spoken] of [
    ['TLSv1.2', 'TLSv1.2'],
    ['TLSv1.3', 'TLSv1.3'],
  ] as const) {
    const socket = await handshake(port, { maxVersion })
    expect(socket.getProtocol()).toBe(spoken)
    socket.destroy()
  }
  expect(requests(log)).toBe(0)
  const { headers } = await live(port, agentOf(null))
  expect(headers['strict-transport-security']).toBe('max-age=63072000')
})

test('plain text on the port of TLS would be answered or told as a request', async () => {
  const { port, log } = await start()
  const socket = connect(port, '127.0.0.1')
  let told = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  socket.on('error', () => {})
  socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(socket, 'close')
  expect(told).not.toContain('HTTP')
  expect(requests(log)).toBe(0)
})

test('a renewed certificate would need a restart, or cut connections', async () => {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') }
  await copyFile(fixture('server.pem'), files.cert)
  await copyFile(fixture('server.key'), files.key)
  await copyFile(fixture('client-ca.pem'), files.ca)
  const server = await start({ TLS_CERT_FILE: files.cert, TLS_KEY_FILE: files.key, TLS_CLIENT_CA_FILE: files.ca })
  const { port } = server
  const shown = async () => {
    const socket = await handshake(port)
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
  const first = await shown()
  const [a, none] = [agentOf('client-a', { maxSockets: 1 } as ConnectionOptions), agentOf(null)]
  const open = (await live(port, a)).headers.connection
  expect(open).toBe('keep-alive')

  // half a renewal: the key is the new one, the certificate not yet
  await copyFile(fixture('client-a.key'), files.key)
  await expect(server.renewTls()).rejects.toThrow('do not make a pair')
  expect(await shown()).toBe(first)

  await copyFile(fixture('server.key'), files.key)
  await copyFile(fixture('server-renewed.pem'), files.cert)
  await server.renewTls()
  expect(await shown()).not.toBe(first)
  expect((await live(port, a)).headers.connection).toBe('keep-alive')

  // another CA: who came under the former one gets one answer more
  await copyFile(fixture('other-ca.pem'), files.ca)
  await server.renewTls()
  const last = await live(port, a)
  expect([last.status, last.headers.connection]).toEqual([200, 'close'])
  await expect(live(port, a)).rejects.toThrow(/hang up|ECONNRESET/)
  expect((await live(port, agentOf('other-client'))).status).toBe(200)
  expect((await live(port, none)).status).toBe(200)
})

test('a drain would cut busy connections under TLS, or wait for those without a request', async () => {
  const server = await start({ DB_STATEMENT_TIMEOUT_MS: '10000', DRAIN_TIMEOUT_MS: '60000' })
  const { port } = server
  const token = await world.token('facility:38001')
  const agent = agentOf('client-a')
  const before = await logState(world)
  // nothing said, handshake done, and one request answered
  const silent: Socket[] = [connect(port, '127.0.0.1'), await handshake(port)]
  for (const socket of silent) socket.on('error', () => {})
  await live(port, agentOf(null))
  const open = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        expect: '100-continue',
      }
      const asked = request({ host: 'localhost', port, agent, method: 'POST', path: '/v1/verifications', headers })
      const answer = once(asked, 'response').then(async ([response]: IncomingMessage[]) => {
        if (response !== undefined) await textOf(response)
        return response?.statusCode
      })
      asked.flushHeaders()
      await once(asked, 'continue')
      return { asked, answer }
    }),
  )
  let drained = false
  const closing = server.close().then(() => {
    drained = true
  })
  await Promise.all(silent.map((socket) => socket.destroyed || once(socket, 'close')))
  expect(drained).toBe(false)
  for (const { asked } of open) asked.end(body)
  expect(await Promise.all(open.map((each) => each.answer))).toEqual(Array(20).fill(200))
  await expect.poll(() => drained, { timeout: DRAINED_WITHIN_MS }).toBe(true)
  await closing
  expect(await logState(world)).toMatchObject({ size: before.size + 20, entries: before.entries + 20 })
})

test('the processes of a crew would keep the former certificate and keys after SIGHUP', async () => {
  const cert = join(folder, 'crew-cert.pem')
  await copyFile(fixture('server.pem'), cert)
  const keys = await keysFolder(world)
  const port = await anyFreePort()
  const env = { PROCESSES: '2', PUBLIC_URL, TLS_CERT_FILE: cert, TLS_KEY_FILE: fixture('server.key') }
  const serve = await startServe({ databaseUrl: world.appUrl, keysFolder: keys.path, port, env })
  const shown = async () => {
    const socket = await handshake(port)
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
  try {
    // the processes take turns
    const first = await shown()
    expect(await shown()).toBe(first)
    await copyFile(fixture('server-renewed.pem'), cert)
    serve.child.kill('SIGHUP')
    await expect.poll(async () => [await shown(), await shown()].includes(first), { timeout: 5_000 }).toBe(false)
    // two token keys: each process publishes both
    const keyFile = join(keys.path, 'token-keys.json')
    await writeFile(keyFile, JSON.stringify({ keys: [...world.tokenKeys.keys, await makeSigningKey('token-2')] }))
    serve.child.kill('SIGHUP')
    const published = async () => {
      const headers = { connection: 'close' }
      const { json } = await ask(port, agentOf(null), { path: '/.well-known/jwks.json', headers })
      return Array.isArray(json['keys']) ? json['keys'].length : 0
    }
    await expect.poll(async () => [await published(), await published()], { timeout: 5_000 }).toEqual([2, 2])
    expect(await serve.terminate()).toBe(0)
  } finally {
    await serve.kill()
    await keys.remove()
  }
})
