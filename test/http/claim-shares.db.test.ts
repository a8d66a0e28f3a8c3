import { createHash } from 'node:crypto'
import { request as open } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkInFile, claimFile, signed } from '../../mocks/dossier/file.ts'
import { checkInTables, claimTables } from '../../mocks/dossier/visit.ts'
import { type Person, person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { claimShareSchema } from '../../src/claim-share/answer-schema.ts'
import { openClaimShare } from '../../src/claim-share/details.ts'
import { claimShareBodySchema } from '../../src/claim-share/entry.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { openBytes } from '../../src/seal.ts'
import { logState, sound } from '../support/log.ts'
import { createWorld, post, type Running, type World } from '../support/service.ts'
import { expectNoTrace, expectProblem, type Replied, send } from './http-support.ts'

const today = todayInVietnam(new Date())
const people = Array.from({ length: 40 }, (_, n) => person({ seed: 'shares', baseDate: today }, n))
const insured = people.filter(({ coverages, expected }) => coverages.length === 1 && expected.code === 'valid')
const [first, second] = insured as [Person, Person]
const month = today.slice(0, 7)

let world: World
let running: Running
/** Another process on the same database. */
let other: Running
const tokens = { own: '', foreign: '' }
let visits = 0

beforeAll(async () => {
  world = await createWorld(people.flatMap(({ coverages }) => coverages))
  running = await world.start()
  other = await world.start()
  tokens.own = await world.token('facility:38001')
  tokens.foreign = await world.token('facility:38002')
})

afterAll(() => world?.close())

const newVisit = () => `V-${++visits}-Lk7Zq`
const visitOf = (visitId: string, facility = '38001') => ({ facility, visitId, day: today, seed: 'shares' })

function claimOf(someone: Person, visitId: string, change: (row: Record<string, string>) => void = () => {}): string {
  const tables = claimTables(someone, visitOf(visitId))
  const row = tables['XML1']?.[0]
  if (row !== undefined) change(row)
  return claimFile(tables, '38001')
}

interface Told {
  readonly token?: string
  readonly headers?: Record<string, string>
  readonly url?: string
  readonly [member: string]: unknown
}

function share(file: string, visitId: string, { token, headers, url, ...members }: Told = {}): Promise<Replied> {
  const body = { kind: 'claim', visitId, dossier: Buffer.from(file).toString('base64'), ...members }
  const request = { path: '/v1/claim-shares', token: token ?? tokens.own, body, headers: headers ?? {} }
  return send(url ?? running.url, request)
}

const read = (path: string, token = tokens.own) =>
  send(running.url, { method: 'GET', path: `/v1/claim-shares${path}`, token })

async function check(someone: Person, token = tokens.own): Promise<{ id: string; checkCode: string }> {
  const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
  const { status, body } = await post(running.url, token, { evidence, serviceDate: today, purpose: 'arrival' })
  expect(status).toBe(200)
  return { id: body.id ?? '', checkCode: body.receipt?.checkCode ?? '' }
}

const sizeOf = async () => (await logState(world.owner)).size

test('a share would not be recorded whole, say somebody’s name in the open, or change the bytes', async () => {
  const visitId = newVisit()
  const { id: verification, checkCode } = await check(first)
  const file = signed(claimOf(first, visitId))
  const reply = await share(file, visitId, { checkCodes: [checkCode.toLowerCase()] })
  expect(reply.status).toBe(202)
  const answer = claimShareSchema.parse(reply.json)
  expect(answer).toMatchObject({
    version: 1,
    status: 'recorded',
    delivery: 'recordOnly',
    findings: [],
    findingsTotal: 0,
  })
  expect(answer).toMatchObject({ settlementMonth: month, standard: 'QD1931', restricted: null, previous: null })
  expect(answer.checks).toEqual([{ code: checkCode.toLowerCase(), verification }])
  expect(answer.signature).toMatchObject({
    outcome: 'valid',
    certificate: { subject: expect.stringContaining('DEMO') },
  })
  expect((await read(`/${answer.id}`)).json).toEqual(reply.json)

  const [row] = await world.owner<
    { body: string; subject: string; details: Buffer; dossier: Buffer; dossier_key: string }[]
  >`
    select e.body, d.subject, d.sealed as details, c.sealed as dossier, c.dossier_key
      from log_entry e join entry_detail d using (log_id, leaf_index) join claim_dossier c using (log_id, leaf_index)
     where leaf_index = ${answer.receipt.index}`
  const { outcome } = claimShareBodySchema.parse(JSON.parse(row?.body ?? ''))
  expect(outcome).toMatchObject({ share: 'claim', version: 1, checks: 1, findings: 0, signature: 'valid' })
  expect(outcome.tBhtt).toBe(answer.amounts.tBhtt)
  expectNoTrace([row?.body ?? ''], [first.citizenId, first.fullName, visitId, first.insuranceNumber])
  const keys = deriveDataKeys(world.dataKeys)
  const bytes = openBytes(
    keys,
    'claim_dossier',
    (row?.dossier_key ?? '').replaceAll('-', ''),
    row?.dossier ?? Buffer.alloc(0),
  )
  expect(bytes.toString()).toBe(file)
  const details = openClaimShare(keys, row?.subject ?? '', row?.details ?? Buffer.alloc(0))
  expect(details).toMatchObject({
    visitId,
    person: (row?.subject ?? '').replaceAll('-', ''),
    dossierBytes: bytes.length,
  })
  // what the log commits to, for whoever is shown the dossier and its salt
  const salt = Buffer.from(details.dossierSalt, 'base64')
  expect(createHash('sha256').update(salt).update(bytes).digest('base64')).toBe(outcome.dossierDigest)
})

describe('the same visit again', () => {
  test('the same bytes would be another share, under whatever key', async () => {
    const visitId = newVisit()
    const file = claimOf(first, visitId)
    const once = await share(file, visitId, { headers: { 'idempotency-key': visitId } })
    const before = await sizeOf()
    for (const headers of [{ 'idempotency-key': visitId }, { 'idempotency-key': `${visitId}b` }, undefined]) {
      const again = await share(file, visitId, headers === undefined ? {} : { headers })
      expect(again.json).toEqual(once.json)
    }
    expect(await sizeOf()).toBe(before)
    const changed = claimOf(first, visitId, (row) => (row['GHI_CHU'] = 'bổ sung'))
    for (const key of [visitId, `${visitId}b`]) {
      const reply = await share(changed, visitId, { reason: 'sửa', headers: { 'idempotency-key': key } })
      expectProblem(reply, { status: 422, code: 'idempotency_conflict' })
    }
    expect(await sizeOf()).toBe(before)
  })

  test('another version would need no reason, or the former not know of it', async () => {
    const visitId = newVisit()
    const one = claimShareSchema.parse((await share(claimOf(first, visitId), visitId)).json)
    const changed = claimOf(first, visitId, (row) => (row['GHI_CHU'] = 'bổ sung'))
    expectProblem(await share(changed, visitId), { status: 409, code: 'claim_reason_missing' })
    const reply = await share(changed, visitId, { reason: 'Bổ sung ghi chú', basis: 'TB 12/BHXH' })
    const two = claimShareSchema.parse(reply.json)
    expect(two).toMatchObject({ version: 2, previous: one.id, reason: 'Bổ sung ghi chú', basis: 'TB 12/BHXH' })
    expect((await read(`/${one.id}`)).json).toMatchObject({ version: 1, supersededBy: two.id })
    // a late retry of the first is the first
    expect((await share(claimOf(first, visitId), visitId)).json).toMatchObject({ id: one.id })
  })

  test('a check-in at the ward would need a reason, and a second one at the door none', async () => {
    const visitId = newVisit()
    const [row = {}] = checkInTables(first, visitOf(visitId))['XML0'] ?? []
    const at = (fields: Record<string, string>) =>
      share(checkInFile({ XML0: [{ ...row, ...fields }] }), visitId, { kind: 'checkIn' })
    expect((await at({})).json).toMatchObject({ version: 1, kind: 'checkIn' })
    expectProblem(await at({ MA_LOAI_KCB: '02' }), { status: 409, code: 'claim_reason_missing' })
    const ward = await at({ NGAY_VAO_NOI_TRU: `${today.replaceAll('-', '')}0900` })
    expect(ward.json).toMatchObject({ version: 2 })
    // the claim of the visit has versions of its own
    expect((await share(claimOf(first, visitId), visitId)).json).toMatchObject({ version: 1, kind: 'claim' })
  })

  test('two processes would both record the same bytes', async () => {
    const visitId = newVisit()
    const file = claimOf(second, visitId)
    const before = await sizeOf()
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, n) => share(file, visitId, { url: n % 2 === 0 ? running.url : other.url })),
    )
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([202]))
    expect(new Set(replies.map(({ json }) => json.id)).size).toBe(1)
    expect(await sizeOf()).toBe(before + 1)
  })

  test('two processes would give one version twice, or leave a hole in the log', async () => {
    const visitId = newVisit()
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, n) => {
        const file = claimOf(second, visitId, (row) => (row['GHI_CHU'] = `bản ${n}`))
        return share(file, visitId, { reason: 'sửa', url: n % 2 === 0 ? running.url : other.url })
      }),
    )
    const taken = replies.filter(({ status }) => status === 202).map(({ json }) => claimShareSchema.parse(json).version)
    // whoever lost too often is told to come again
    for (const { status, json } of replies)
      expect([202, String(json.code) === 'claim_share_busy' ? 503 : 202]).toContain(status)
    expect(taken.toSorted((a, b) => a - b)).toEqual(taken.map((_, n) => n + 1))
    const state = await logState(world.owner)
    expect(state).toEqual(sound(state.size))
  })
})

test('a quoted visit without a check would be told by an id that leads nowhere', async () => {
  const visitId = newVisit()
  const at = new Date().toISOString()
  const unverified = { visitId, presentedAt: at, failures: [{ at, code: '500' }], claimedNumber: first.citizenId }
  const visit = await send(running.url, { path: '/v1/unverified-visits', token: tokens.own, body: unverified })
  const checkCodes = [visit.json.receipt?.checkCode ?? '']
  const { checks } = claimShareSchema.parse((await share(claimOf(first, visitId), visitId, { checkCodes })).json)
  expect(checks).toEqual([{ code: checkCodes[0], verification: expect.stringMatching(/^u1-\d+$/) }])
  const found = await send(running.url, {
    method: 'GET',
    path: `/v1/unverified-visits/${checks[0]?.verification}`,
    token: tokens.own,
  })
  expect(found.status).toBe(200)
})

test('a check of somebody else, of another facility or of nobody would count', async () => {
  const visitId = newVisit()
  const codes = [
    (await check(second)).checkCode,
    (await check(first, tokens.foreign)).checkCode,
    '7K3M9-TQ2XH',
    (await check(first)).checkCode,
  ]
  const reply = claimShareSchema.parse((await share(claimOf(first, visitId), visitId, { checkCodes: codes })).json)
  expect(reply.checks.map(({ verification }) => verification !== null)).toEqual([false, false, false, true])
  const found = reply.findings.map(({ code }) => code).filter((code) => code.startsWith('check_'))
  expect(found).toEqual(['check_code_other_person', 'check_code_not_genuine', 'check_code_not_genuine'])
  const without = claimShareSchema.parse((await share(claimOf(first, newVisit()), `V-${visits}-Lk7Zq`)).json)
  expect(without.findings.map(({ code }) => code)).toEqual(['signature_absent', 'check_missing'])
})

test('a receipt would be taken twice, not move the status, or be anybody’s to attach', async () => {
  const visitId = newVisit()
  const { id } = claimShareSchema.parse((await share(claimOf(first, visitId), visitId)).json)
  const attach = (body: object, token = tokens.own) =>
    send(running.url, { path: `/v1/claim-shares/${id}/receipts`, token, body })
  const received = { maKetQua: '200', maGiaoDich: 'GD-1', thoiGianTiepNhan: '20261124081502' }
  const errors = [{ maLoi: 'XML3', moTaLoi: 'Sai NGAY_YL' }]
  const returned = { maKetQua: '202', maGiaoDich: 'GD-1', thoiGianTiepNhan: '20261125081502', errors }
  expectProblem(await attach(received, tokens.foreign), { status: 404, code: 'claim_share_not_found' })
  expect((await attach(received)).json).toMatchObject({ status: 'received', receipts: [received] })
  const size = await sizeOf()
  expect((await attach(received)).json).toMatchObject({ status: 'received' })
  expect(await sizeOf()).toBe(size)
  expect((await attach(returned)).json).toMatchObject({ status: 'returned', receipts: [received, returned] })
  expect((await attach({ ...received, maKetQua: '401' })).status).toBe(400)
  const forwarded = claimShareSchema.parse(
    (await share(claimOf(first, newVisit()), `V-${visits}-Lk7Zq`, { delivery: 'forward' })).json,
  )
  expect(forwarded.nextAttemptAt).not.toBeNull()
  const path = `/v1/claim-shares/${forwarded.id}/receipts`
  const reply = await send(running.url, { path, token: tokens.own, body: received })
  expectProblem(reply, { status: 409, code: 'claim_receipt_unexpected' })
})

test('a list would miss a share, show it twice, or show another facility’s', async () => {
  const everything = await world.owner<{ leaf_index: number }[]>`
    select leaf_index from claim_delivery where facility = '38001' order by leaf_index desc`
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const { json } = await read(`?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
    const page = json as unknown as { items: { id: string }[]; nextCursor: string | null }
    seen.push(...page.items.map(({ id }) => id))
    // what is shared meanwhile is on no later page
    if (cursor === '') await share(claimOf(first, newVisit()), `V-${visits}-Lk7Zq`)
    cursor = page.nextCursor
  }
  expect(seen).toEqual(everything.map(({ leaf_index }) => `s1-${leaf_index}`))
  const of = async (query: string, token = tokens.own) =>
    (
      (await read(query, token)).json as unknown as {
        items: { id: string; status: string; supersededBy: string | null }[]
      }
    ).items
  expect(await of('', tokens.foreign)).toEqual([])
  expect(await of(`?settlementMonth=2020-01`)).toEqual([])
  expect((await of('?status=returned')).map(({ status }) => status)).toEqual(['returned'])
  const unsent = await of(`?status=unsent&settlementMonth=${month}&limit=200`)
  expect(unsent.length).toBeGreaterThan(3)
  for (const each of unsent) expect(each).toMatchObject({ status: 'recorded', supersededBy: null })
})

describe('a share that is taken back', () => {
  const withdraw = (id: string, body: unknown = { reason: 'Gửi nhầm lượt khám' }, token = tokens.own) =>
    send(running.url, { path: `/v1/claim-shares/${id}/withdrawal`, token, body })
  const shared = async (told: Told = {}) => {
    const visitId = newVisit()
    return claimShareSchema.parse((await share(claimOf(first, visitId), visitId, told)).json)
  }
  const refused = { status: 409, code: 'claim_share_with_insurer' } as const

  test('would still be sent or unsent, be an entry twice, say why in the open, or be anybody’s to take back', async () => {
    const { id, visitId, receipt } = await shared({ delivery: 'forward' })
    expectProblem(await withdraw(id, { reason: 'x' }, tokens.foreign), { status: 404, code: 'claim_share_not_found' })
    for (const body of [{}, { reason: '' }, { reason: 'x'.repeat(501) }, { reason: 'x', basis: 'y' }])
      expect((await withdraw(id, body)).status).toBe(400)
    const before = await sizeOf()
    const reply = await withdraw(id)
    expect(reply.status).toBe(201)
    expect(claimShareSchema.parse(reply.json)).toMatchObject({
      ...{ status: 'withdrawn', nextAttemptAt: null },
      receipts: [{ by: 'facility', status: 'withdrawn', maKetQua: null, reason: 'Gửi nhầm lượt khám' }],
    })
    expect((await withdraw(id, { reason: 'again' })).json).toEqual(reply.json)
    expect(await sizeOf()).toBe(before + 1)
    const [row] = await world.owner<{ body: string; next: Date | null }[]>`
      select e.body, d.next_attempt_at as next from log_entry e, claim_delivery d
       where e.leaf_index = ${before} and d.leaf_index = ${receipt.index}`
    expect(JSON.parse(row?.body ?? '').outcome).toEqual({
      ...{ share: receipt.index, status: 'withdrawn', by: 'facility', maKetQua: null },
    })
    expect(row?.body).not.toContain('nhầm')
    expect(row?.next).toBeNull()
    const of = async (status: string) =>
      ((await read(`?status=${status}&limit=200`)).json as unknown as { items: { id: string }[] }).items.map(
        (each) => each.id,
      )
    expect(await of('withdrawn')).toEqual([id])
    expect(await of('unsent')).not.toContain(id)
    // the same bytes are the same share; others are the next version, with a reason
    expect((await share(claimOf(first, visitId), visitId, { delivery: 'forward' })).json).toMatchObject({
      id,
      status: 'withdrawn',
    })
    const changed = claimOf(first, visitId, (row) => (row['GHI_CHU'] = 'bổ sung'))
    expectProblem(await share(changed, visitId), { status: 409, code: 'claim_reason_missing' })
    const next = await share(changed, visitId, { reason: 'gửi lại' })
    expect(next.json).toMatchObject({ version: 2, status: 'recorded', previous: id })
  })

  test('that the insurer has, or may have, would be told to be gone', async () => {
    const received = await shared()
    const attach = (body: object) =>
      send(running.url, { path: `/v1/claim-shares/${received.id}/receipts`, token: tokens.own, body })
    await attach({ maKetQua: '200', maGiaoDich: 'GD-9', thoiGianTiepNhan: '20261124081502' })
    expectProblem(await withdraw(received.id), refused)
    // what it gave back has no effect there
    await attach({ maKetQua: '202', maGiaoDich: 'GD-9', thoiGianTiepNhan: '20261125081502' })
    expect((await withdraw(received.id)).json).toMatchObject({ status: 'withdrawn' })
    // and what a receipt says of it afterwards is true all the same
    expect(
      (await attach({ maKetQua: '200', maGiaoDich: 'GD-10', thoiGianTiepNhan: '20261126081502' })).json,
    ).toMatchObject({ status: 'received' })

    const taken = await shared({ delivery: 'forward' })
    const lease = (until: string | null) =>
      world.owner`update claim_delivery set lease_until = ${until}::timestamptz where leaf_index = ${taken.receipt.index}`
    const before = await sizeOf()
    for (const until of [new Date(Date.now() + 60_000), new Date(Date.now() - 60_000)]) {
      await lease(until.toISOString()) // sent just now; or by a process that was killed over it
      expectProblem(await withdraw(taken.id), refused)
    }
    expect(await sizeOf()).toBe(before)
    await lease(null)
    expect((await withdraw(taken.id)).json).toMatchObject({ status: 'withdrawn' })
  })

  test('a former version would not be unsent again when the one that replaced it is taken back', async () => {
    const one = await shared()
    const changed = claimOf(first, one.visitId, (row) => (row['GHI_CHU'] = 'bổ sung'))
    const two = claimShareSchema.parse((await share(changed, one.visitId, { reason: 'sửa' })).json)
    const unsent = async () =>
      ((await read('?status=unsent&limit=200')).json as unknown as { items: { id: string }[] }).items.map(
        (each) => each.id,
      )
    expect(await unsent()).not.toContain(one.id)
    await withdraw(two.id)
    expect(await unsent()).toContain(one.id)
    expect(await unsent()).not.toContain(two.id)
  })

  test('two who take it back at once would both have an entry', async () => {
    const { id } = await shared({ delivery: 'forward' })
    const before = await sizeOf()
    const replies = await Promise.all(Array.from({ length: 6 }, (_, n) => withdraw(id, { reason: `${n}` })))
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]))
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1)
    expect(await sizeOf()).toBe(before + 1)
  })
})

test.each<[string, (visitId: string) => [string, Told], number, string]>([
  [
    'another facility',
    (v) => [claimFile(claimTables(first, visitOf(v, '38002')), '38002'), {}],
    422,
    'dossier_other_facility',
  ],
  ['another visit', (v) => [claimOf(first, `${v}x`), {}], 422, 'dossier_other_visit'],
  [
    'a state secret',
    (v) => [claimOf(first, v, (row) => (row['DU_PHONG'] = 'TUYỆT MẬT')), {}],
    422,
    'dossier_state_secret',
  ],
  ['no XML', () => ['hồ sơ', {}], 422, 'dossier_unreadable'],
  ['a check-in as a claim', (v) => [checkInFile(checkInTables(first, visitOf(v))), {}], 422, 'dossier_unreadable'],
  ['what is no base64', (v) => [claimOf(first, v), { dossier: '====' }], 400, 'invalid_request'],
  ['stray bits', (v) => [claimOf(first, v), { dossier: 'QQ=' }], 400, 'invalid_request'],
])('%s would be recorded, or shown', async (_, make, status, code) => {
  const visitId = newVisit()
  const before = await sizeOf()
  const from = running.log.length
  const [file, told] = make(visitId)
  const reply = await share(file, visitId, { reason: first.fullName, ...told })
  expect(reply.status).toBe(status)
  expect(reply.json.code).toBe(code)
  expect(await sizeOf()).toBe(before)
  const secrets = [first.citizenId, first.fullName, visitId, first.insuranceNumber]
  expectNoTrace([reply.text, ...running.log.slice(from)], secrets)
  const [there] = await world.owner<
    { n: number }[]
  >`select count(*)::int as n from claim_visit where leaf_index >= ${before}`
  expect(there?.n).toBe(0)
})

describe('the file itself as XML', () => {
  const xml = (file: string | Buffer, headers: Record<string, string> = {}) =>
    fetch(`${running.url}/v1/claim-shares`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.own}`, 'content-type': 'application/xml', ...headers },
      body: typeof file === 'string' ? file : Uint8Array.from(file),
    })

  test('it would be another share than the same bytes in JSON, or its headers be lost', async () => {
    const visitId = newVisit()
    const file = claimOf(first, visitId)
    const reason = encodeURIComponent('Chưa tra cứu được thẻ')
    const response = await xml(file, { 'claim-no-check-reason': reason, 'claim-delivery': 'forward' })
    expect(response.status).toBe(202)
    const answer = claimShareSchema.parse(await response.json())
    expect(answer).toMatchObject({ visitId, noCheckReason: 'Chưa tra cứu được thẻ', delivery: 'forward' })
    expect((await share(file, visitId)).json).toMatchObject({ id: answer.id })
  })

  test.each([
    ['claim-kind', 'other'],
    ['claim-check-codes', 'x y'],
    ['claim-reason', '%E0%A4'],
  ])('a header %s: %s would be taken', async (name, value) => {
    const response = await xml(claimOf(first, newVisit()), { [name]: value })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'claim_header_invalid', detail: expect.stringContaining(name) })
  })

  test('more than 8 MiB would be read', async () => {
    const response = await xml(Buffer.alloc(8 * 1024 * 1024 + 1, 0x20))
    expect(response.status).toBe(413)
  })

  test('100 MB without a length would be taken in before they are refused', async () => {
    let given = 0
    const part = Buffer.alloc(256 * 1024, 0x20)
    const body = new ReadableStream({
      pull: (controller) => {
        given += part.length
        if (given > 100_000_000) controller.close()
        else controller.enqueue(part)
      },
    })
    const headers = { authorization: `Bearer ${tokens.own}`, 'content-type': 'application/xml' }
    const request: RequestInit & { duplex: 'half' } = { method: 'POST', headers, body, duplex: 'half' }
    // refused while it is still being sent: either the answer arrives, or the connection is gone
    const status = await fetch(`${running.url}/v1/claim-shares`, request).then(
      (response) => response.status,
      () => 413,
    )
    expect(status).toBe(413)
    expect(given).toBeLessThan(50_000_000) // 8 MiB, and what sockets hold
  })

  test('a large dossier would not be kept as it is', async () => {
    const visitId = newVisit()
    const file = claimOf(first, visitId, (row) => (row['GHI_CHU'] = 'x'.repeat(3_000_000)))
    const response = await xml(file)
    expect(response.status).toBe(202)
    const { receipt } = claimShareSchema.parse(await response.json())
    const [row] = await world.owner<{ bytes: number }[]>`
      select octet_length(sealed) as bytes from claim_dossier where leaf_index = ${receipt.index}`
    expect(row?.bytes).toBe(Buffer.byteLength(file) + 29) // generation, nonce and tag
  })
})

test('a dossier that says HIV would not be marked for whoever may not see it', async () => {
  const visitId = newVisit()
  const tables = claimTables(first, { ...visitOf(visitId), hiv: true })
  const reply = await share(claimFile(tables, '38001'), visitId)
  expect(reply.json).toMatchObject({ restricted: 'hiv' })
})

test('many large bodies at once would all be held, or a check wait for them', async () => {
  const headers = { authorization: `Bearer ${tokens.own}`, 'content-type': 'application/xml' }
  // without a length each may be 8 MiB: eight are all that is held. One that met a ninth is refused instead, and comes again
  const bodies = new Set<ReturnType<typeof open>>()
  const hold = () => {
    const held = open(`${running.url}/v1/claim-shares`, { method: 'POST', headers })
    bodies.add(held)
    held.on('error', () => {})
    held.on('response', () => {
      if (bodies.delete(held)) hold()
      held.destroy()
    })
    held.write('<GIAMDINHHS>')
  }
  for (let n = 0; n < 8; n++) hold()
  const visitId = newVisit()
  const ninth = () => share(claimOf(first, visitId), visitId)
  try {
    await expect.poll(async () => (await ninth()).json.code, { timeout: 10_000 }).toBe('overloaded')
    await check(first)
  } finally {
    const all = [...bodies]
    bodies.clear()
    for (const held of all) held.destroy()
  }
  await expect.poll(async () => (await ninth()).status, { timeout: 10_000 }).toBe(202)
})
