import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endOfDayInVietnam, isoDate } from '../../src/calendar.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import { asking, card, day, document, logState, type Replied, record, scan, send, typed } from './http-support.ts'

const HOUR_MS = 3_600_000
const active = record()
const expired = record({ validTo: day(-20) })
const revoked = record({ status: 'revoked', statusFrom: day(-30) })
const held = record({ status: 'held', statusFrom: day(-30) })
const rows = [active, expired, revoked, held]
const child = record({ citizenId: '038224000031', dateOfBirth: '2024-05-06' })

const open: World[] = []

afterAll(() => Promise.all(open.map((each) => each.close())))

async function worldOf(asOf: Date | null): Promise<{ world: World; running: Running; ask: Ask }> {
  const world = await createWorld(asOf === null ? [] : rows, asOf === null ? {} : { asOf })
  open.push(world)
  const running = await world.start()
  const token = await world.token('facility:38001')
  const ask: Ask = async (evidence, members = {}) => {
    const before = await logState(world)
    const reply = await send(running.url, { token, body: asking(evidence, members) })
    expect(reply.status).toBe(200)
    expect((await logState(world)).size).toBe(before.size + 1)
    return reply.json
  }
  return { world, running, ask }
}

let fresh: ReturnType<typeof worldOf> | null = null

/** One for all tests that only ask. */
function freshWorld() {
  fresh ??= worldOf(new Date())
  return fresh
}

type Ask = (evidence: unknown, members?: Record<string, unknown>) => Promise<Replied['json']>

describe('a copy of two days ago would pass for a fresh one', () => {
  const asOf = new Date(Date.now() - 40 * HOUR_MS)
  let ask: Ask

  beforeAll(async () => {
    ask = (await worldOf(asOf)).ask
  })

  test('without a warning, or without its age', async () => {
    const json = await ask(scan(active))
    expect(json).toMatchObject({ decision: 'entitled', code: 'valid', warnings: ['copyLate'] })
    expect(json.data).toMatchObject({ source: 'copy', asOf: asOf.toISOString(), feedSequence: 1 })
    expect(json.data?.ageSeconds).toBe(Math.floor((Date.parse(json.checkedAt ?? '') - asOf.getTime()) / 1000))
    expect(json.desk).toContain('Dữ liệu thẻ cập nhật chậm')
  })
  test('or its "no" would be withheld already', async () => {
    expect(await ask(scan(expired))).toMatchObject({ decision: 'notEntitled', code: 'expired', warnings: ['copyLate'] })
  })
})

describe('a copy of last week would say no', () => {
  let ask: Ask

  beforeAll(async () => {
    ask = (await worldOf(new Date(Date.now() - 8 * 24 * HOUR_MS))).ask
  })

  test('to somebody whose card may have been renewed', async () => {
    for (const row of [expired, revoked]) {
      const json = await ask(scan(row))
      expect(json).toMatchObject({
        decision: 'undetermined',
        code: 'source_stale',
        cause: 'sourceFailed',
        vssCode: null,
      })
      expect(json).toMatchObject({ coverages: [], warnings: ['copyLate'] })
      expect(json.desk).toContain('Vẫn tiếp nhận người bệnh')
    }
  })
  test('to somebody who may have been enrolled since', async () => {
    expect(await ask(scan(record()))).toMatchObject({ decision: 'undetermined', code: 'source_stale', coverages: [] })
  })
  test('while its "yes" would be lost', async () => {
    expect(await ask(scan(active))).toMatchObject({ decision: 'entitled', code: 'valid', warnings: ['copyLate'] })
    expect(await ask(typed(active))).toMatchObject({ decision: 'entitled', code: 'valid', warnings: ['copyLate'] })
  })
  test('while what is open already would become something else', async () => {
    expect(await ask(scan(held))).toMatchObject({ code: 'held', cause: 'guarded' })
    expect(await ask(scan(child))).toMatchObject({ code: 'child_without_card' })
    expect(await ask({ ...typed(active), fullName: 'Quách Thị Hạnh' })).toMatchObject({ code: 'no_match' })
  })
})

describe('a copy that cannot be read would say no, or yes', () => {
  const failed = {
    decision: 'undetermined',
    code: 'source_failed',
    cause: 'sourceFailed',
    vssCode: '100',
    coverages: [],
  }

  test('while nothing was ever loaded', async () => {
    const { ask } = await worldOf(null)
    for (const evidence of [
      scan(active),
      typed(active),
      card(active),
      scan(child),
      document(child, 'birthCertificate'),
    ]) {
      const json = await ask(evidence)
      expect(json).toMatchObject({
        ...failed,
        data: { source: 'copy', asOf: null, ageSeconds: null, feedSequence: null },
      })
      expect(json.desk).toContain('Vẫn tiếp nhận người bệnh')
    }
  })

  test('while its table is locked', async () => {
    const { world } = await worldOf(new Date())
    const brief = await world.start({ DB_STATEMENT_TIMEOUT_MS: '300' })
    const token = await world.token('facility:38001')
    const body = asking(scan(active))
    const locked = await world.owner.begin(async (tx) => {
      await tx`lock table coverage in access exclusive mode`
      const replies = await Promise.all([1, 2, 3].map(() => send(brief.url, { token, body })))
      const portalAnswer = { askedAt: new Date().toISOString(), code: '000', digest: 'sha256:0' }
      return { replies, byPortal: await send(brief.url, { token, body: { ...body, portalAnswer } }) }
    })
    for (const { status, json } of locked.replies) {
      expect(status).toBe(200)
      expect(json).toMatchObject({ ...failed, data: { source: 'copy', asOf: null } })
    }
    const told = { decision: 'entitled', code: 'valid', vssCodeSource: 'portal', coverages: [] }
    expect(locked.byPortal.json).toMatchObject(told)
    // recorded like any other answer
    expect(await logState(world)).toMatchObject({ size: 4, entries: 4, details: 4 })
    const entries = await world.owner<{ code: string }[]>`
      select body::json -> 'outcome' ->> 'code' as code from log_entry order by leaf_index`
    expect(entries.map((each) => each.code)).toEqual([...Array(3).fill('source_failed'), 'valid'])
    expect(brief.log.map((line) => JSON.parse(line)).filter((event) => event.code === 'source_failed')).toHaveLength(3)
    // and over when the lock is
    expect((await send(brief.url, { token, body })).json).toMatchObject({
      code: 'valid',
      coverages: [{ applies: true }],
    })
  })
})

describe('the portal would not win over the copy', () => {
  let ask: Ask
  const portal = (code: string) => ({ portalAnswer: { askedAt: new Date().toISOString(), code, digest: 'sha256:0' } })

  beforeAll(async () => {
    ask = (await freshWorld()).ask
  })

  const cases: [string, unknown, Record<string, unknown>][] = [
    ['000', expired, { code: 'valid', decision: 'entitled', cause: null }],
    ['000', record(), { code: 'valid', decision: 'entitled', coverages: [] }],
    ['001', active, { code: 'check_paper_defence', decision: 'undetermined', cause: 'checkPaper' }],
    ['003', active, { code: 'replaced', decision: 'undetermined', cause: 'notInCopy', warnings: ['newCard'] }],
    ['004', active, { code: 'valid_prefer_new', decision: 'entitled', warnings: ['newCard'] }],
    ['010', active, { code: 'expired', decision: 'notEntitled', cause: null }],
    ['050', active, { code: 'not_found', decision: 'undetermined', cause: 'notInCopy' }],
    ['060', active, { code: 'name_mismatch', decision: 'undetermined', coverages: [] }],
    ['070', active, { code: 'birth_date_mismatch', decision: 'undetermined', coverages: [] }],
    ['110', active, { code: 'revoked', decision: 'notEntitled' }],
    ['124', active, { code: 'stopped', decision: 'notEntitled' }],
    ['130', active, { code: 'child_without_card', decision: 'undetermined' }],
    ['999', active, { code: 'held', decision: 'undetermined', cause: 'guarded' }],
  ]
  for (const [code, row, told] of cases) {
    test(`${code} against ${String(told['code'])}`, async () => {
      const json = await ask(scan(row as typeof active), portal(code))
      expect(json).toMatchObject({ ...told, vssCode: code, vssCodeSource: 'portal' })
      const applied = json.coverages?.filter((each) => each.applies).length ?? 0
      expect(applied).toBe(code === '004' ? 1 : 0)
    })
  }
  for (const code of ['051', '054', '055', '100', '101', '205', '401', '500']) {
    test(`${code} is not about the person, and would win`, async () => {
      expect(await ask(scan(active), portal(code))).toMatchObject({
        code: 'valid',
        vssCode: '000',
        vssCodeSource: 'copy',
      })
    })
  }
})

describe('an answer would be good for longer than it may', () => {
  let ask: Ask
  const quarterAfter = (json: Replied['json']) => new Date(Date.parse(json.checkedAt ?? '') + 15 * 60_000).toISOString()
  const endOf = (date: string) => endOfDayInVietnam(isoDate(date))

  beforeAll(async () => {
    ask = (await freshWorld()).ask
  })

  test('a yes: to the end of the service date in Viet Nam', async () => {
    for (const serviceDate of [day(0), day(-5), day(30)]) {
      const json = await ask(scan(active), { serviceDate, purpose: 'appointment' })
      expect(json).toMatchObject({ decision: 'entitled', goodUntil: endOf(serviceDate) })
      expect(json.goodUntil).toMatch(/T16:59:59\.999Z$/)
    }
  })
  test('a no and a do-not-know: a quarter of an hour, and never past the service date', async () => {
    for (const row of [expired, held, record()]) {
      for (const serviceDate of [day(0), day(-5), day(30)]) {
        const json = await ask(scan(row), { serviceDate, purpose: 'appointment' })
        const [soon, end] = [quarterAfter(json), endOf(serviceDate)]
        expect(json.goodUntil).toBe(soon < end ? soon : end)
      }
    }
  })
})

describe('what the province wants of desks would change an answer', () => {
  test('it is said beside it, for the purpose it is wanted for', async () => {
    const { world } = await freshWorld()
    const policy = { arrival: { wants: 'unsigned' }, end: { wants: 'chipSigned' } }
    const { url } = await world.start({ IDENTITY_POLICY: JSON.stringify(policy) })
    const token = await world.token('facility:38001')
    const warned = async (evidence: unknown, purpose: string, code = 'valid') => {
      const { status, json } = await send(url, { token, body: asking(evidence, { purpose }) })
      expect(status).toBe(200)
      expect(json).toMatchObject({ code })
      return json.warnings
    }
    expect(await warned(typed(active), 'arrival')).toEqual(['scanWanted'])
    expect(await warned(scan(active), 'arrival')).toEqual([])
    expect(await warned(scan(active), 'end')).toEqual(['chipWanted'])
    expect(await warned(typed(active), 'during')).toEqual([])
    // told whether a record is there or not, so that it tells nothing of that
    expect(await warned({ ...typed(active), fullName: 'Quách Thị Hạnh' }, 'arrival', 'no_match')).toEqual([
      'scanWanted',
    ])
    expect(await warned(typed(record()), 'arrival', 'no_match')).toEqual(['scanWanted'])
  })
})
