import { describe, expect, test } from 'vitest'
import { childOutsider, outsider } from '../../mocks/province/outsider.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { isCheckCodeOf, readCheckCode } from '../../src/audit/check-code.ts'
import { endOfDayInVietnam, isoDate } from '../../src/calendar.ts'
import { deriveDataKeys, lookupKey, pseudonym } from '../../src/data-keys.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import {
  alsoOf,
  asking,
  card,
  cardScan,
  document,
  expectEnglish,
  logState,
  mrzScan,
  record,
  scan,
  send,
  today,
  typed,
  VIETNAMESE,
} from './http-support.ts'

const someone = record({ formerNumbers: ['172000009', '038190000777'], fiveYearsFrom: '2024-02-01', area: 'K2' })
const child = record({ citizenId: '038224000011', fullName: 'Tào Minh Khuê', dateOfBirth: '2024-05-06' })
const elder = record({ citizenId: '038036000012', fullName: 'Hắc Thị Ý', dateOfBirth: '1936', sex: 'female' })
const foreigner = record({ citizenId: null, fullName: "Anna O'Neill-Smith", dateOfBirth: '1984-12-01' })
const dotted = record({ fullName: 'Đỗ Thúy Hoà', sex: 'female', citizenId: '038190000013' })
const reissued = record({ citizenId: '038199000014', sex: 'male', dateOfBirth: '1990-03-17' })
/** The former number was cancelled by the police; what it says is no other than what the new one does. */
const renumbered = record({ citizenId: '038090000779', formerNumbers: ['038090000778', '172000010'] })
const unusual = ['038190000021', '038091000022', '038290000023'].map((citizenId) => record({ citizenId }))
const two = record()
const twoToo = alsoOf(two, { cardNumber: `HN238${two.insuranceNumber}`, validTo: null })

openDesk([someone, child, elder, foreigner, dotted, reissued, renumbered, ...unusual, two, twoToo])

async function answer(evidence: unknown, members: Record<string, unknown> = {}) {
  const before = await logState(world)
  const { status, json, headers } = await send(running.url, { token, body: asking(evidence, members) })
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(headers.get('cache-control')).toBe('no-store')
  expect((await logState(world)).size).toBe(before.size + 1)
  expect(json.desk).toMatch(VIETNAMESE)
  expectEnglish(json.integrator)
  return json
}

test('an answer would lack a member, or have one more than the contract', async () => {
  const askedAt = Date.now()
  const json = await answer(scan(someone))
  expect(json).toEqual({
    id: expect.stringMatching(/^v1-\d+$/),
    checkedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    serviceDate: today,
    decision: 'entitled',
    code: 'valid',
    cause: null,
    vssCode: '000',
    vssCodeSource: 'copy',
    warnings: [],
    desk: expect.any(String),
    integrator: expect.any(String),
    identity: {
      method: 'chipIdQr',
      assurance: 'unsigned',
      name: 'exact',
      birthDate: 'exact',
      registry: 'notAsked',
    },
    coverages: [
      {
        cardNumber: someone.cardNumber,
        group: 'GD',
        level: 4,
        ratePercent: null,
        rateStatus: 'provisional',
        validFrom: someone.validFrom,
        validTo: someone.validTo,
        registeredFacility: '38001',
        areaCode: 'K2',
        fiveYearsFrom: '2024-02-01',
        status: 'active',
        statusFrom: null,
        knownSince: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        applies: true,
      },
    ],
    data: { source: 'copy', asOf: expect.any(String), ageSeconds: expect.any(Number), feedSequence: 1 },
    goodUntil: endOfDayInVietnam(today),
    receipt: {
      checkCode: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/),
      log: '1',
      index: Number(json.id?.slice(3)),
      leafHash: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      checkpoint: null,
    },
  })
  expect(Math.abs(Date.parse(json.checkedAt ?? '') - askedAt)).toBeLessThan(60_000)
})

describe('evidence of a person with cover would not be answered', () => {
  const [insuranceNumber, cardNumber] = [someone.insuranceNumber, someone.cardNumber]
  const evidences: [string, { kind: string }][] = [
    ['the QR of a chip ID', scan(someone)],
    [
      'the same with what scanners add',
      { kind: 'chipIdQr', text: `\u0002CCCD: ${scan(someone).text}||||\r\n` } as never,
    ],
    ['the same whose CMND the record does not have', scan({ ...someone, formerNumbers: ['172999999'] })],
    ['the same without a CMND', scan({ ...someone, formerNumbers: [] })],
    ['a typed citizen id', typed(someone)],
    ['a typed citizen id with spaces around', { ...typed(someone), number: ` ${someone.citizenId} ` } as never],
    ['an insurance number', card(someone, insuranceNumber)],
    ['an insurance number in groups', card(someone, insuranceNumber.replace(/(\d{4})/g, '$1 '))],
    ['a card number', card(someone)],
    ['a card number in small letters and groups', card(someone, `gd-4-38-${insuranceNumber}`)],
    ['the QR of an insurance card of 10', cardScan(someone)],
    ['the QR of an insurance card of 15', { kind: 'insuranceCardQr', text: paperOf15(someone, cardNumber) } as never],
    ['a VNeID', document(someone, 'vneid', someone.citizenId ?? '')],
    ['a birth certificate with a number', document(someone, 'birthCertificate', someone.citizenId ?? '')],
    ['a cancelled personal number', { ...typed(someone), number: '038190000777' } as never],
  ]
  for (const [name, evidence] of evidences) {
    test(name, async () => {
      const json = await answer(evidence)
      expect(json).toMatchObject({ decision: 'entitled', code: 'valid', cause: null, warnings: [] })
      expect(json.identity).toMatchObject({ method: evidence.kind, name: 'exact', birthDate: 'exact' })
      expect(json.coverages?.map((each) => [each.cardNumber, each.applies])).toEqual([[cardNumber, true]])
    })
  }
  test('a child by the birth certificate', async () => {
    const json = await answer(document(child, 'birthCertificate', child.citizenId ?? ''))
    expect(json).toMatchObject({ decision: 'entitled', code: 'valid' })
  })
  test('somebody whose papers know a year only, and a desk that types a made-up day', async () => {
    expect((await answer(typed(elder))).identity).toMatchObject({ name: 'exact', birthDate: 'exact' })
    expect((await answer(scan(elder))).identity).toMatchObject({ name: 'exact', birthDate: 'exact' })
    const json = await answer({ ...typed(elder), dateOfBirth: '1936-01-01' })
    expect(json).toMatchObject({ code: 'valid', identity: { birthDate: 'coarser' } })
  })
  test('a foreigner, who has an insurance number only', async () => {
    for (const evidence of [card(foreigner), card(foreigner, foreigner.insuranceNumber), cardScan(foreigner)]) {
      expect(await answer(evidence)).toMatchObject({ code: 'valid', identity: { name: 'exact' } })
    }
  })
})

/** domain §3: the paper of 15 characters. */
function paperOf15(row: FeedRow, cardNumber: string): string {
  const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase()
  const born = row.dateOfBirth.split('-').reverse().join('/')
  return [
    cardNumber,
    hex(row.fullName),
    born,
    '1',
    hex('Quảng Xương'),
    '38 - 001',
    '01/01/2026',
    '-',
    '01/01/2026',
    '$',
  ].join('|')
}

describe('evidence without a record would be taken for a "no"', () => {
  const province = { seed: 'http', baseDate: today }
  const cases: [string, unknown, string, string][] = [
    ['a scan', { kind: 'chipIdQr', text: chipIdQrText(outsider(province, 1)) }, 'not_found', 'notInCopy'],
    [
      'a child',
      { kind: 'chipIdQr', text: chipIdQrText(childOutsider(province, 1)) },
      'child_without_card',
      'checkPaper',
    ],
    ['a child without a number', document(child, 'birthCertificate'), 'child_without_card', 'checkPaper'],
    ['a newborn', { ...document(child, 'birthCertificate'), dateOfBirth: today }, 'child_without_card', 'checkPaper'],
    ['a grown-up without a number', document(someone, 'vneid'), 'no_match', 'noMatch'],
    ['a passport', document(foreigner, 'passport', 'n1234567'), 'no_match', 'noMatch'],
    ['a passport without a number', document(foreigner, 'passport'), 'no_match', 'noMatch'],
    ['a CMND of 9 digits as a passport', document(someone, 'passport', '172000009'), 'no_match', 'noMatch'],
    ['a card of a stranger', cardScan(record()), 'not_found', 'notInCopy'],
  ]
  for (const [name, evidence, code, cause] of cases) {
    test(name, async () => {
      const json = await answer(evidence)
      expect(json).toMatchObject({ decision: 'undetermined', code, cause, coverages: [] })
      expect(json.desk).toContain('Vẫn tiếp nhận người bệnh')
    })
  }
})

describe('a machine-readable zone would be held against the person', () => {
  test('it has no accents: the name agrees but for those, and nobody is told to correct it', async () => {
    const json = await answer(mrzScan(dotted))
    expect(json).toMatchObject({ decision: 'entitled', code: 'valid', warnings: [] })
    expect(json.identity).toMatchObject({
      method: 'chipIdMrz',
      assurance: 'unsigned',
      name: 'near',
      birthDate: 'exact',
    })
    expect(json.coverages?.map((each) => each.cardNumber)).toEqual([dotted.cardNumber])
  })
  test('while another spelling is one', async () => {
    const json = await answer(mrzScan({ ...dotted, fullName: 'Đỗ Thúyhoà' }))
    expect(json).toMatchObject({ code: 'valid', warnings: ['nameNear'], identity: { name: 'near' } })
  })
  test('and another name is another name', async () => {
    const json = await answer(mrzScan({ ...dotted, fullName: 'Đỗ Thúy Hoài' }))
    expect(json).toMatchObject({ code: 'name_mismatch', cause: 'evidenceMismatch', coverages: [] })
  })
})

describe('a spelling fault would turn a patient away', () => {
  const near = ['Đỗ Thuý Hòa', 'DO THUY HOA', 'Do Thuy Hoa', 'đo thúy hoà', 'Đỗ Thúi Hoà'.replace('Thúi', 'Thuy')]
  for (const fullName of near) {
    test(`"${fullName}" for "${dotted.fullName}"`, async () => {
      for (const evidence of [
        scan({ ...dotted, fullName }),
        typed({ ...dotted, fullName }),
        card({ ...dotted, fullName }),
      ]) {
        const json = await answer(evidence)
        expect(json).toMatchObject({ code: 'valid', warnings: ['nameNear'], identity: { name: 'near' } })
        expect(json.desk).toContain('sửa họ tên theo căn cước trước khi gửi')
        expect(json.coverages).toHaveLength(1)
      }
    })
  }
  test('while another way to write the same letters would be a fault', async () => {
    for (const fullName of [dotted.fullName.normalize('NFD'), 'ĐỖ THÚY HOÀ', '  đỗ  thúy hoà ']) {
      expect(await answer(typed({ ...dotted, fullName }))).toMatchObject({ warnings: [], identity: { name: 'exact' } })
    }
  })
  test('while another name would be taken for a fault', async () => {
    const otherName = { ...dotted, fullName: 'Đỗ Thúy Hoài' }
    expect(await answer(scan(otherName))).toMatchObject({ code: 'name_mismatch', warnings: [], coverages: [] })
  })
})

describe('a number that was cancelled and given anew would lead to nobody, or to another', () => {
  const before = { ...renumbered, citizenId: '038090000778' }
  const { citizenId: former = '' } = before
  const evidences: [string, unknown][] = [
    ['the QR of the former card', scan({ ...before, formerNumbers: [] })],
    ['the QR of the new card', scan(renumbered)],
    ['the zone of the former card', mrzScan(before)],
    ['the zone of the new card', mrzScan(renumbered)],
    ['the former number, typed', typed(before)],
    ['the new number, typed', typed(renumbered)],
    ['a VNeID with the former number', document(renumbered, 'vneid', former ?? '')],
    ['a birth certificate with the former number', document(renumbered, 'birthCertificate', former ?? '')],
    ['the insurance card', card(renumbered)],
    ['the insurance number', card(renumbered, renumbered.insuranceNumber)],
    ['the QR of the insurance card', cardScan(renumbered)],
  ]
  test.each(evidences)('%s', async (_, evidence) => {
    const json = await answer(evidence)
    expect(json).toMatchObject({ decision: 'entitled', code: 'valid', warnings: [] })
    expect(json.coverages?.map((each) => each.cardNumber)).toEqual([renumbered.cardNumber])
    // the one person, by whichever number
    const keys = deriveDataKeys(world.dataKeys)
    const year = new Date(json.checkedAt ?? '').getUTCFullYear()
    const person = pseudonym(keys, year, lookupKey(keys, renumbered.citizenId ?? ''))
    const deed = { logId: 1, index: json.receipt?.index ?? -1, facility: '38001', person }
    expect(isCheckCodeOf(keys, json.receipt?.checkCode ?? '', deed)).toBe(true)
  })
})

describe('digits that disagree would be told for one kind of evidence, and not for another', () => {
  // a man of 1990 on paper: what the number says
  const SAYS = { 'another sex': '038190000021', 'another year': '038091000022', 'another century': '038290000023' }
  for (const [what, citizenId] of Object.entries(SAYS)) {
    const row = unusual.find((each) => each.citizenId === citizenId) ?? renumbered
    const shown: [string, unknown][] = [
      ['chipIdQr', scan(row)],
      ['chipIdMrz', mrzScan(row)],
      ['chipIdTyped', typed(row)],
      ['vneid', document(row, 'vneid', citizenId)],
      ['birthCertificate', document(row, 'birthCertificate', citizenId)],
    ]
    test.each(shown)(`${what}, %s`, async (kind, evidence) => {
      // typed evidence says nothing of the sex
      const isTold = what !== 'another sex' || kind.startsWith('chipIdQr') || kind === 'chipIdMrz'
      expect(await answer(evidence)).toMatchObject({ code: 'valid', warnings: isTold ? ['numberUnusual'] : [] })
    })
  }
})

describe('the desk would not be told', () => {
  test('how the person was proven', async () => {
    const said = 'Danh tính: theo mã QR trên căn cước, chưa xác thực.'
    expect((await answer(scan(someone))).desk).toContain(said)
    expect((await answer(scan(record()))).desk).toContain(said)
    expect((await answer(typed(someone))).desk).toContain('Danh tính: theo số căn cước nhập tay, chưa xác thực.')
  })

  test('which province to think of when there is no record here', async () => {
    const born = record({ citizenId: '052090000031' })
    const past = { serviceDate: '2025-06-30', purpose: 'end' }
    expect((await answer(scan(born))).desk).toContain('đăng ký khai sinh tại Bình Định (nay thuộc Gia Lai).')
    expect((await answer(mrzScan(born), past)).desk).toContain('đăng ký khai sinh tại Bình Định.')
    expect((await answer(scan(record()))).desk).not.toContain('khai sinh')
    // typed evidence learns nothing of why
    expect((await answer(typed(born))).desk).not.toContain('khai sinh')
    const reply = await answer(scan(born))
    const again = await send(running.url, { method: 'GET', path: `/v1/verifications/${reply.id}`, token })
    expect(again.json.desk).toBe(reply.desk)
  })
})

describe('a number whose digits disagree with the card would refuse somebody', () => {
  test('another year, and another sex', async () => {
    const json = await answer(scan(reissued))
    expect(json).toMatchObject({ decision: 'entitled', code: 'valid', warnings: ['numberUnusual'] })
    expect(json.desk).toContain('Số định danh không khớp')
  })
  test('or warn where nothing is typed about it', async () => {
    expect(await answer(card(reissued))).toMatchObject({ code: 'valid', warnings: [] })
  })
})

describe('two coverages in force would hide one another', () => {
  test('all come back, the highest level applies', async () => {
    const json = await answer(scan(two))
    expect(json).toMatchObject({ decision: 'entitled', code: 'valid' })
    expect(json.coverages?.map((each) => [each.cardNumber, each.level, each.applies]).sort()).toEqual([
      [two.cardNumber, 4, false],
      [twoToo.cardNumber, 2, true],
    ])
  })
})

describe('a check code would fit another deed', () => {
  test('another facility, another person, or another entry', async () => {
    const json = await answer(scan(someone))
    const keys = deriveDataKeys(world.dataKeys)
    const year = new Date(json.checkedAt ?? '').getUTCFullYear()
    const code = json.receipt?.checkCode ?? ''
    const index = json.receipt?.index ?? -1
    const person = pseudonym(keys, year, lookupKey(keys, someone.citizenId ?? ''))
    const deed = { logId: 1, index, facility: '38001', person }
    expect(readCheckCode(code)?.index).toBe(index)
    expect(isCheckCodeOf(keys, code, deed)).toBe(true)
    expect(isCheckCodeOf(keys, code.toLowerCase().replace('-', ''), deed)).toBe(true)
    const other = pseudonym(keys, year, lookupKey(keys, two.citizenId ?? ''))
    expect(isCheckCodeOf(keys, code, { ...deed, facility: '38002' })).toBe(false)
    expect(isCheckCodeOf(keys, code, { ...deed, person: other })).toBe(false)
    expect(isCheckCodeOf(keys, code, { ...deed, index: index + 1 })).toBe(false)
    // whichever number led to the person, the code is about the same one
    for (const evidence of [card(someone), cardScan(someone), { ...typed(someone), number: '038190000777' }]) {
      const again = await answer(evidence)
      const its = { ...deed, index: again.receipt?.index ?? -1 }
      expect(isCheckCodeOf(keys, again.receipt?.checkCode ?? '', its)).toBe(true)
    }
  })
})

test('an answer for another day would be good longer than that day', async () => {
  const past = await answer(scan(someone), { serviceDate: '2026-09-10', purpose: 'end' })
  expect(past.goodUntil).toBe(endOfDayInVietnam(isoDate('2026-09-10')))
})
