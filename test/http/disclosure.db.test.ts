import { describe, expect, test } from 'vitest'
import type { FeedRow } from '../../src/sync/feed.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import {
  asking,
  card,
  cardScan,
  document,
  expectEnglish,
  expectNoTrace,
  logState,
  type Replied,
  record,
  scan,
  secretsOf,
  send,
  typed,
  VIETNAMESE,
} from './http-support.ts'

const someone = record()
const child = record({ citizenId: '038224000007', dateOfBirth: '2024-05-06', fullName: 'Tào Minh Khuê' })
const held = record({ status: 'held' })
const gone = record({ status: 'revoked', statusFrom: '2026-01-02' })
/** On no record; same sex and year of birth, so that its digits are as usual as the others'. */
const nobody = record()
const noChild = { ...child, citizenId: '038224999999', insuranceNumber: '3899999999', cardNumber: 'TE13838999999' }

openDesk([someone, child, held, gone])

async function ask(evidence: unknown, members: Record<string, unknown> = {}): Promise<Replied> {
  const reply = await send(running.url, { token, body: asking(evidence, members) })
  expect(reply.status).toBe(200)
  return reply
}

/** The members that differ from answer to answer, whoever is asked about, made the same; in the order they came. */
function masked(reply: Replied): string {
  const { json } = reply
  const { receipt } = json
  return JSON.stringify({
    ...json,
    id: typeof json.id,
    checkedAt: json.checkedAt?.replace(/\d/g, '0'),
    goodUntil: json.goodUntil?.replace(/\d/g, '0'),
    data: { ...json.data, ageSeconds: typeof json.data?.ageSeconds },
    receipt: {
      checkCode: receipt?.checkCode.replace(/[0-9A-Z]/g, '0'),
      log: receipt?.log,
      index: typeof receipt?.index,
      leafHash: receipt?.leafHash.length,
    },
  })
}

/** Bytes, but for the digits that count up. */
function sizeOf(reply: Replied): number {
  const { json } = reply
  const counting = [json.id?.slice(3), json.receipt?.index, json.data?.ageSeconds]
  return Buffer.byteLength(reply.text) - counting.join('').length
}

const EMPTY_RECEIPT = { checkCode: expect.stringMatching(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/), log: '1' }

describe('typed evidence would tell whether a number exists', () => {
  const kinds: [string, (row: FeedRow) => Record<string, unknown>][] = [
    ['chipIdTyped', typed],
    ['insuranceCard of 10', (row) => card(row, row.insuranceNumber)],
    ['insuranceCard of 15', (row) => card(row)],
    ['insuranceCard of 15 in small letters', (row) => card(row, row.cardNumber.toLowerCase())],
    ['a VNeID', (row) => document(row, 'vneid', row.citizenId ?? '')],
    ['a birth certificate', (row) => document(row, 'birthCertificate', row.citizenId ?? '')],
  ]
  const attempts = (of: (row: FeedRow) => Record<string, unknown>) => {
    const right = of(someone)
    return {
      'an unknown number': of(nobody),
      'another name': { ...right, fullName: 'Quách Thị Hạnh' },
      'another name with the same first letter': { ...right, fullName: 'Lò Văn Đại' },
      'one letter more': { ...right, fullName: `${someone.fullName}n` },
      'the name without accents and another day': { ...right, fullName: 'Luong Khanh Toan', dateOfBirth: '1990-03-18' },
      'the name without accents and the year only': { ...right, fullName: 'Luong Khanh Toan', dateOfBirth: '1990' },
      'another day': { ...right, dateOfBirth: '1990-03-18' },
      'another month': { ...right, dateOfBirth: '1990-04' },
      'another name and another day': { ...right, fullName: 'Quách Thị Hạnh', dateOfBirth: '1990-12-31' },
      'the number of a card that is held': { ...of(held), fullName: 'Quách Thị Hạnh' },
      'the number of a card that was revoked': { ...of(gone), dateOfBirth: '1990-03-18' },
    }
  }

  for (const [kind, of] of kinds) {
    test(kind, async () => {
      const told = new Map<string, string[]>()
      const sizes = new Set<number>()
      for (const [attempt, evidence] of Object.entries(attempts(of))) {
        const before = await logState(world)
        const reply = await ask(evidence)
        const answer = masked(reply)
        told.set(answer, [...(told.get(answer) ?? []), attempt])
        sizes.add(sizeOf(reply))
        expect(await logState(world)).toEqual({
          ...before,
          size: before.size + 1,
          entries: before.entries + 1,
          details: before.details + 1,
        })
        expect(reply.json).toMatchObject({
          decision: 'undetermined',
          code: 'no_match',
          cause: 'noMatch',
          vssCode: null,
          vssCodeSource: 'copy',
          warnings: [],
          identity: { assurance: 'unsigned', name: 'notCompared', birthDate: 'notCompared', registry: 'notAsked' },
          coverages: [],
          receipt: EMPTY_RECEIPT,
        })
        expect(reply.json.desk).toMatch(VIETNAMESE)
        expectEnglish(reply.json.integrator)
        expectNoTrace([reply.text, ...running.log], secretsOf(someone))
      }
      expect([...told.values()]).toHaveLength(1)
      expect(sizes.size).toBe(1)
      // and it is no wonder that all are alike: the right particulars are answered
      expect((await ask(of(someone))).json.code).toBe('valid')
    })
  }

  test('of a child under six, whom the birth certificate covers', async () => {
    const told = new Set<string>()
    for (const evidence of [
      typed(noChild),
      { ...typed(child), fullName: 'Quách Thị Hạnh' },
      { ...typed(child), dateOfBirth: '2024-05-07' },
    ]) {
      const reply = await ask(evidence)
      expect(reply.json).toMatchObject({ code: 'child_without_card', decision: 'undetermined', coverages: [] })
      told.add(masked(reply))
    }
    expect(told.size).toBe(1)
  })

  test('by what the log records in public', async () => {
    const read = async (evidence: unknown) => {
      const { json } = await ask(evidence)
      const [row] = await world.owner<{ body: string; chars: number }[]>`
        select body, length(sealed) as chars from log_entry join entry_detail using (log_id, leaf_index)
         where leaf_index = ${json.receipt?.index ?? -1}`
      const body = JSON.parse(row?.body ?? '{}')
      return { outcome: body.outcome, kind: body.kind, members: Object.keys(body), chars: row?.chars }
    }
    const unknown = await read(typed(nobody))
    expect(await read({ ...typed(someone), fullName: 'Quách Thị Hạnh' })).toEqual(unknown)
    expect(await read({ ...typed(someone), dateOfBirth: '1990-03-18' })).toEqual(unknown)
  })

  test('while the digits of the number disagree with the year, which the caller knows', async () => {
    const wrongYear = (row: FeedRow) => ({ ...typed(row), dateOfBirth: '1991-03-17' })
    const [known, unknown] = [await ask(wrongYear(someone)), await ask(wrongYear(nobody))]
    expect(known.json).toMatchObject({ code: 'no_match', warnings: ['numberUnusual'] })
    expect(masked(known)).toBe(masked(unknown))
  })

  test('with a portal answer attached', async () => {
    const portalAnswer = { askedAt: new Date().toISOString(), code: '010', digest: 'sha256:0' }
    const replies = await Promise.all([
      ask(typed(nobody), { portalAnswer }),
      ask({ ...typed(someone), fullName: 'Quách Thị Hạnh' }, { portalAnswer }),
    ])
    expect(replies[0]?.json).toMatchObject({ code: 'expired', coverages: [], vssCodeSource: 'portal' })
    expect(new Set(replies.map(masked)).size).toBe(1)
  })
})

describe('a scan that does not fit would show the record', () => {
  const other = { ...someone, fullName: 'Quách Thị Hạnh' }
  const sameLetter = { ...someone, fullName: 'Lò Văn Đại' }
  const otherDay = { ...someone, dateOfBirth: '1990-03-18' }
  const cases: [string, FeedRow, Record<string, unknown>, Record<string, unknown>][] = [
    ['another name', other, { code: 'name_mismatch', vssCode: '060' }, { name: 'differs', birthDate: 'exact' }],
    [
      'the first letter',
      sameLetter,
      { code: 'name_mismatch', vssCode: '061' },
      { name: 'differs', birthDate: 'exact' },
    ],
    ['another day', otherDay, { code: 'birth_date_mismatch', vssCode: '070' }, { name: 'exact', birthDate: 'differs' }],
    [
      'both',
      { ...other, dateOfBirth: '1990-03-18' },
      { code: 'name_mismatch', vssCode: '060' },
      { name: 'differs', birthDate: 'differs' },
    ],
    [
      'no accents and another day',
      { ...otherDay, fullName: 'Luong Khanh Toan' },
      { code: 'birth_date_mismatch', vssCode: '070' },
      { name: 'near', birthDate: 'differs' },
    ],
  ]
  for (const [name, shown, decided, identity] of cases) {
    for (const evidence of [scan(shown), cardScan(shown)]) {
      test(`${evidence.kind}: ${name}`, async () => {
        const reply = await ask(evidence)
        expect(reply.json).toMatchObject({
          ...decided,
          decision: 'undetermined',
          cause: 'evidenceMismatch',
          coverages: [],
          warnings: [],
          identity: { method: evidence.kind, assurance: 'unsigned', ...identity },
        })
        expectNoTrace([reply.text, ...running.log], [...secretsOf(someone), ...secretsOf(shown)])
        expectNoTrace([reply.text], ['"38001"', someone.validFrom, someone.validTo ?? ''])
        const named = decided['code'] === 'name_mismatch' ? 'Họ tên' : 'Ngày sinh'
        expect(reply.json.desk).toContain(named)
      })
    }
  }
})
