import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDetails } from '../../src/audit/log.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
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
  type Replied,
  record,
  scan,
  secretsOf,
  send,
  typed,
} from './http-support.ts'

const someone = record()
const ended = record({ validTo: day(-2) })
const secrets = secretsOf(someone)
const NOT_FOUND = { status: 404, code: 'verification_not_found' } as const

let world: World
let running: Running
let own: string
let other: string
let auditor: string
/** A verification of 38001, as it was answered. */
let answered: Replied

beforeAll(async () => {
  world = await createWorld([someone, ended])
  running = await world.start()
  own = await world.token('facility:38001')
  other = await world.token('facility:38002')
  auditor = await world.token('auditor:test')
  answered = await send(running.url, { token: own, body: asking(scan(someone)) })
})

afterAll(() => world?.close())

function get(token: string, id: string | undefined, headers: Record<string, string> = {}) {
  return { method: 'GET', path: `/v1/verifications/${id}`, token, headers }
}

describe("a facility's own verification would be told otherwise than it was", () => {
  const requests: [string, unknown][] = [
    ['entitled', asking(scan(someone), { visit: { visitId: '38001-1', route: '1.1' }, officer: 'NV-1' })],
    ['refused', asking(scan(ended))],
    ['not found', asking(scan(record()))],
    ['near', asking(typed({ ...someone, fullName: 'Luong Khanh Toan' }))],
    [
      'by portal',
      asking(card(someone), { portalAnswer: { askedAt: new Date().toISOString(), code: '110', digest: 'x' } }),
    ],
  ]
  for (const [name, body] of requests) {
    test(name, async () => {
      const first = await send(running.url, { token: own, body })
      const before = await logState(world)
      const again = await send(running.url, get(own, first.json.id))
      expect(again.status).toBe(200)
      expect(again.text).toBe(first.text)
      expect(again.headers.get('cache-control')).toBe('no-store')
      expect(await logState(world)).toEqual(before)
    })
  }
  test('by a second server', async () => {
    const second = await world.start()
    expect((await send(second.url, get(own, answered.json.id))).text).toBe(answered.text)
  })
})

describe("an id would tell what is not its reader's", () => {
  test("another facility's verification and none at all would be told apart", async () => {
    const shapes = new Set<string>()
    for (const id of [answered.json.id, 'v1-999999', 'v1-34359738367', 'v1-99999999999', 'v2-0', 'v9999-0']) {
      const reply = await expectRefused(world, running, get(other, id), NOT_FOUND, secrets)
      const headers = [...reply.headers].filter(([name]) => name !== 'x-request-id' && name !== 'date')
      shapes.add(JSON.stringify([reply.text.replace(reply.json.requestId ?? '', ''), headers]))
    }
    expect(shapes.size).toBe(1)
  })
  const malformed = [
    'x',
    '0',
    'v1',
    'v1-',
    'v0-0',
    'v1-00',
    'v1-0x1',
    'v1--1',
    'v1-1.5',
    'v1-999999999999',
    'V1-0',
    'v01-0',
    'v1-0%20',
    'v1-0%00',
    'v1-0%0A',
    '%76%31-x',
    '%E0%A4%A',
    '%ff',
    "v1-0'--",
    'v1-0;drop',
    'x'.repeat(2_000),
    someone.citizenId,
    someone.cardNumber,
    encodeURIComponent(someone.fullName),
    MARK,
  ]
  for (const id of malformed) {
    test(`"${id?.slice(0, 30)}" would be an id`, async () => {
      await expectRefused(world, running, get(own, id ?? ''), NOT_FOUND, secrets)
    })
  }
  test('an entry that is no verification would be one', async () => {
    await send(running.url, get(auditor, answered.json.id, { 'audit-purpose': 'claimReview' }))
    const { size } = await logState(world)
    await expectRefused(world, running, get(own, `v1-${size - 1}`), NOT_FOUND, secrets)
    const headers = { 'audit-purpose': 'claimReview' }
    await expectRefused(world, running, get(auditor, `v1-${size - 1}`, headers), NOT_FOUND, secrets)
  })
  test('an id holds something personal', async () => {
    const { size } = await logState(world)
    const reply = await send(running.url, { token: own, body: asking(scan(someone)) })
    expect(reply.json.id).toBe(`v1-${size}`)
  })
})

describe('an auditor would read without a reason', () => {
  const missing = { status: 400, code: 'audit_purpose_missing' } as const
  const headers: [string, Record<string, string>][] = [
    ['no purpose', {}],
    ['an empty purpose', { 'audit-purpose': '' }],
    ['an unknown purpose', { 'audit-purpose': MARK }],
    ['a purpose in other letters', { 'audit-purpose': 'ClaimReview' }],
    ['two purposes', { 'audit-purpose': 'claimReview, complaint' }],
    ['a case alone', { 'audit-case': 'K-1' }],
    ['a complaint without its case', { 'audit-purpose': 'complaint' }],
    ['a court order without its case', { 'audit-purpose': 'courtOrder' }],
    ['an incident without its case', { 'audit-purpose': 'incident' }],
    ['an incident with an empty case', { 'audit-purpose': 'incident', 'audit-case': '' }],
    ['a case with a space', { 'audit-purpose': 'complaint', 'audit-case': 'K 1' }],
    ['a case of 65', { 'audit-purpose': 'complaint', 'audit-case': 'K'.repeat(65) }],
    ['a case that names somebody', { 'audit-purpose': 'claimReview', 'audit-case': 'vu an Khanh Toan' }],
  ]
  for (const [name, each] of headers) {
    test(name, async () => {
      await expectRefused(world, running, get(auditor, answered.json.id, each), missing, secrets)
    })
  }
  test('for an id that does not exist, which is refused and leaves nothing', async () => {
    const claimReview = { 'audit-purpose': 'claimReview' }
    await expectRefused(world, running, get(auditor, 'v1-999999', claimReview), NOT_FOUND, secrets)
    await expectRefused(world, running, get(auditor, MARK, claimReview), NOT_FOUND, secrets)
  })
})

describe('what an auditor reads would not be masked, or not be recorded', () => {
  const reasons: [string, string | null][] = [
    ['claimReview', null],
    ['claimReview', 'HS-2026/11'],
    ['complaint', 'K-7'],
    ['courtOrder', 'x'.repeat(64)],
    ['incident', '!~'],
  ]
  for (const [purpose, auditCase] of reasons) {
    test(`${purpose}, ${auditCase === null ? 'no case' : 'with a case'}`, async () => {
      const before = await logState(world)
      const headers = { 'audit-purpose': purpose, ...(auditCase === null ? {} : { 'audit-case': auditCase }) }
      const reply = await send(running.url, get(auditor, answered.json.id, headers))
      expect(reply.status).toBe(200)
      const shown = answered.json.coverages?.map((each) => ({
        ...each,
        cardNumber: `${someone.cardNumber.slice(0, 5)}********${someone.cardNumber.slice(13)}`,
      }))
      expect(reply.json).toEqual({ ...answered.json, coverages: shown })
      expectNoTrace([reply.text, ...running.log], secrets)

      const after = { size: before.size + 1, entries: before.entries + 1, details: before.details + 1 }
      expect(await logState(world)).toEqual({ ...before, ...after })
      const index = Number(answered.json.id?.slice(3))
      const { body, details, client, subject } = await entryAt(before.size)
      expect(body).toMatchObject({
        v: 1,
        kind: 'auditRead',
        facility: null,
        outcome: {
          purpose,
          entries: 1,
          list: createHash('sha256')
            .update(JSON.stringify([index]))
            .digest('base64'),
        },
      })
      expect(details).toEqual({ v: 1, purpose, case: auditCase, entries: [index] })
      expect({ client, subject }).toEqual({ client: 'auditor:test', subject: null })
    })
  }
  test("any facility's", async () => {
    const theirs = await send(running.url, { token: other, body: asking(scan(ended)) })
    const reply = await send(running.url, get(auditor, theirs.json.id, { 'audit-purpose': 'claimReview' }))
    expect({ status: reply.status, code: reply.json.code }).toEqual({ status: 200, code: 'expired' })
  })
  test('when it cannot be recorded, it would leave all the same', async () => {
    await world.owner`revoke insert on log_entry from kiemthe_app`
    const wanted = { status: 503, code: 'log_unavailable' } as const
    const request = get(auditor, answered.json.id, { 'audit-purpose': 'claimReview' })
    await expectRefused(world, running, request, wanted, secrets)
    await world.owner`grant insert on log_entry to kiemthe_app`
    expect((await send(running.url, request)).status).toBe(200)
  })
})

async function entryAt(index: number) {
  const [row] = await world.owner<{ body: string; sealed: Uint8Array; client: string; subject: string | null }[]>`
    select body, sealed, client, subject from log_entry join entry_detail using (log_id, leaf_index)
     where leaf_index = ${index}`
  if (row === undefined) throw new Error(`no entry ${index}`)
  const details = openDetails(deriveDataKeys(world.dataKeys), row.subject, row.sealed)
  return { ...row, body: JSON.parse(row.body), details: JSON.parse(details) }
}

test('what came with a request would be lost, or stand in the open part of the log', async () => {
  const visit = { visitId: '38001-2411-0042', route: '1.10', inpatient: false }
  const registryConsent = { method: 'signedForm', reference: 'PDK-77', givenAt: new Date().toISOString() }
  const portalAnswer = { askedAt: new Date().toISOString(), code: '000', digest: 'sha256:77' }
  const members = { visit, officer: 'NV-0042', registryConsent, portalAnswer, purpose: 'during' }
  const { json } = await send(running.url, { token: own, body: asking(scan(someone), members) })
  const { body, details } = await entryAt(json.receipt?.index ?? -1)
  expect(details).toMatchObject({ v: 1, ...members })
  expect(Object.keys(body)).toEqual(['v', 'recordedAt', 'kind', 'facility', 'outcome', 'details'])
  expect(body.outcome).toEqual({
    decision: 'entitled',
    code: 'valid',
    cause: null,
    method: 'chipIdQr',
    assurance: 'unsigned',
  })
  expectNoTrace([JSON.stringify(body)], [...secrets, 'NV-0042', '2411-0042', 'PDK-77', ':77'])
})

test('a verification whose details were erased would be answered, or be denied', async () => {
  const { json } = await send(running.url, { token: own, body: asking(scan(someone)) })
  const index = json.receipt?.index ?? -1
  await world.owner`delete from entry_detail where leaf_index = ${index}`
  const erased = { status: 410, code: 'verification_erased' } as const
  await expectRefused(world, running, get(own, json.id), erased, secrets)
  const headers = { 'audit-purpose': 'claimReview' }
  await expectRefused(world, running, get(auditor, json.id, headers), erased, secrets)
  expectProblem(await send(running.url, get(other, json.id)), NOT_FOUND)
})
