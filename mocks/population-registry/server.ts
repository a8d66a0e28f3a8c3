import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Registered } from './people.ts'
import { answerText, type Credentials, checkHeaders, exists, faultText, Refusal, readQuestion } from './protocol.ts'

/** What can be switched on. `none`: it works. */
export const FAULTS = [
  'none',
  /** Answers, after 2 s. */
  'slow',
  /** Takes the request and never answers. */
  'silent',
  'reset',
  /** Ends its side in the middle of the answer. */
  'halfClosed',
  /** A right answer, a byte every 20 ms. */
  'drip',
  'soapFault',
  /** An answer without a result: the registry's "not found". */
  'emptyRecord',
  'garbage',
  'wrongRequestId',
  /** Well formed, and longer than anybody should read. */
  'oversize',
  'rateLimited',
  'outage',
] as const
export type Fault = (typeof FAULTS)[number]

export interface MockRegistryOptions {
  readonly credentials: Credentials
  readonly find: (citizenId: string) => Registered | null
  readonly now: () => Date
  /** In [0, 1). */
  readonly random: () => number
  /** Of an answer: half are faster, one in a hundred takes some four times as long. 0: at once. */
  readonly medianMs: number
  /** 0: whichever is free. */
  readonly port?: number
  /** Clients need a certificate of the CA. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
}

export interface MockRegistry {
  /** Where questions go, as clients must hash it. */
  readonly url: string
  readonly port: number
  readonly fault: (fault: Fault) => void
  /** Every question with its officer, as the keeper must keep them; the newest 1,000. */
  readonly calls: { readonly requestId: string; readonly officer: string }[]
  readonly connections: () => number
  readonly close: () => Promise<void>
}

const PATH = '/xroad/dancu/XacThucThongTinCongDan'
const CALLS_MAX = 1_000
const BODY_BYTES_MAX = 64 * 1024
const SLOW_MS = 2_000
const DRIP_MS = 20

/** The population registry (domain §8) over people of one's own; goes wrong when told: `POST /admin/fault?fault=silent`. */
export async function startRegistry(options: MockRegistryOptions): Promise<MockRegistry> {
  const { credentials, find, now, random, medianMs, tls } = options
  const sockets = new Set<Socket>()
  const calls: { requestId: string; officer: string }[] = []
  const seen = new Set<string>()
  const stop = new AbortController()
  let fault: Fault = 'none'
  let url = ''

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = new URL(request.url ?? '/', 'http://registry')
    if (at.pathname === '/admin/fault') {
      const wanted = FAULTS.find((each) => each === at.searchParams.get('fault'))
      if (request.method === 'POST' && wanted !== undefined) fault = wanted
      return send(response, 200, JSON.stringify({ fault, faults: FAULTS }), 'application/json')
    }
    if (at.pathname !== PATH || request.method !== 'POST') return send(response, 404, faultText('no such service'))
    const body = await readBody(request)
    const question = readQuestion(body, credentials)
    checkHeaders(request.headers, url, credentials, now())
    if (seen.has(question.requestId)) throw new Refusal('MaYeuCau was used before')
    remember(question)
    // spread as waiting times are: the logarithm is normal
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    if (medianMs > 0) await pause(Math.min(medianMs * Math.exp(0.6 * normal), 20 * medianMs))
    await misbehave(fault, request.socket, response, question.requestId, exists(question, find(question.citizenId)))
  }

  async function misbehave(
    how: Fault,
    socket: Socket,
    response: ServerResponse,
    requestId: string,
    result: boolean,
  ): Promise<void> {
    const right = answerText(requestId, result)
    switch (how) {
      case 'none':
        return send(response, 200, right)
      case 'slow':
        await pause(SLOW_MS)
        return send(response, 200, right)
      case 'silent':
        return
      case 'reset':
        return void socket.resetAndDestroy()
      case 'halfClosed':
        response.writeHead(200, { 'content-type': 'text/xml; charset=utf-8', 'content-length': right.length })
        response.write(right.slice(0, 40))
        return void socket.end()
      case 'drip':
        response.writeHead(200, { 'content-type': 'text/xml; charset=utf-8' })
        for (const byte of Buffer.from(right)) {
          if (response.destroyed) return
          response.write(Buffer.of(byte))
          await pause(DRIP_MS)
        }
        return void response.end()
      case 'soapFault':
        return send(response, 500, faultText('the service is not available'))
      case 'emptyRecord':
        return send(response, 200, answerText(requestId, null))
      case 'garbage':
        return send(response, 200, `<!DOCTYPE x [<!ENTITY a "b">]>${right.slice(40)}&a;`)
      case 'wrongRequestId':
        return send(response, 200, answerText(`not-${requestId}`, true))
      case 'oversize':
        return send(response, 200, right.replace('<s:Header/>', `<s:Header>${'x'.repeat(400_000)}</s:Header>`))
      case 'rateLimited':
        return send(response, 429, faultText('too many requests'))
      case 'outage':
        return send(response, 503, 'Service Unavailable', 'text/plain')
    }
  }

  function remember({ requestId, officer }: { requestId: string; officer: string }): void {
    seen.add(requestId)
    calls.push({ requestId, officer })
    const gone = calls.length > CALLS_MAX ? calls.shift() : undefined
    if (gone !== undefined) seen.delete(gone.requestId)
  }

  const pause = (ms: number) => sleep(ms, undefined, { signal: stop.signal })

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch((error: unknown) => {
      if (error instanceof Refusal) send(response, 500, faultText(error.message))
      else response.destroy()
    })
  }
  const server =
    tls === undefined
      ? createPlain(listener)
      : createSecure({ ...tls, requestCert: true, rejectUnauthorized: true }, listener)
  server.keepAliveTimeout = 60_000
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}${PATH}`
  return {
    url,
    port,
    fault: (next) => {
      fault = next
    },
    calls,
    connections: () => sockets.size,
    close: async () => {
      stop.abort()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) throw new Refusal('too long')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function send(response: ServerResponse, status: number, text: string, type = 'text/xml; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
