import { connect } from 'node:net'
import { expect, inject } from 'vitest'
import { mrzText } from '../../mocks/province/mrz.ts'
import type { Person } from '../../mocks/province/person.ts'
import { chipIdQrText, insuranceCardQrText } from '../../mocks/province/qr.ts'
import { addDays, isoDate, todayInVietnam } from '../../src/calendar.ts'
import type { ErrorCode, FieldIssue } from '../../src/errors.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import type { Reply, Running, World } from '../support/service.ts'

export const today = todayInVietnam(new Date())

/** A day counted from today. */
export function day(offset: number): string {
  return addDays(today, offset)
}

let made = 0

/** A record of the insurer, built by hand: a man born in 1990 with cover of level 4 in force, and numbers of his own. */
export function record(overrides: Partial<FeedRow> = {}): FeedRow {
  const n = String(++made).padStart(6, '0')
  const insuranceNumber = overrides.insuranceNumber ?? `3871${n}`
  return {
    citizenId: `038090${n}`,
    formerNumbers: [],
    insuranceNumber,
    cardNumber: `GD438${insuranceNumber}`,
    coverageNo: 1,
    fullName: 'Lường Khánh Toàn',
    dateOfBirth: '1990-03-17',
    sex: 'male',
    registeredFacility: '38001',
    validFrom: day(-200),
    validTo: day(165),
    fiveYearsFrom: null,
    area: null,
    status: 'active',
    statusFrom: null,
    ...overrides,
  }
}

/** Another record of the same person. */
export function alsoOf(first: FeedRow, overrides: Partial<FeedRow> = {}): FeedRow {
  return { ...first, coverageNo: first.coverageNo + 1, ...overrides }
}

/** Whoever holds a record, as the mocks print cards for. */
function holderOf(row: FeedRow): Person {
  return {
    index: 0,
    citizenId: row.citizenId ?? '',
    formerNumbers: row.formerNumbers,
    fullName: row.fullName,
    dateOfBirth: row.dateOfBirth,
    sex: row.sex === 'female' ? 'female' : 'male',
    address: 'Thôn Tân Sơn, Quảng Xương, Thanh Hóa',
    issuedOn: isoDate('2021-05-31'),
    insuranceNumber: row.insuranceNumber,
    coverages: [row],
    expected: { decision: 'entitled', code: 'valid' },
  }
}

export function scan(row: FeedRow) {
  return { kind: 'chipIdQr', text: chipIdQrText(holderOf(row)) }
}

export function mrzScan(row: FeedRow) {
  return { kind: 'chipIdMrz', text: mrzText(holderOf(row)) }
}

export function cardScan(row: FeedRow) {
  return { kind: 'insuranceCardQr', text: insuranceCardQrText(holderOf(row), row) }
}

/** Name and birth date as a desk types them. */
function typedHolder(row: FeedRow) {
  return { fullName: row.fullName, dateOfBirth: row.dateOfBirth }
}

export function typed(row: FeedRow) {
  return { kind: 'chipIdTyped', number: row.citizenId, ...typedHolder(row) }
}

export function card(row: FeedRow, number = row.cardNumber) {
  return { kind: 'insuranceCard', number, ...typedHolder(row) }
}

export function document(row: FeedRow, kind: 'vneid' | 'birthCertificate' | 'passport', number?: string) {
  return { kind: 'document', document: kind, ...(number === undefined ? {} : { number }), ...typedHolder(row) }
}

/** A request for today's arrival. */
export function asking(evidence: unknown, members: Record<string, unknown> = {}) {
  return { evidence, serviceDate: today, purpose: 'arrival', ...members }
}

export interface Request {
  readonly method?: string
  readonly path?: string
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
  /** Text and bytes go as they are, anything else as JSON. A stream goes in chunks, without a content-length. */
  readonly body?: unknown
}

export interface Replied {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Reply & Readonly<Record<string, unknown>>
}

/** POST /v1/verifications unless told otherwise. */
export async function send(url: string, request: Request): Promise<Replied> {
  const { body, token = null } = request
  const isRaw = typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream
  const response = await fetch(`${url}${request.path ?? '/v1/verifications'}`, {
    method: request.method ?? 'POST',
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...request.headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  } as RequestInit)
  const text = await response.text()
  const isText = text === '' || /^(?:text\/|application\/octet-stream)/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, text, json: isText ? {} : JSON.parse(text) }
}

/** Bytes on a socket, for what no client library would send. Resolves with all that came back. */
export function sendRaw(running: Running, head: string, body: Uint8Array | string = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(running.server.port, '127.0.0.1', () => {
      socket.write(Buffer.from(head.replaceAll('\n', '\r\n'), 'latin1'))
      socket.write(body)
    })
    socket.setEncoding('utf8')
    socket.on('data', (part) => {
      answer += part
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

/** All that an append leaves. */
export async function logState(world: World) {
  const [row] = await world.owner<{ size: number; entries: number; details: number; keys: number }[]>`
    select size, (select count(*) from log_entry) as entries, (select count(*) from entry_detail) as details,
           (select count(*) from idempotency) as keys
      from log_head`
  return row ?? { size: -1, entries: -1, details: -1, keys: -1 }
}

export interface Wanted {
  readonly status: number
  readonly code: ErrorCode
  /** Where and what, for `invalid_request`. */
  readonly at?: string
  readonly issue?: FieldIssue
}

export const VIETNAMESE = /[ăâđêôơưáàảãạấầẩẫậắằẳẵặéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ]/i
/** Names of laws may stand in an English text. */
const LAWS = /(?<!\p{L})[NQ]?Đ[^\p{Ll}\s]*|Luật/gu

export function expectProblem(reply: Replied, wanted: Wanted): void {
  const { json } = reply
  const [fault] = json.errors ?? []
  expect({ status: reply.status, code: json.code, at: fault?.pointer, issue: fault?.code }).toEqual({
    at: undefined,
    issue: undefined,
    ...wanted,
  })
  expect(reply.headers.get('content-type')).toBe('application/problem+json')
  expect(json.status).toBe(wanted.status)
  expect(json.type).toBe(`/docs/problems#${wanted.code}`)
  expectEnglish(json.title)
  expect(json.requestId).toMatch(/^[0-9a-f-]{36}$/)
  expect(json.requestId).toBe(reply.headers.get('x-request-id'))
  for (const said of [json, ...(json.errors ?? [])]) {
    expect(said.desk).toMatch(VIETNAMESE)
    expectEnglish(said.integrator)
  }
}

export function expectEnglish(text: unknown): void {
  expect(text).toMatch(/[a-z]{3,}/)
  expect(String(text).replace(LAWS, '')).not.toMatch(VIETNAMESE)
}

/** Stands in hostile requests wherever the caller may write what they like: it must never come back, nor be logged. */
export const MARK = 'Zq7XwMark'

/** The request is refused as wanted, leaves nothing in the log, and nothing of it comes back or is logged. */
export async function expectRefused(
  world: World,
  running: Running,
  request: Request,
  wanted: Wanted,
  secrets: readonly string[],
): Promise<Replied> {
  const before = await logState(world)
  const from = running.log.length
  const reply = await send(running.url, request)
  expectProblem(reply, wanted)
  expect(await logState(world)).toEqual(before)
  const lines = await linesOf(running, from, reply)
  expect(lines.length).toBe(1)
  expectNoTrace([reply.text, [...reply.headers].join('\n'), ...lines], secrets)
  return reply
}

/** What was logged since; workerd's lines come by a pipe, late and among those of the request before. */
export async function linesOf(running: Running, from: number, reply: Replied): Promise<string[]> {
  if (inject('workerBundle') === undefined) return running.log.slice(from)
  const id = reply.headers.get('x-request-id') ?? 'no id'
  const own = () => running.log.filter((line) => line.includes(id))
  await expect.poll(() => own().length).toBeGreaterThan(0)
  return own()
}

export function expectNoTrace(texts: readonly string[], secrets: readonly string[]): void {
  for (const text of texts) {
    for (const secret of [...secrets, MARK]) expect(text).not.toContain(secret)
  }
}

/** What names the holder of a record. */
export function secretsOf(row: FeedRow): string[] {
  const names = [row.fullName, ...row.fullName.split(' ').filter((word) => word.length > 3)]
  return [row.citizenId ?? MARK, row.insuranceNumber, row.cardNumber, row.dateOfBirth, ...names]
}
