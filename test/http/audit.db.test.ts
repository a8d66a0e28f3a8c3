import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDetails } from '../../src/audit/log.ts'
import type { AuditReadDetails } from '../../src/audit/read/record.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { moveClaim, shareClaim } from '../support/claims.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import { type Projector, projectorOn } from '../support/projecting.ts'
import { sealAll, sealerOn } from '../support/sealing.ts'
import {
  asking,
  day,
  expectNoTrace,
  expectProblem,
  logState,
  record,
  scan,
  secretsOf,
  send,
  today,
  typed,
} from './http-support.ts'

const someone = record({ formerNumbers: ['038090888801'] })
const ended = record({ validTo: day(-2) })
const secrets = [...secretsOf(someone), ...secretsOf(ended)]
const REASON = { 'audit-purpose': 'claimReview' }
const CASE = { ...REASON, 'audit-case': 'KN-1' }

openDesk([someone, ended])

let auditor: string
let withoutHiv: string
let other: string
let projector: Projector

beforeAll(async () => {
  projector = projectorOn(world)
  auditor = await world.token('auditor:test')
  withoutHiv = await world.token('auditor:test', { scopes: ['audit'] })
  other = await world.token('facility:38002')
})
afterAll(() => projector?.close())

async function check(row: ReturnType<typeof record>, members: Record<string, unknown> = {}, as = token) {
  const { json } = await send(running.url, { token: as, body: asking(scan(row), members) })
  return { index: json.receipt?.index ?? -1, id: json.id ?? '', code: json.receipt?.checkCode ?? '' }
}

interface Page {
  items: { index: number; id: string; [member: string]: unknown }[]
  nextCursor: string | null
  indexedThrough: { log: string; index: number; time: string | null }
}

async function list(path: string, headers: Record<string, string> = REASON, as = auditor): Promise<Page> {
  const reply = await send(running.url, { method: 'GET', path: `/v1/audit/${path}`, token: as, headers })
  expect({ status: reply.status, code: reply.json.code }).toEqual({ status: 200, code: undefined })
  expectNoTrace([reply.text], secrets)
  return reply.json as unknown as Page
}

async function find(body: unknown, headers: Record<string, string> = CASE, as = auditor) {
  const reply = await send(running.url, { path: '/v1/audit/search', token: as, headers, body })
  expect(reply.status).toBe(200)
  expectNoTrace([reply.text], secrets)
  return (reply.json as unknown as Page).items.map(({ index }) => index)
}

/** The entry of a read: what it says in the open, and what it seals. */
async function readAt(index: number) {
  const [row] = await world.owner<{ body: string; sealed: Uint8Array; client: string }[]>`
    select body, sealed, client from log_entry join entry_detail using (log_id, leaf_index) where leaf_index = ${index}`
  if (row === undefined) throw new Error(`no entry ${index}`)
  const details = JSON.parse(openDetails(deriveDataKeys(world.dataKeys), null, row.sealed)) as AuditReadDetails
  return { body: JSON.parse(row.body), details, client: row.client }
}

describe('lists', () => {
  test('would not say what is in the log, or how far it was looked through', async () => {
    const one = await check(someone, { visit: { visitId: 'L-1', route: '1.1', inpatient: false }, purpose: 'during' })
    const two = await check(ended)
    await check(someone, {}, other)
    await projector.all()
    const { size } = await logState(world)
    const page = await list('verifications?facility=38001')
    expect(page.items.map(({ index }) => index)).toEqual([one.index, two.index])
    expect(page.items[0]).toEqual({
      ...{
        kind: 'verification',
        id: one.id,
        log: '1',
        index: one.index,
        recordedAt: expect.any(String),
        facility: '38001',
      },
      ...{
        decision: 'entitled',
        code: 'valid',
        cause: null,
        method: 'chipIdQr',
        assurance: 'unsigned',
        purpose: 'during',
      },
      ...{ serviceDate: today, route: '1.1', inpatient: false, erased: false, flags: [] },
    })
    expect(page.indexedThrough).toMatchObject({ log: '1', index: size - 1, time: expect.any(String) })
    expect((await list('verifications?facility=38001&decision=notEntitled')).items.map(({ id }) => id)).toEqual([
      two.id,
    ])
    expect((await list('verifications?facility=38001&code=valid')).items.map(({ id }) => id)).toEqual([one.id])
    expect((await list('verifications?facility=38001&assurance=chipSigned')).items).toEqual([])
    expect((await list(`verifications?facility=38001&from=${today}&to=${today}`)).items).toHaveLength(2)
    expect((await list(`verifications?facility=38001&from=${day(1)}`)).items).toEqual([])
    expect((await list(`verifications?facility=38001&to=${day(-1)}`)).items).toEqual([])
    expect((await list('verifications?code=expired', CASE)).items.map(({ id }) => id)).toEqual([two.id])
    expect((await list('verifications?flag=twoFacilities')).items).toHaveLength(1)
  })

  test('would show all facilities without a flag, a claim or a case', async () => {
    const refused = { status: 400, code: 'audit_facility_missing' } as const
    for (const path of ['verifications', 'verifications?code=valid', 'claim-shares', 'claim-shares?status=sent']) {
      const reply = await send(running.url, {
        method: 'GET',
        path: `/v1/audit/${path}`,
        token: auditor,
        headers: REASON,
      })
      expectProblem(reply, refused)
      await list(path, CASE)
    }
    const body = { citizenId: someone.citizenId }
    expectProblem(await send(running.url, { path: '/v1/audit/search', token: auditor, headers: REASON, body }), {
      status: 400,
      code: 'audit_case_missing',
    })
  })

  test('pages would shift under writes, or a cursor serve another list', async () => {
    const wanted = (await list('verifications', CASE)).items.map(({ index }) => index)
    expect(wanted.length).toBeGreaterThanOrEqual(3)
    const got: number[] = []
    let cursor: string | null = null
    do {
      const page: Page = await list(`verifications?limit=1${cursor === null ? '' : `&cursor=${cursor}`}`, CASE)
      got.push(...page.items.map(({ index }) => index))
      cursor = page.nextCursor
      await check(ended)
      await projector.all()
    } while (cursor !== null)
    expect(got).toEqual(wanted)
    const { nextCursor } = await list('verifications?limit=1', CASE)
    const wrong = { status: 400, code: 'page_invalid' } as const
    const asks = (path: string, as: string) =>
      send(running.url, { method: 'GET', path: `/v1/audit/${path}`, token: as, headers: CASE })
    expectProblem(await asks(`verifications?code=valid&cursor=${nextCursor}`, auditor), wrong)
    expectProblem(await asks(`claim-shares?cursor=${nextCursor}`, auditor), wrong)
    expectProblem(await asks(`verifications?cursor=${nextCursor?.slice(0, -1)}x`, auditor), wrong)
  })

  test('what was read would not stand in the log, or not be the list', async () => {
    const { size } = await logState(world)
    const page = await list('verifications?facility=38002', { 'audit-purpose': 'complaint', 'audit-case': 'K-9' })
    const { body, details, client } = await readAt(size)
    const entries = page.items.map(({ index }) => index)
    expect(entries).not.toEqual([])
    const digest = createHash('sha256').update(JSON.stringify(entries)).digest('base64')
    expect(body).toMatchObject({ kind: 'auditRead', facility: null })
    expect(body.outcome).toEqual({ purpose: 'complaint', entries: entries.length, list: digest })
    expect(details).toEqual({
      ...{ v: 1, purpose: 'complaint', case: 'K-9', entries },
      asked: { list: 'verifications', facility: '38002' },
    })
    expect(client).toBe('auditor:test')
  })

  test('a read that cannot be recorded would be answered', async () => {
    await world.owner`revoke insert on log_entry from kiemthe_app`
    try {
      const asks = [
        { method: 'GET', path: '/v1/audit/verifications?facility=38001' },
        { method: 'GET', path: '/v1/audit/flags' },
        { method: 'GET', path: '/v1/audit/logs/1/entries/0' },
        { method: 'GET', path: '/v1/audit/verifications?facility=38001', accept: 'text/csv' },
        { path: '/v1/audit/search', body: { visitId: 'L-1' } },
      ]
      for (const { accept, ...ask } of asks) {
        const headers = { ...REASON, ...(accept === undefined ? {} : { accept }) }
        expectProblem(await send(running.url, { token: auditor, headers, ...ask }), {
          status: 503,
          code: 'log_unavailable',
        })
      }
    } finally {
      await world.owner`grant insert on log_entry to kiemthe_app`
    }
  })

  test.each([
    'verifications?facility=38001&nonsense=1',
    'verifications?facility=38001&limit=0',
    'verifications?facility=38001&limit=1001',
    'verifications?facility=38001&from=2026-02-30',
    'verifications?facility=38001&code=nothing',
    'verifications?flag=nothing',
    'verifications?flag=twoFacilities&claim=s1-1',
    'claim-shares?facility=38001&status=lost',
    'flags?rule=nothing',
  ])('%s would be taken for a question', async (path) => {
    const reply = await send(running.url, { method: 'GET', path: `/v1/audit/${path}`, token: auditor, headers: REASON })
    expect([reply.status, reply.json.code]).toEqual([400, 'invalid_request'])
  })
})

describe('search', () => {
  test('would not find a visit, a person or a check, or find what is none', async () => {
    const visit = { visitId: 'S-1' }
    const one = await check(someone, { visit })
    const two = await send(running.url, { token, body: asking({ ...typed(someone), number: '038090888801' }) })
    const twoIndex = two.json.receipt?.index ?? -1
    const now = new Date().toISOString()
    const unverified = {
      ...visit,
      presentedAt: now,
      failures: [{ at: now, code: '500' }],
      claimedNumber: someone.citizenId,
    }
    await send(running.url, { path: '/v1/unverified-visits', token, body: unverified })
    const stranger = record()
    const three = await check(stranger)
    await projector.all()
    const ofVisit = await find({ visitId: 'S-1' }, REASON)
    expect(ofVisit).toHaveLength(2)
    expect(ofVisit).toContain(one.index)
    expect(await find({ visitId: 'S-1', facility: '38002' })).toEqual([])
    for (const citizenId of [someone.citizenId, '038090888801']) {
      const found = await find({ citizenId })
      for (const index of [one.index, twoIndex, ...ofVisit]) expect(found).toContain(index)
      expect(found).not.toContain(three.index)
      expect(found).toEqual(found.toSorted((a, b) => b - a))
    }
    expect(await find({ citizenId: stranger.citizenId })).toEqual([three.index])
    expect(await find({ checkCode: one.code.toLowerCase().replace('-', '') }, REASON)).toEqual([one.index])
    const forged = `${one.code.slice(0, -1)}${one.code.endsWith('0') ? '1' : '0'}`
    expect(await find({ checkCode: forged }, REASON)).toEqual([])
    // a person's number is nowhere but in the question
    const { size } = await logState(world)
    await find({ citizenId: someone.citizenId })
    const { details } = await readAt(size)
    expect(details.asked).toEqual({ search: 'citizenId' })
    expectNoTrace([JSON.stringify(details), ...running.log], secrets)
  })

  test('a person would be found under the name of this year alone', async () => {
    const { index } = await check(ended)
    await projector.all()
    const keys = deriveDataKeys(world.dataKeys)
    const [detail] = await world.owner<{ person: string }[]>`select person from audit_check where leaf_index = ${index}`
    const found = await find({ citizenId: ended.citizenId })
    expect(found).toContain(index)
    // as if it were of a former year
    const { lookupKey, pseudonym } = await import('../../src/data-keys.ts')
    const lastYear = new Date().getUTCFullYear() - 1
    const former = pseudonym(keys, lastYear, lookupKey(keys, ended.citizenId ?? ''))
    const [first] = await world.owner<{ body: string }[]>`select body from log_entry where leaf_index = 0`
    await world.owner`update audit_check set person = ${former}::uuid where leaf_index = ${index}`
    await world.owner`update log_entry set body = replace(body, ${`${new Date().getUTCFullYear()}-`}, ${`${lastYear}-`}) where leaf_index = 0`
    expect(await find({ citizenId: ended.citizenId })).toContain(index)
    await world.owner`update log_entry set body = ${first?.body ?? ''} where leaf_index = 0`
    await world.owner`update audit_check set person = ${detail?.person ?? null}::uuid where leaf_index = ${index}`
  })
})

describe('claim shares', () => {
  test('dossiers with HIV data would be seen, or counted, without the scope', async () => {
    const quoted = await check(someone, { visit: { visitId: 'C-1' } })
    const details = { visitId: 'C-1', checkCodes: [{ code: 'x', index: quoted.index }] }
    const plain = await shareClaim(world, { citizenId: someone.citizenId, details })
    const hiv = await shareClaim(world, {
      citizenId: someone.citizenId,
      details: { ...details, restricted: 'hiv' },
      outcome: { version: 2, tBhtt: '1' },
    })
    const moved = await moveClaim(world, hiv, 'sent')
    await projector.all()
    const asked = async (as: string) => ({
      list: (await list('claim-shares?facility=38001', REASON, as)).items.map(({ index }) => index),
      sent: (await list('claim-shares?facility=38001&status=sent', REASON, as)).items.map(({ index }) => index),
      flags: (await list('flags?facility=38001&rule=amountsContradict', REASON, as)).items.map(({ index }) => index),
      flagged: (await list('claim-shares?flag=amountsContradict', REASON, as)).items.map(({ index }) => index),
      visit: (await find({ visitId: 'C-1' }, REASON, as)).toSorted((a, b) => a - b),
      code: (await find({ checkCode: quoted.code }, REASON, as)).toSorted((a, b) => a - b),
      checks: (await list(`verifications?claim=s1-${hiv}`, REASON, as)).items.map(({ index }) => index),
    })
    const mine = [quoted.index, plain, hiv]
    expect(await asked(auditor)).toEqual({
      ...{
        list: [plain, hiv],
        sent: [hiv],
        flags: [hiv],
        flagged: [hiv],
        visit: mine,
        code: mine,
        checks: [quoted.index],
      },
    })
    expect(await asked(withoutHiv)).toEqual({
      ...{
        list: [plain],
        sent: [],
        flags: [],
        flagged: [],
        visit: mine.slice(0, 2),
        code: mine.slice(0, 2),
        checks: [],
      },
    })
    for (const index of [hiv, moved]) {
      for (const [path, headers] of [
        ['', REASON],
        ['/evidence', CASE],
      ] as const) {
        const ask = (as: string) =>
          send(running.url, { method: 'GET', path: `/v1/audit/logs/1/entries/${index}${path}`, token: as, headers })
        expectProblem(await ask(withoutHiv), { status: 404, code: 'log_entry_not_found' })
      }
      expect((await entryOf(index)).status).toBe(200)
    }
    expect((await list(`verifications?claim=s1-${plain}`)).items.map(({ index }) => index)).toEqual([quoted.index])
    const [shown] = (await list('claim-shares?facility=38001')).items
    expect(shown).toMatchObject({
      id: `s1-${plain}`,
      status: 'recorded',
      restricted: null,
      checks: [quoted.id],
      paidByInsurer: '320000.4',
    })
    const at = new Date().toISOString()
    const body = { visitId: 'C-2', presentedAt: at, failures: [{ at, code: '500' }], claimedNumber: someone.citizenId }
    const visit = (await send(running.url, { path: '/v1/unverified-visits', token, body })).json.receipt?.index ?? -1
    const checkCodes = [quoted.index, visit].map((index) => ({ code: 'x', index }))
    const quoting = await shareClaim(world, { citizenId: someone.citizenId, details: { visitId: 'C-2', checkCodes } })
    await projector.all()
    const claims = (await list('claim-shares?facility=38001')).items
    expect(claims.find(({ index }) => index === quoting)).toMatchObject({ checks: [quoted.id, `u1-${visit}`] })
  })
})

function entryOf(index: number | string, headers: Record<string, string> = REASON, as = auditor) {
  return send(running.url, { method: 'GET', path: `/v1/audit/logs/1/entries/${index}`, token: as, headers })
}

describe('entries', () => {
  test('would be shown unmasked, or otherwise than they are hashed', async () => {
    const { index } = await check(someone, { visit: { visitId: 'E-1' }, officer: 'NV-1' })
    const { json, text } = await entryOf(index)
    expectNoTrace([text], secrets)
    expect(text).not.toMatch(/"person"|"asked"/)
    const { body, leafHash, details } = json as unknown as {
      body: string
      leafHash: string
      details: Record<string, unknown>
    }
    expect(createHash('sha256').update(`\0${body}`).digest('base64')).toBe(leafHash)
    expect(details).toMatchObject({ visit: { visitId: 'E-1' }, officer: 'NV-1', answer: { code: 'valid' } })
    for (const path of ['logs/1/entries/999999', 'logs/2/entries/0', 'logs/1/entries/01', 'logs/1/entries/x']) {
      const reply = await send(running.url, {
        method: 'GET',
        path: `/v1/audit/${path}`,
        token: auditor,
        headers: REASON,
      })
      expect(reply.status).toBe(path.includes('99') || path.includes('logs/2') ? 404 : 400)
    }
  })

  test("another auditor's read would be shown", async () => {
    const { size } = await logState(world)
    await entryOf(0, CASE)
    const own = await entryOf(size)
    expect(own.json['details']).toEqual({ purpose: 'claimReview', case: 'KN-1', entries: [0], asked: { entry: 0 } })
    const { json } = await entryOf(size, REASON, await world.token('auditor:other'))
    expect(Object.keys(json)).toEqual(['log', 'index', 'body', 'leafHash'])
  })

  test('evidence would be opened without a case, not hold, or be given before it is published', async () => {
    const { index } = await check(someone)
    const evidence = (headers: Record<string, string>) => entryOf(`${index}/evidence`, headers)
    expectProblem(await evidence(REASON), { status: 400, code: 'audit_purpose_missing' })
    expectProblem(await evidence(CASE), { status: 404, code: 'log_not_published' })
    await sealAll(await sealerOn(world.owner))
    const { json } = await evidence(CASE)
    const { body, details, proof, checkpoint, explanation, keys } = json as unknown as {
      body: string
      details: { salt: string; text: string }
      proof: string
      checkpoint: string
      explanation: string
      keys: { key: string }[]
    }
    const salted = Buffer.concat([Buffer.from(details.salt, 'base64'), Buffer.from(details.text)])
    expect(createHash('sha256').update(salted).digest('base64')).toBe(JSON.parse(body).details)
    expect(proof).toContain(`index ${index}\n`)
    expect(proof.endsWith(checkpoint)).toBe(true)
    expect(keys.length).toBeGreaterThan(0)
    expect(explanation).toContain(`Bản ghi số ${index}`)
    expect(explanation).toContain('được hưởng bảo hiểm y tế')
  })
})

describe('streams', () => {
  const stream = (path: string, accept: string, headers: Record<string, string> = CASE) =>
    fetch(`${running.url}/v1/audit/${path}`, { headers: { ...headers, accept, authorization: `Bearer ${auditor}` } })

  test('would not hold the whole list, or not say so in the log', async () => {
    await projector.all()
    const wanted = (await list('verifications?limit=1000', CASE)).items
    const { size } = await logState(world)
    const lines = await stream('verifications', 'application/x-ndjson')
    expect(lines.headers.get('content-type')).toBe('application/x-ndjson')
    expect(lines.headers.get('audit-indexed-through')).toMatch(/^1 \d+ \d{4}-.*Z$/)
    const rows = (await lines.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { index: number })
    expect(rows).toEqual(wanted)
    const read = await readAt(size)
    expect(read.details).toMatchObject({ entries: wanted.map(({ index }) => index), asked: { streamed: 1 } })

    const csv = Buffer.from(await (await stream('verifications', 'text/csv')).arrayBuffer())
    expect([...csv.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
    const cells = csv.subarray(3).toString().trimEnd().split('\r\n')
    expect(cells[0]).toContain('kind,id,log,index,recordedAt,facility,decision')
    expect(cells.slice(1).map((line) => Number(line.split(',')[3]))).toEqual(wanted.map(({ index }) => index))
    expect(await (await stream(`verifications?from=${day(1)}`, 'application/x-ndjson')).text()).toBe('')
    expect(await (await stream(`verifications?from=${day(1)}`, 'text/csv')).text()).toMatch(/^.?kind,.*flags\r\n$/)
    expect((await stream('verifications?cursor=x', 'text/csv')).status).toBe(400)
  })

  /** A list that no socket holds at once: 60 chunks of some 330 KB. Nobody looks behind these rows. */
  const LONG = 60_000
  /** Others work on the machine too. */
  const PATIENT = { timeout: 20_000, interval: 100 }

  test('would run ahead of who reads, hold a place after they went, or end well without the log', async () => {
    const { nextIndex, generation } = await longList()
    const reads = async () => (await logState(world)).size - nextIndex
    const reply = await stream('verifications?facility=38099', 'application/x-ndjson')
    const reader = reply.body?.getReader()
    if (reader === undefined) throw new Error('no body')
    await reader.read()
    await expect
      .poll(async () => {
        const before = await reads()
        await new Promise((resolve) => setTimeout(resolve, 200))
        return (await reads()) - before
      }, PATIENT)
      .toBe(0) // it waits for who reads
    expect(await reads()).toBeLessThan(LONG / 1_000)
    await world.owner`revoke insert on log_entry from kiemthe_app`
    const rest = async () => {
      for (;;) if ((await reader.read()).done) return 'ended'
    }
    await expect(rest())
      .rejects.toThrow()
      .finally(() => world.owner`grant insert on log_entry to kiemthe_app`)
    await expect.poll(() => running.log.some((line) => line.includes('auditStreamBroken')), PATIENT).toBe(true)

    // more than may be open at once, each left in its midst
    for (let n = 0; n < 12; n++) {
      const open = () => stream('verifications?facility=38099', 'text/csv')
      await expect
        .poll(async () => {
          const left = await open()
          if (left.status === 200) await left.body?.cancel()
          else await left.text()
          return left.status
        }, PATIENT)
        .toBe(200)
    }
    await world.owner`delete from audit_check where facility = '38099' and generation = ${generation}::smallint`
  })

  test('would look whole when its end could not be recorded', async () => {
    await projector.all()
    const generation = await rowsOf38099(2_500)
    const { size } = await logState(world)
    // the first chunk is recorded, the second is not; nothing waits in a socket that could hide it
    await world.owner.unsafe(`alter table log_entry add constraint stops check (leaf_index <= ${size}) not valid`)
    try {
      const reply = await stream('verifications?facility=38099', 'application/x-ndjson')
      expect(reply.status).toBe(200)
      let got = ''
      const read = async () => {
        const decoder = new TextDecoder()
        for await (const part of reply.body as AsyncIterable<Uint8Array>) got += decoder.decode(part)
      }
      await expect(read()).rejects.toThrow()
      expect(got).not.toContain('Error')
      expect((await logState(world)).size).toBe(size + 1)
    } finally {
      await world.owner.unsafe('alter table log_entry drop constraint stops')
    }
    await world.owner`delete from audit_check where facility = '38099' and generation = ${generation}::smallint`
  })

  async function longList() {
    await projector.all()
    return { generation: await rowsOf38099(LONG), nextIndex: (await logState(world)).size }
  }

  /** Rows that no entry stands behind. */
  async function rowsOf38099(rows: number): Promise<number> {
    const [serving] = await world.owner<{ generation: number }[]>`
      select generation from audit_projection where state = 'serving'`
    const generation = serving?.generation ?? -1
    await world.owner`delete from audit_check where facility = '38099'`
    await world.owner`
      insert into audit_check (log_id, generation, leaf_index, recorded_at, facility, kind, decision, code, erased)
      select 1, ${generation}::smallint, -n, '2026-01-01'::timestamptz + n * interval '1 second', '38099', 'verification',
             'entitled', 'valid', true
        from generate_series(1, ${rows}::int) as n`
    await world.owner`analyze audit_check`
    return generation
  }
})
