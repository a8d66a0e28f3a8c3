import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { readDossier } from './dossier.ts'
import { SESSION_MS, Sessions } from './sessions.ts'
import { Taken, visitKeyOf } from './taken.ts'

/** What can be switched on, for all requests or a part of them. `none`: it works. */
export const GATEWAY_FAULTS = [
  'none',
  /** 503, at the token too. */
  'outage',
  /** Takes the request in and never answers; nothing is taken. */
  'silent',
  /** The connection breaks, nothing is taken. */
  'reset',
  /** Taken, and then no answer. */
  'resetAfterTaking',
  'silentAfterTaking',
  /** Ends its side in the middle of the answer; taken. */
  'halfClosed',
  /** `maKetQua` 500. */
  'serverError',
  /** 401 though the token is good. */
  'unauthorized',
  /** Asked for a token, never answers. */
  'silentToken',
  /** The account is closed: no token. */
  'accountClosed',
  /** 201 and 202 with their list, whatever the file holds. */
  'structure',
  'content',
  /** A `maKetQua` that nobody knows. */
  'unknownCode',
  /** Answers right, after 2 s. */
  'slow',
  'rateLimited',
  'garbage',
  /** Well formed, and longer than anybody should read. */
  'oversize',
] as const
export type GatewayFault = (typeof GATEWAY_FAULTS)[number]

export interface GatewayOptions {
  /** The MD5 that this account's password has; null: there is no such account. */
  readonly passwordHashOf: (username: string) => string | null
  readonly now: () => Date
  /** In [0, 1). */
  readonly random: () => number
  /** Of an answer: half are faster, one in a hundred takes some four times as long. 0: at once. */
  readonly medianMs: number
  readonly sessionMs?: number
  /** A file was taken, or its bytes were in force already; called before the answer leaves. */
  readonly onTaken?: (key: string) => void
  readonly onToken?: (username: string) => void
}

/** Half of the answers within 0.3 s: a guess; 5 to 60 s were seen in bad hours (domain §1.1). */
export const DEMO_MEDIAN_MS = 300

const PATHS: Readonly<Record<string, '130' | '0'>> = {
  '/api/qd130/guiHoSoXmlQD3176': '130',
  '/api/qd130/checkInKcbQd3176': '0',
}
const TOKEN_PATH = '/api/token/take'
const ADMIN_PATH = '/admin/gateway'
const SLOW_MS = 2_000
const BODY_BYTES_MAX = 32 * 1024 * 1024

class Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/**
 * The insurer's claim gateway (domain §1.1, §1.5), which goes wrong when told:
 * `POST /admin/gateway?fault=silent&part=0.3`; `GET /admin/gateway` shows what was taken.
 */
export class Gateway {
  readonly taken = new Taken()
  readonly sessions = new Sessions()
  readonly counts = { tokens: 0, calls: 0 }
  /** Requests about files under way, by facility, and the most there ever were. */
  readonly underWay = new Map<string, number>()
  underWayMost = 0
  readonly #options: GatewayOptions
  readonly #stop = new AbortController()
  #fault: GatewayFault = 'none'
  #part = 1

  constructor(options: GatewayOptions) {
    this.#options = options
  }

  fault(fault: GatewayFault, part = 1): void {
    this.#fault = fault
    this.#part = part
  }

  /** Whether it was a matter of the gateway's. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'http://insurer')
    if (url.pathname === ADMIN_PATH) this.#admin(request, response, url)
    else if (url.pathname === TOKEN_PATH || url.pathname in PATHS) await this.#serve(request, response, url.pathname)
    else return false
    return true
  }

  close(): void {
    this.#stop.abort()
  }

  #admin(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const wanted = GATEWAY_FAULTS.find((each) => each === url.searchParams.get('fault'))
    if (request.method === 'POST' && wanted !== undefined) {
      this.fault(wanted, Number(url.searchParams.get('part') ?? '1'))
    }
    const shown = { fault: this.#fault, part: this.#part, faults: GATEWAY_FAULTS }
    send(response, new Answer(200, { ...shown, ...this.counts, ...this.taken.sums() }))
  }

  async #serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const body = await readBody(request)
    if (body === null) return void response.destroy()
    const form = new URLSearchParams(body)
    const fault = this.#options.random() < this.#part ? this.#fault : 'none'
    const address = request.socket.remoteAddress ?? ''
    const loaiHoSo = PATHS[path]
    if (request.method !== 'POST') return send(response, new Answer(405, {}))
    if (loaiHoSo === undefined) return this.#token(request, response, form, address, fault)
    const facility = form.get('maCSKCB') ?? ''
    const running = (this.underWay.get(facility) ?? 0) + 1
    this.underWay.set(facility, running)
    this.underWayMost = Math.max(
      this.underWayMost,
      [...this.underWay.values()].reduce((sum, each) => sum + each, 0),
    )
    try {
      await this.#file(request, response, form, address, loaiHoSo, fault)
    } finally {
      this.underWay.set(facility, (this.underWay.get(facility) ?? 1) - 1)
    }
  }

  async #token(
    request: IncomingMessage,
    response: ServerResponse,
    form: URLSearchParams,
    address: string,
    fault: GatewayFault,
  ): Promise<void> {
    this.counts.tokens++
    const { passwordHashOf, now, sessionMs, onToken } = this.#options
    if (fault === 'reset') return void request.socket.resetAndDestroy()
    if (fault === 'silent') return
    if (fault === 'outage') return send(response, new Answer(503, 'Service Unavailable'))
    const username = form.get('username') ?? ''
    const password = form.get('password') ?? ''
    onToken?.(username)
    if (fault === 'silentToken') return
    const wanted = fault === 'accountClosed' ? null : passwordHashOf(username)
    if (wanted === null || wanted.toLowerCase() !== password.toLowerCase()) {
      return send(response, new Answer(401, { maKetQua: '401', APIKey: null }))
    }
    const issued = this.sessions.take(username, wanted, address, now(), sessionMs ?? SESSION_MS)
    send(response, new Answer(200, { maKetQua: '200', APIKey: issued }))
  }

  async #file(
    request: IncomingMessage,
    response: ServerResponse,
    form: URLSearchParams,
    address: string,
    loaiHoSo: '130' | '0',
    fault: GatewayFault,
  ): Promise<void> {
    this.counts.calls++
    const header = (name: string) => String(request.headers[name] ?? '')
    const credentials = {
      token: header('accesstoken'),
      tokenId: header('tokenid'),
      passwordHash: header('passwordhash'),
    }
    if (fault === 'outage') return send(response, new Answer(503, 'Service Unavailable'))
    if (fault === 'rateLimited') return send(response, new Answer(429, { maKetQua: '429' }, { 'retry-after': '1' }))
    const session = this.sessions.find(credentials, address, this.#options.now())
    if (session === null || session.username !== form.get('username') || fault === 'unauthorized') {
      return send(response, new Answer(401, ''))
    }
    const facility = form.get('maCSKCB') ?? ''
    if (session.username !== `${facility}_BV`) return send(response, new Answer(403, { maKetQua: '403' }))
    const file = form.get('fileHSBase64') ?? ''
    const isBase64 = file.length > 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(file) && file.length % 4 === 0
    if (form.get('loaiHoSo') !== loaiHoSo || form.get('maTinh') !== facility.slice(0, 2) || !isBase64) {
      return send(response, new Answer(200, this.#reply('205', { thongDiep: 'Sai định dạng tham số' })))
    }
    const bytes = Buffer.from(file, 'base64')
    const seen = readDossier(bytes, loaiHoSo)
    const key = seen.ok ? visitKeyOf(facility, loaiHoSo, seen.maLk) : null
    const end = key === null ? () => {} : this.taken.begin(key)
    try {
      await this.#latency()
      await this.#take(request, response, { bytes, seen, key, facility }, fault)
    } finally {
      end()
    }
  }

  async #take(
    request: IncomingMessage,
    response: ServerResponse,
    file: { bytes: Buffer; seen: ReturnType<typeof readDossier>; key: string | null; facility: string },
    fault: GatewayFault,
  ): Promise<void> {
    switch (fault) {
      case 'silent':
        return
      case 'reset':
        return void request.socket.resetAndDestroy()
      case 'serverError':
        return send(response, new Answer(200, this.#reply('500', { thongDiep: 'Lỗi máy chủ' })))
      case 'structure':
      case 'content':
        return send(
          response,
          new Answer(200, this.#refusal(fault === 'structure' ? '201' : '202', 'DEMO', 'Lỗi giả lập')),
        )
      case 'unknownCode':
        return send(response, new Answer(200, this.#reply('999', { thongDiep: '?' })))
      case 'garbage':
        return send(response, new Answer(200, '<html>{"maKetQua":"200"'))
      case 'oversize':
        return send(response, new Answer(200, this.#reply('200', { thongDiep: 'x'.repeat(4_000_000) })))
      default:
    }
    if (!file.seen.ok) {
      const { maKetQua, maLoi, moTaLoi } = file.seen
      return send(response, new Answer(200, this.#refusal(maKetQua, maLoi, moTaLoi)))
    }
    if (file.seen.maCskcb !== file.facility) {
      return send(response, new Answer(200, this.#refusal('202', 'MA_CSKCB', 'MA_CSKCB không phải của cơ sở gửi')))
    }
    const receipt = this.taken.take(file.key ?? '', file.bytes, portalTime(this.#options.now()))
    this.#options.onTaken?.(file.key ?? '')
    const right = this.#reply('200', { ...receipt, thongDiep: 'Tiếp nhận thành công' })
    switch (fault) {
      case 'resetAfterTaking':
        return void request.socket.resetAndDestroy()
      case 'silentAfterTaking':
        return
      case 'halfClosed': {
        const text = JSON.stringify(right)
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
        response.write(text.slice(0, 20))
        return void request.socket.end()
      }
      case 'slow':
        await this.#pause(SLOW_MS)
        break
      default:
    }
    send(response, new Answer(200, right))
  }

  #reply(maKetQua: string, more: Readonly<Record<string, unknown>>) {
    return { maKetQua, maGiaoDich: null, thoiGianTiepNhan: portalTime(this.#options.now()), ...more }
  }

  #refusal(maKetQua: '201' | '202', maLoi: string, moTaLoi: string) {
    return this.#reply(maKetQua, { thongDiep: 'Hồ sơ không hợp lệ', dsLoi: [{ maLoi, moTaLoi }] })
  }

  /** Spread as waiting times are: the logarithm is normal. */
  async #latency(): Promise<void> {
    const { medianMs, random } = this.#options
    if (medianMs === 0) return
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    await this.#pause(Math.min(medianMs * Math.exp(0.6 * normal), 20 * medianMs))
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal })
  }
}

/** `yyyyMMddHHmmss`, Vietnam's clock. */
function portalTime(now: Date): string {
  return new Date(now.getTime() + 7 * 3_600_000).toISOString().replaceAll(/[-T:]/g, '').slice(0, 14)
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) return null
    parts.push(part)
  }
  return Buffer.concat(parts).toString('latin1')
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const isText = typeof body === 'string'
  const text = isText ? body : JSON.stringify(body)
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8'
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers })
  response.end(text)
}
