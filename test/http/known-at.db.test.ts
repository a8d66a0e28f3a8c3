import { beforeAll, describe, expect, test } from 'vitest'
import { appendBatch, type Deed, openDetails, prepare } from '../../src/audit/log.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import type { AtKnown } from '../../src/verification/known-at.ts'
import { applyNext, stateNow } from '../support/delta.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import {
  asking,
  day,
  expectNoTrace,
  expectProblem,
  expectRefused,
  MARK,
  record,
  scan,
  secretsOf,
  send,
  typed,
} from './http-support.ts'

/** What an instant adds to a verification by id; its stability in any order of syncs is `test/sync/model.db.test.ts`. */
const people = Array.from({ length: 12 }, () => record())
const someone = people[0] ?? record()
const secrets = secretsOf(someone)

openDesk(people)

let other: string
let auditor: string
let next = 1
/** The first state, and the verification of somebody that was answered by it. */
let begun: string
let id: string

beforeAll(async () => {
  other = await world.token('facility:38002')
  auditor = await world.token('auditor:test')
  begun = await stateNow(world)
  id = await check(scan(someone))
})

async function check(evidence: unknown, members: Record<string, unknown> = {}): Promise<string> {
  const reply = await send(running.url, { token, body: asking(evidence, members) })
  expect(reply.status).toBe(200)
  return reply.json.id ?? ''
}

const at = (of: string, knownAt: string, headers: Record<string, string> = {}, as = token) => ({
  ...{ method: 'GET', token: as, headers },
  path: `/v1/verifications/${of}?knownAt=${encodeURIComponent(knownAt)}`,
})

async function known(of: string, knownAt: string): Promise<AtKnown> {
  const reply = await send(running.url, at(of, knownAt))
  expect(reply.status).toBe(200)
  return reply.json['atKnown'] as AtKnown
}

function somebody() {
  const row = people[next++]
  if (row === undefined) throw new Error('more people are needed')
  return row
}

const shift = (instant: string, microseconds: number) => {
  const [seconds = '', fraction = ''] = instant.slice(0, -1).split('.')
  const all = Date.parse(`${seconds}Z`) * 1_000 + Number(fraction.padEnd(6, '0')) + microseconds
  return `${new Date(Math.floor(all / 1_000)).toISOString().slice(0, -1)}${String(all % 1_000).padStart(3, '0')}Z`
}

describe('what was known', () => {
  test('at the check would not be what it was answered', async () => {
    const stored = (await send(running.url, { method: 'GET', path: `/v1/verifications/${id}`, token })).json
    const { atKnown, ...rest } = (await send(running.url, at(id, begun))).json
    expect(rest).toEqual(stored) // as it was recorded, whatever is asked beside it
    const { decision, code, cause, vssCode, warnings, coverages, data } = stored
    expect(atKnown).toEqual({
      ...{ knownAt: begun, decision, code, cause, vssCode, warnings, coverages },
      data: { ...data, ageSeconds: expect.any(Number) },
    })
  })

  test('before and after a change would be one', async () => {
    const row = somebody()
    const of = await check(scan(row))
    const before = await stateNow(world)
    const after = await applyNext(world, [{ ...row, status: 'revoked', statusFrom: day(-1) }])
    const mended = await applyNext(world, [{ ...row, validTo: day(400) }])
    const told = [
      await known(of, before),
      await known(of, shift(after, -1)),
      await known(of, after),
      await known(of, mended),
    ]
    expect(told.map((each) => each.code)).toEqual(['valid', 'valid', 'revoked', 'valid'])
    expect(told.map((each) => each.data.feedSequence)).toEqual(
      [1, 1, 2, 3].map((n) => n + (told[0]?.data.feedSequence ?? 1) - 1),
    )
    expect(told[3]?.coverages).toMatchObject([{ validTo: day(400) }])
    await applyNext(world, [{ removed: row }])
    for (const each of told) expect(await known(of, each.knownAt)).toEqual(each)
  })

  test('of a past day would be what is known of it now', async () => {
    const row = somebody()
    const of = await check(scan(row), { serviceDate: day(-5) })
    const before = await stateNow(world)
    // held from the day before the visit, then revoked from a later day: two words, each known from its own instant
    const held = await applyNext(world, [{ ...row, status: 'held', statusFrom: day(-6) }])
    const revoked = await applyNext(world, [{ ...row, status: 'revoked', statusFrom: day(-2) }])
    const backdated = await applyNext(world, [{ ...row, status: 'revoked', statusFrom: day(-9) }])
    const codes = []
    for (const instant of [before, held, revoked, backdated]) codes.push((await known(of, instant)).code)
    expect(codes).toEqual(['valid', 'held', 'held', 'revoked'])
  })

  test('of a past day would change for an earlier instant by a rollback, or be what it took back for a later one', async () => {
    const row = somebody()
    const of = await check(scan(row), { serviceDate: day(-5) })
    const before = await stateNow(world)
    await applyNext(world, [{ ...row, status: 'revoked', statusFrom: day(-9) }])
    const back = await applyNext(world, [{ ...row, statusFrom: day(-1) }])
    expect((await known(of, back)).code).toBe('revoked')
    // that was a rollback: it closed and opened at its instant
    await world.owner`
      insert into feed_batch (feed, applied_at, sequence, kind, as_of, rows, opened, closed, quarantined, back_to)
      select feed, ${back}::timestamptz + interval '1 microsecond', sequence, 'rollback', as_of, rows, 1, 1, 0, ${before}::timestamptz
        from feed_batch where applied_at = ${back}::timestamptz`
    const later = await applyNext(world, [{ ...row, status: 'stopped', statusFrom: day(-1) }])
    expect((await known(of, later)).code).toBe('valid')
    expect((await known(of, back)).code).toBe('revoked')
  })

  test('of somebody who came, went, or has another number would be told of another state', async () => {
    const [late, gone, moved] = [record(), somebody(), somebody()]
    const ids = [await check(scan(late)), await check(scan(gone)), await check(scan(moved))]
    const before = await stateNow(world)
    const citizenId = `038190${moved.citizenId?.slice(6)}`
    const after = await applyNext(world, [
      late,
      { removed: gone },
      { ...moved, citizenId, formerNumbers: [moved.citizenId ?? ''], registeredFacility: '38009' },
    ])
    const codes = async (instant: string) => {
      const answers = []
      for (const each of ids) answers.push(await known(each, instant))
      return answers.map(({ code, coverages }) => `${code} ${coverages[0]?.registeredFacility ?? ''}`.trim())
    }
    expect(await codes(before)).toEqual(['not_found', 'valid 38001', 'valid 38001'])
    expect(await codes(after)).toEqual(['valid 38001', 'not_found', 'valid 38009'])
  })

  test('under a name that the record had then would be shown to another one', async () => {
    const row = somebody()
    const before = await stateNow(world)
    await applyNext(world, [{ ...row, fullName: 'Trịnh Hoài Đức' }])
    const of = await check(scan({ ...row, fullName: 'Trịnh Hoài Đức' }))
    expect(await known(of, before)).toMatchObject({ code: 'name_mismatch', coverages: [] })
  })
})

describe('an instant', () => {
  test.each([
    '',
    'x',
    '2026-11-24',
    '2026-11-24T10:00:00',
    '2026-11-24T10:00:00+07:00',
    '2026-02-30T00:00:00Z',
    '1999-01-01T00:00:00Z',
    '2026-11-24T10:00:00.1234567Z',
    'now',
    'infinity',
    MARK,
  ])('would be read from "%s"', async (text) => {
    await expectRefused(world, running, at(id, text), { status: 400, code: 'known_at_invalid' }, secrets)
  })

  test('before the first load, or after the newest sync, would be answered', async () => {
    const newest = await stateNow(world)
    const wanted = { status: 422, code: 'known_at_out_of_range' } as const
    for (const instant of ['2020-01-01T00:00:00Z', shift(newest, 1), '2099-12-31T23:59:59Z']) {
      const reply = await expectRefused(world, running, at(id, instant), wanted, secrets)
      expect(reply.json.detail).toBe(`${(reply.json.detail ?? '').split(' to ')[0]} to ${newest}`)
    }
    expect((await known(id, newest)).code).toBe('valid')
  })

  test('would tell a mismatch, or whom typing did not find, of a record', async () => {
    const row = somebody()
    const wrong = { ...row, fullName: 'Trịnh Hoài Đức' }
    const shown = new Set<string>()
    const unknown = { ...typed(row), number: '038090999999' }
    for (const evidence of [typed(wrong), unknown, scan(wrong)]) {
      const of = await check(evidence)
      const reply = await send(running.url, at(of, await stateNow(world)))
      expectProblem(reply, { status: 409, code: 'known_at_unavailable' })
      shown.add(reply.text.replace(reply.json.requestId ?? '', ''))
    }
    expect(shown.size).toBe(1)
  })

  test("would open another facility's verification", async () => {
    const wanted = { status: 404, code: 'verification_not_found' } as const
    await expectRefused(world, running, at(id, begun, {}, other), wanted, secrets)
    await expectRefused(world, running, at('v1-999999', begun), wanted, secrets)
  })

  test('would be read by an auditor unmasked, without a reason, or without an entry', async () => {
    const missing = { status: 400, code: 'audit_purpose_missing' } as const
    await expectRefused(world, running, at(id, begun, {}, auditor), missing, secrets)
    const headers = { 'audit-purpose': 'claimReview' }
    const wanted = { status: 422, code: 'known_at_out_of_range' } as const
    await expectRefused(world, running, at(id, '2020-01-01T00:00:00Z', headers, auditor), wanted, secrets)
    const reply = await send(running.url, at(id, begun, headers, auditor))
    expect(reply.json).toMatchObject({ code: 'valid', atKnown: { code: 'valid', coverages: [{ applies: true }] } })
    expectNoTrace([reply.text, ...running.log], secrets)
    const [row] = await world.owner<{ sealed: Uint8Array; subject: string | null }[]>`
      select sealed, subject from entry_detail order by leaf_index desc limit 1`
    const details = openDetails(deriveDataKeys(world.dataKeys), null, row?.sealed ?? new Uint8Array())
    expect(JSON.parse(details)).toMatchObject({
      purpose: 'claimReview',
      entries: [Number(id.slice(3))],
      knownAt: begun,
    })
  })
})

test('an entry of a release that kept no question would be guessed at', async () => {
  const keys = deriveDataKeys(world.dataKeys)
  const [row] = await world.owner<{ sealed: Uint8Array; subject: string }[]>`
    select sealed, subject from entry_detail where leaf_index = ${Number(id.slice(3))}`
  const { asked: _, ...details } = JSON.parse(openDetails(keys, row?.subject ?? '', row?.sealed ?? new Uint8Array()))
  const deed: Deed = {
    recordedAt: new Date(),
    kind: 'verification',
    facility: '38001',
    outcome: {},
    details: JSON.stringify(details),
    client: 'facility:38001',
    subject: details.person,
    idempotency: null,
  }
  const [appended] = await appendBatch(world.owner, keys, [prepare(keys, deed)])
  const index = appended instanceof Error || appended?.outcome !== 'appended' ? -1 : appended.index
  const reply = await send(running.url, at(`v1-${index}`, begun))
  expectProblem(reply, { status: 409, code: 'known_at_unavailable' })
})
