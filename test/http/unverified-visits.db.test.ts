import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type Running, type World } from '../support/service.ts'
import {
  asking,
  card,
  day,
  expectNoTrace,
  expectProblem,
  expectRefused,
  logState,
  MARK,
  record,
  scan,
  secretsOf,
  send,
  typed,
  type Wanted,
} from './http-support.ts'

const PATH = '/v1/unverified-visits'
const someone = record()
const secrets = secretsOf(someone)
const NOT_FOUND = { status: 404, code: 'unverified_visit_not_found' } as const

let world: World
let running: Running
let own: string
let other: string

beforeAll(async () => {
  world = await createWorld([someone])
  running = await world.start()
  own = await world.token('facility:38001')
  other = await world.token('facility:38002')
})

afterAll(() => world?.close())

function ago(ms: number): string {
  return new Date(Date.now() - ms).toISOString()
}

const MINUTE = 60_000
const DAY = 86_400_000

function visit(members: Record<string, unknown> = {}) {
  return {
    visitId: `38001-${someone.citizenId}`,
    claimedNumber: someone.cardNumber,
    presentedAt: ago(5 * MINUTE),
    failures: [
      { at: ago(4 * MINUTE), code: '500' },
      { at: ago(3 * MINUTE), code: 'source_failed' },
    ],
    evidence: scan(someone),
    officer: someone.fullName,
    ...members,
  }
}

function postVisit(body: unknown, headers: Record<string, string> = {}, token = own) {
  return send(running.url, { path: PATH, token, body, headers })
}

function getVisit(id: unknown, token = own) {
  return send(running.url, { method: 'GET', path: `${PATH}/${id}`, token })
}

describe('a visit would not be recorded', () => {
  test('with evidence: one entry before the answer, a receipt, the time of the first look-up, nothing personal', async () => {
    const before = await logState(world)
    const reply = await postVisit(visit())
    expect(reply.status).toBe(201)
    const { json } = reply
    expect(await logState(world)).toEqual({
      ...before,
      size: before.size + 1,
      entries: before.entries + 1,
      details: before.details + 1,
    })
    expect(json.id).toBe(`u1-${before.size}`)
    expect(json['status']).toBe('open')
    const recordedAt = Date.parse(String(json['recordedAt']))
    expect(Math.abs(recordedAt - Date.now())).toBeLessThan(MINUTE)
    expect(Date.parse(String(json['nextCheckAt']))).toBe(recordedAt + MINUTE)
    expect(json.desk).toContain('Vẫn tiếp nhận người bệnh')
    expect(json.receipt).toEqual({
      checkCode: expect.stringMatching(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/),
      log: '1',
      index: before.size,
      leafHash: expect.any(String),
    })
    const [entry] = await world.owner<{ body: string; hash: string }[]>`
      select body, encode(leaf_hash, 'base64') as hash from log_entry where leaf_index = ${before.size}`
    expect(entry?.hash).toBe(json.receipt?.leafHash)
    expect(JSON.parse(entry?.body ?? '')).toMatchObject({
      kind: 'unverifiedVisit',
      facility: '38001',
      outcome: { failures: 2, method: 'chipIdQr' },
    })
    expectNoTrace([reply.text, entry?.body ?? '', running.log.at(-1) ?? ''], secrets)
  })

  test('with a number alone: open, and said that evidence is wanted; whether it exists is told to nobody', async () => {
    const bare = { evidence: undefined, officer: undefined }
    const known = await postVisit(visit(bare))
    const unknown = await postVisit(visit({ ...bare, claimedNumber: record().cardNumber }))
    for (const reply of [known, unknown]) {
      expect(reply.status).toBe(201)
      expect(reply.json['nextCheckAt']).toBeNull()
      expect(reply.json.integrator).toContain('evidence')
    }
    const shown = await Promise.all([known, unknown].map((reply) => getVisit(reply.json.id)))
    const shapes = shown.map(({ json }) => ({ ...json, id: 0, receipt: 0, recordedAt: 0, closesAt: 0, legalRecord: 0 }))
    expect(shapes[0]).toEqual(shapes[1])
  })

  test('with nothing but what must be there', async () => {
    const reply = await postVisit({
      visitId: 'x',
      presentedAt: ago(59 * DAY),
      failures: [{ at: ago(59 * DAY), code: '-' }],
    })
    expect(reply.status).toBe(201)
    // told late: a day of look-ups all the same
    expect(Date.parse(String(reply.json['closesAt'])) - Date.now()).toBeGreaterThan(DAY - MINUTE)
  })

  test('with times of another zone, and a clock half a minute ahead', async () => {
    const at = new Date(Date.now() + 30_000 + 7 * 3_600_000).toISOString().replace('Z', '+07:00')
    const reply = await postVisit(visit({ presentedAt: at }))
    expect(reply.status).toBe(201)
    const shown = await getVisit(reply.json.id)
    const lines = (shown.json['legalRecord'] as { filled: { name: string; value: unknown }[] }).filled
    expect(lines.find((line) => line.name === 'presentedAt')?.value).toBe(new Date(at).toISOString())
  })
})

describe('one key would record a visit twice', () => {
  test('the same bytes: the same answer, one entry', async () => {
    const body = JSON.stringify(visit())
    const first = await postVisit(body, { 'idempotency-key': 'visit-1' })
    const before = await logState(world)
    const again = await postVisit(body, { 'idempotency-key': 'visit-1' })
    expect([again.status, again.text]).toEqual([201, first.text])
    expect(await logState(world)).toEqual(before)
  })
  test('of many at once', async () => {
    const body = JSON.stringify(visit())
    const before = await logState(world)
    const replies = await Promise.all(
      Array.from({ length: 12 }, () => postVisit(body, { 'idempotency-key': 'visit-2' })),
    )
    expect(new Set(replies.map((reply) => reply.text)).size).toBe(1)
    expect((await logState(world)).size).toBe(before.size + 1)
  })
  test('other bytes are refused, and a verification under the key of a visit too', async () => {
    await postVisit(visit(), { 'idempotency-key': 'visit-3' })
    const headers = { 'idempotency-key': 'visit-3' }
    const conflict = { status: 422, code: 'idempotency_conflict' } as const
    const request = { path: PATH, token: own, body: visit({ visitId: 'other' }), headers }
    await expectRefused(world, running, request, conflict, secrets)
    await expectRefused(world, running, { token: own, body: asking(scan(someone)), headers }, conflict, secrets)
  })
  test('another facility uses the same key for its own', async () => {
    const body = JSON.stringify(visit())
    const first = await postVisit(body, { 'idempotency-key': 'visit-4' })
    const second = await postVisit(body, { 'idempotency-key': 'visit-4' }, other)
    expect(second.json.id).not.toBe(first.json.id)
  })
})

describe('a request that is wrong would be taken', () => {
  const bad: [string, Record<string, unknown>, string, Wanted['issue']][] = [
    ['no visit id', { visitId: undefined }, '/visitId', 'member_missing'],
    ['an empty visit id', { visitId: '' }, '/visitId', 'member_too_short'],
    ['a visit id of 101', { visitId: 'x'.repeat(101) }, '/visitId', 'member_too_long'],
    ['a visit id with half a character', { visitId: '\ud83d' }, '/visitId', 'member_value'],
    ['an unknown member', { [MARK]: 1 }, '', 'member_unknown'],
    ['a number as a number', { claimedNumber: 38 }, '/claimedNumber', 'member_type'],
    ['a number with a name', { claimedNumber: someone.fullName }, '/claimedNumber', 'member_value'],
    ['a number of 33', { claimedNumber: '3'.repeat(33) }, '/claimedNumber', 'member_value'],
    ['no time', { presentedAt: undefined }, '/presentedAt', 'member_missing'],
    ['a day', { presentedAt: day(0) }, '/presentedAt', 'member_value'],
    ['a time without a zone', { presentedAt: '2026-11-24T01:00:00' }, '/presentedAt', 'member_value'],
    ['two minutes ahead', { presentedAt: ago(-2 * MINUTE) }, '/presentedAt', 'instant_future'],
    ['61 days ago', { presentedAt: ago(61 * DAY) }, '/presentedAt', 'instant_too_old'],
    ['no failures', { failures: undefined }, '/failures', 'member_missing'],
    ['an empty list', { failures: [] }, '/failures', 'member_too_short'],
    ['21 failures', { failures: Array(21).fill({ at: ago(1), code: '1' }) }, '/failures', 'member_too_long'],
    ['a failure ahead', { failures: [{ at: ago(-2 * MINUTE), code: '1' }] }, '/failures/0/at', 'instant_future'],
    ['an old failure', { failures: [{ at: ago(61 * DAY), code: '1' }] }, '/failures/0/at', 'instant_too_old'],
    ['a code with a space', { failures: [{ at: ago(1), code: 'a b' }] }, '/failures/0/code', 'member_value'],
    ['a code of 33', { failures: [{ at: ago(1), code: 'x'.repeat(33) }] }, '/failures/0/code', 'member_value'],
    [
      'a code with letters of a name',
      { failures: [{ at: ago(1), code: 'Lường' }] },
      '/failures/0/code',
      'member_value',
    ],
    ['a text in a failure', { failures: [{ at: ago(1), code: '1', text: MARK }] }, '/failures/0', 'member_unknown'],
    ['evidence of no kind', { evidence: { number: '1' } }, '/evidence/kind', 'member_missing'],
    ['a QR that is none', { evidence: { kind: 'chipIdQr', text: MARK } }, '/evidence/text', 'qr_not_chip_id'],
    ['a short number', { evidence: { ...typed(someone), number: '12' } }, '/evidence/number', 'citizen_id_length'],
    ['an officer of 65', { officer: 'x'.repeat(65) }, '/officer', 'member_too_long'],
  ]
  for (const [name, members, at, issue] of bad) {
    test(name, async () => {
      const request = { path: PATH, token: own, body: visit(members) }
      const wanted = { status: 400, code: 'invalid_request', at, ...(issue === undefined ? {} : { issue }) } as const
      await expectRefused(world, running, request, wanted, secrets)
    })
  }
  test('two faults of time are both named', async () => {
    const failures = [
      { at: ago(1), code: '1' },
      { at: ago(-DAY), code: '1' },
    ]
    const reply = await postVisit(visit({ presentedAt: ago(99 * DAY), failures }))
    expect(reply.json.errors?.map((each) => [each.pointer, each.code])).toEqual([
      ['/presentedAt', 'instant_too_old'],
      ['/failures/1/at', 'instant_future'],
    ])
  })
})

describe('a visit would be shown otherwise than it is', () => {
  test('at once after it was recorded, and the record of Điều 38 with what is missing', async () => {
    const body = visit({ evidence: card(someone) })
    const posted = await postVisit(body)
    const before = await logState(world)
    const shown = await getVisit(posted.json.id)
    expect(shown.status).toBe(200)
    expect(shown.json).toMatchObject({
      id: posted.json.id,
      recordedAt: posted.json['recordedAt'],
      status: 'open',
      attempts: 0,
      lastAttemptAt: null,
      lastCode: null,
      nextCheckAt: posted.json['nextCheckAt'],
      closesAt: posted.json['closesAt'],
      supersededBy: null,
      outcome: null,
      receipt: posted.json.receipt,
    })
    const { filled, toAdd } = shown.json['legalRecord'] as Record<
      'filled' | 'toAdd',
      { name: string; value: unknown }[]
    >
    const values = Object.fromEntries(filled.map((line) => [line.name, line.value]))
    expect(values).toEqual({
      facility: '38001',
      visitId: body.visitId,
      presentedAt: body.presentedAt,
      claimedNumber: `GD438********${someone.cardNumber.slice(-2)}`,
      failures: body.failures,
      attempts: [],
      checkCode: posted.json.receipt?.checkCode,
      entry: posted.json.id,
    })
    expect(toAdd.map((line) => line.name)).toEqual(['contact', 'screenshot'])
    expect(shown.text).not.toContain(someone.fullName)
    expect(shown.text).not.toContain(someone.cardNumber)
    expect(await logState(world)).toEqual(before)
  })

  test("another facility's, none at all, and an entry that is no visit would be told apart", async () => {
    const posted = await postVisit(visit())
    const verified = await send(running.url, { token: own, body: asking(scan(someone)) })
    const index = String(verified.json.id).slice(3)
    const shapes = new Set<string>()
    const asked: [string, string][] = [
      [other, String(posted.json.id)],
      [own, `u1-${index}`],
      [own, String(verified.json.id)],
      [own, 'u1-999999'],
      [own, 'u1-99999999999'],
      [own, 'u2-0'],
      [own, MARK],
      [own, someone.citizenId ?? ''],
    ]
    for (const [token, id] of asked) {
      const request = { method: 'GET', path: `${PATH}/${id}`, token }
      const reply = await expectRefused(world, running, request, NOT_FOUND, secrets)
      shapes.add(reply.text.replace(reply.json.requestId ?? '', ''))
    }
    expect(shapes.size).toBe(1)
    const asVerification = {
      method: 'GET',
      path: `/v1/verifications/v1-${String(posted.json.id).slice(3)}`,
      token: own,
    }
    expectProblem(await send(running.url, asVerification), { status: 404, code: 'verification_not_found' })
  })

  test('when its details were erased', async () => {
    const headers = { 'idempotency-key': 'visit-erased' }
    const body = JSON.stringify(visit())
    const posted = await postVisit(body, headers)
    await world.owner`delete from entry_detail where leaf_index = ${posted.json.receipt?.index ?? -1}`
    const erased = { status: 410, code: 'unverified_visit_erased' } as const
    expectProblem(await getVisit(posted.json.id), erased)
    expectProblem(await postVisit(body, headers), erased)
  })
})
