import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deriveDataKeys, lookupKey } from '../../src/data-keys.ts'
import { DECISION_CODES, type DecisionCode } from '../../src/entitlement/decision-code.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import {
  alsoOf,
  asking,
  card,
  cardScan,
  day,
  expectEnglish,
  expectNoTrace,
  logState,
  record,
  scan,
  secretsOf,
  send,
  typed,
  VIETNAMESE,
} from './http-support.ts'

interface Case {
  readonly evidence: unknown
  /** decision · cause · VSS code, as the contract's table says. */
  readonly told: readonly [string, string | null, string | null]
  readonly warnings?: readonly string[]
}

const rows: FeedRow[] = []

function onRecord(overrides: Partial<FeedRow> = {}): FeedRow {
  const row = record(overrides)
  rows.push(row)
  return row
}

function scanOf(overrides: Partial<FeedRow>, told: Case['told'], warnings: readonly string[] = []): Case {
  return { evidence: scan(onRecord(overrides)), told, warnings }
}

const statusFrom = day(-30)
const known = onRecord()
const misread = { ...known, fullName: 'Quách Thị Hạnh' }
const otherDay = { ...known, dateOfBirth: '1990-03-18' }
const child = record({ citizenId: '038224000021', dateOfBirth: '2024-05-06' })
const unknownStatus = onRecord()
const damaged = onRecord()

/** One row a code: a new code without a test does not compile. `source_stale` needs another world: copy-state.db.test.ts. */
const CASES: Record<Exclude<DecisionCode, 'source_stale'>, Case> = {
  valid: scanOf({ validTo: day(0) }, ['entitled', null, '000']),
  valid_prefer_new: scanOf({ status: 'superseded', statusFrom }, ['entitled', null, '004'], ['newCard']),
  replaced: scanOf({ status: 'replaced', statusFrom }, ['undetermined', 'notInCopy', '003'], ['newCard']),
  check_paper_defence: scanOf({ status: 'defence' }, ['undetermined', 'checkPaper', '001']),
  check_paper_police: scanOf({ status: 'police' }, ['undetermined', 'checkPaper', '002']),
  child_without_card: { evidence: scan(child), told: ['undetermined', 'checkPaper', '130'] },
  expired: scanOf({ validTo: day(-1) }, ['notEntitled', null, '010']),
  not_yet_valid: scanOf({ validFrom: day(1) }, ['notEntitled', null, null]),
  revoked: scanOf({ status: 'revoked', statusFrom }, ['notEntitled', null, '110']),
  reduced: scanOf({ status: 'reduced', statusFrom }, ['notEntitled', null, '120']),
  stopped: scanOf({ status: 'stopped', statusFrom }, ['notEntitled', null, '124']),
  moved_out: scanOf({ status: 'movedOut', statusFrom }, ['undetermined', 'notInCopy', '121']),
  moved_within: scanOf({ status: 'movedWithin', statusFrom }, ['undetermined', 'notInCopy', '122']),
  re_enrolled: scanOf({ status: 'reEnrolled', statusFrom }, ['undetermined', 'notInCopy', '123']),
  held: scanOf({ status: 'held', statusFrom }, ['undetermined', 'guarded', null]),
  name_mismatch: { evidence: scan(misread), told: ['undetermined', 'evidenceMismatch', '060'] },
  birth_date_mismatch: { evidence: scan(otherDay), told: ['undetermined', 'evidenceMismatch', '070'] },
  no_match: { evidence: typed(misread), told: ['undetermined', 'noMatch', null] },
  not_found: { evidence: scan(record()), told: ['undetermined', 'notInCopy', '050'] },
  source_failed: { evidence: scan(damaged), told: ['undetermined', 'sourceFailed', '100'] },
}

/** With a newer record of level 2 in force. */
function withSuccessor(status: FeedRow['status'], validTo: string): FeedRow {
  const old = onRecord({ status, statusFrom, validTo })
  rows.push(alsoOf(old, inForce(`HN238${old.insuranceNumber}`)))
  return old
}

function inForce(cardNumber: string): Partial<FeedRow> {
  return { cardNumber, status: 'active', statusFrom: null, validFrom: day(-30), validTo: day(300) }
}

const successors = (['replaced', 'movedOut', 'movedWithin', 'reEnrolled'] as const).map((status) =>
  withSuccessor(status, day(-31)),
)
const [replaced] = successors
const superseded = withSuccessor('superseded', day(100))
const revoked = onRecord({ status: 'revoked', statusFrom: day(-10) })
const held = onRecord({ status: 'held', statusFrom: day(-10) })
const ended = onRecord({ validTo: day(20) })
const withoutEnd = onRecord({ validTo: null })

let world: World
let running: Running
let token: string

beforeAll(async () => {
  world = await createWorld(rows)
  const keys = deriveDataKeys(world.dataKeys)
  const subjectOf = (row: FeedRow) => lookupKey(keys, row.citizenId ?? '')
  await world.owner`update coverage set status = 'pendingReview' where subject = ${subjectOf(unknownStatus)}::uuid`
  await world.owner`
    update coverage set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) where subject = ${subjectOf(damaged)}::uuid`
  running = await world.start()
  token = await world.token('facility:38001')
})

afterAll(() => world?.close())

async function answer(evidence: unknown, members: Record<string, unknown> = {}) {
  const before = await logState(world)
  const { status, json } = await send(running.url, { token, body: asking(evidence, members) })
  expect(status).toBe(200)
  expect((await logState(world)).size).toBe(before.size + 1)
  return json
}

describe('a code would be told otherwise than the contract says', () => {
  for (const [code, { evidence, told, warnings = [] }] of Object.entries(CASES)) {
    test(code, async () => {
      const [decision, cause, vssCode] = told
      const json = await answer(evidence)
      expect(json).toMatchObject({ code, decision, cause, vssCode, vssCodeSource: 'copy', warnings })
      expect(json.desk).toMatch(VIETNAMESE)
      expect(json.desk).toMatch(/ Danh tính: theo [^.]+, chưa xác thực\.$/) // whatever was decided
      expectEnglish(json.integrator)
      if (decision === 'undetermined') expect(json.desk).toContain('Vẫn tiếp nhận người bệnh')
      expect(json.desk).not.toMatch(/bản sao|photo|phô tô/i)
      expect(json.coverages?.filter((each) => each.applies).length).toBe(decision === 'entitled' ? 1 : 0)
      const shows = !['evidenceMismatch', 'noMatch', 'sourceFailed'].includes(cause ?? '') && rowsOf(evidence)
      expect(json.coverages?.length).toBe(shows ? 1 : 0)
      const event = JSON.parse(running.log.at(-1) ?? '{}')
      expect(event).toMatchObject({ status: 200, code, client: 'facility:38001' })
    })
  }
  test('a code that this table forgot', () => {
    expect([...Object.keys(CASES), 'source_stale'].sort()).toEqual(Object.keys(DECISION_CODES).sort())
  })
})

function rowsOf(evidence: unknown): boolean {
  return rows.some((row) => JSON.stringify(evidence).includes(row.citizenId ?? '-'))
}

describe('a status that this release does not know would be guessed', () => {
  test('as valid, or as not', async () => {
    const json = await answer(scan(unknownStatus))
    expect(json).toMatchObject({ code: 'held', decision: 'undetermined', cause: 'guarded' })
    expect(json.coverages?.map((each) => [each.status, each.applies])).toEqual([['unknown', false]])
  })
  test('on a day before it began', async () => {
    expect(await answer(scan(unknownStatus), { serviceDate: day(-100) })).toMatchObject({ code: 'held' })
  })
})

test("a record that does not open would harm another person's answer", async () => {
  const [bad, good] = await Promise.all([askAbout(scan(damaged)), askAbout(scan(known))])
  expect(bad.json).toMatchObject({ code: 'source_failed', coverages: [] })
  expect(good.json).toMatchObject({ code: 'valid' })
  expectNoTrace([bad.text, ...running.log], secretsOf(damaged))
})

function askAbout(evidence: unknown) {
  return send(running.url, { token, body: asking(evidence) })
}

describe('a refused patient would not be told the date', () => {
  const dates: [DecisionCode, RegExp][] = [
    ['expired', new RegExp(`Hết hạn ngày ${shown(day(-1))}`)],
    ['not_yet_valid', new RegExp(`Có giá trị từ ngày ${shown(day(1))}`)],
    ['revoked', new RegExp(`Từ ngày ${shown(statusFrom)}, hệ thống biết từ ngày \\d\\d/\\d\\d/\\d{4}`)],
    ['reduced', new RegExp(`Từ ngày ${shown(statusFrom)}`)],
    ['stopped', new RegExp(`Từ ngày ${shown(statusFrom)}`)],
  ]
  for (const [code, text] of dates) {
    test(code, async () => {
      const json = await answer(CASES[code as keyof typeof CASES].evidence)
      expect(json.desk).toMatch(text)
      expect(json.coverages?.[0]?.knownSince).toBe(json.data?.asOf)
    })
  }
})

function shown(date: string): string {
  return date.split('-').reverse().join('/')
}

describe('a record that was replaced or moved would hide its successor', () => {
  for (const old of successors) {
    test(old.status, async () => {
      const json = await answer(scan(old))
      expect(json).toMatchObject({ decision: 'entitled', code: 'valid', cause: null })
      expect(json.coverages?.filter((each) => each.applies).map((each) => each.level)).toEqual([2])
    })
  }
  test('the void card itself, shown at the desk', async () => {
    for (const evidence of [card(replaced as FeedRow), card(replaced as FeedRow, replaced?.cardNumber.toLowerCase())]) {
      const json = await answer(evidence)
      expect(json).toMatchObject({ decision: 'entitled', code: 'replaced', vssCode: '003', cause: null })
      expect(json.warnings).toEqual(['newCard'])
      expect(json.coverages?.map((each) => [each.level, each.applies])).toEqual([[2, true]])
      expect(json.desk).toContain('thẻ mới đang có giá trị')
    }
  })
  test('its insurance number, which both cards have', async () => {
    const row = replaced as FeedRow
    for (const evidence of [card(row, row.insuranceNumber), cardScan(row)]) {
      expect(await answer(evidence)).toMatchObject({ decision: 'entitled', code: 'valid', warnings: ['newCard'] })
    }
  })
  test('an old card that is still good', async () => {
    const json = await answer(card(superseded))
    expect(json).toMatchObject({ decision: 'entitled', code: 'valid_prefer_new', warnings: ['newCard'] })
    expect(json.coverages?.map((each) => [each.level, each.applies]).sort()).toEqual([
      [2, true],
      [4, false],
    ])
  })
  test('a card of a group that the record does not have', async () => {
    const json = await answer(card(known, `CH438${known.insuranceNumber}`))
    expect(json).toMatchObject({ decision: 'entitled', code: 'valid', warnings: ['newCard'] })
  })
})

describe('the service date would not decide', () => {
  const cases: [string, FeedRow, string, string, string][] = [
    ['the day before the revocation', revoked, day(-11), 'end', 'valid'],
    ['the day of the revocation', revoked, day(-10), 'end', 'revoked'],
    ['the day before it was held', held, day(-11), 'during', 'valid'],
    ['the day it was held', held, day(-10), 'during', 'held'],
    ['before the term', revoked, day(-201), 'end', 'not_yet_valid'],
    ['the first day of the term', revoked, day(-200), 'end', 'valid'],
    ['the last day of the term', ended, day(20), 'appointment', 'valid'],
    ['the day behind the term', ended, day(21), 'appointment', 'expired'],
    ['any day, where the term has no end', withoutEnd, day(60), 'appointment', 'valid'],
  ]
  for (const [name, row, serviceDate, purpose, code] of cases) {
    test(name, async () => {
      expect(await answer(scan(row), { serviceDate, purpose })).toMatchObject({ code, serviceDate })
    })
  }
})
