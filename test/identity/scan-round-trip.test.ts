import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDays, isoDate } from '../../src/calendar.ts'
import { parseChipIdQr } from '../../src/identity/chip-id-qr.ts'
import { parseInsuranceCardQr } from '../../src/identity/insurance-card-qr.ts'
import { compareNames, parseFullName } from '../../src/identity/name.ts'

const DETERMINISTIC = { seed: 38, numRuns: 1000 }
const today = isoDate('2026-11-24')
const DAYS_TO_TODAY = 46_348 // from 1900-01-01

const day = fc.nat({ max: DAYS_TO_TODAY }).map((days) => addDays(isoDate('1900-01-01'), days))
const digits = (length: number) =>
  fc.nat({ max: 10 ** length - 1 }).map((number) => String(number).padStart(length, '0'))
const surname = fc.constantFrom('Nguyễn', 'Trần', 'Đỗ', 'Đặng', 'Lường', 'Hà', 'Phạm', 'Vũ', "H'", 'Ý')
const given = fc.constantFrom('Văn', 'Thị', 'Mỹ', 'Hòa', 'Hoà', 'Thúy', 'Quý', 'Đức', 'Ngọc', 'Ưng', 'Hường', 'Kđăm')

const person = fc.record({
  citizenId: digits(12),
  formerNumber: fc.option(digits(9)),
  fullName: fc
    .tuple(surname, fc.array(given, { minLength: 1, maxLength: 5 }))
    .map(([first, rest]) => [first, ...rest].join(' ')),
  birthDate: fc.tuple(day, fc.constantFrom(4, 7, 10)).map(([date, precision]) => date.slice(0, precision)),
  sex: fc.constantFrom('male' as const, 'female' as const, 'unknown' as const),
  issuedOn: fc.option(day),
})

/** All that a scanner or a card may add without changing what is said. */
const damage = fc.record({
  before: fc.constantFrom('', '\uFEFF', '\u0002', ']Q3', 'CCCD:', 'QR: ', 'Số thẻ = ', ']Q1CCCD: '),
  behind: fc.constantFrom('', '\r\n', '\n', '\t', '\u0000', '\u0003\r', ' \u0000\r\n'),
  form: fc.constantFrom('NFC', 'NFD'),
  slashes: fc.boolean(),
  lowerCaseSex: fc.boolean(),
  trailing: fc.constantFrom('', '|', '|||', '|038190001234', '||Nguyễn Văn Bố|Lê Thị Mẹ|'),
  invisible: fc.array(fc.tuple(fc.nat(), fc.constantFrom('\u200B', '\u200D', '\uFEFF', '\u2060', '\u00AD', '\u200E')), {
    maxLength: 8,
  }),
})

type Person = typeof person extends fc.Arbitrary<infer P> ? P : never
type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never

function cardDate(iso: string, slashes: boolean): string {
  const [year, month = '00', dayOfMonth = '00'] = iso.split('-')
  return [dayOfMonth, month, year].join(slashes ? '/' : '')
}

function scatter(text: string, invisible: Damage['invisible']): string {
  return invisible.reduce((scattered, [at, character]) => {
    const spot = at % (scattered.length + 1)
    return scattered.slice(0, spot) + character + scattered.slice(spot)
  }, text)
}

function chipIdText(p: Person, d: Damage): string {
  const sex = { male: 'Nam', female: 'Nữ', unknown: '' }[p.sex]
  const text = [
    p.citizenId,
    p.formerNumber ?? '',
    p.fullName,
    cardDate(p.birthDate, d.slashes),
    d.lowerCaseSex ? sex.toLowerCase() : sex,
    'Thôn 1, Quảng Xương, Thanh Hóa',
    p.issuedOn === null ? '' : cardDate(p.issuedOn, d.slashes),
  ].join('|')
  return scatter(`${d.before}${text}${d.trailing}${d.behind}`.normalize(d.form), d.invisible)
}

describe('chip ID', () => {
  test('a person comes back the same from their QR, whatever the scanner adds', () => {
    fc.assert(
      fc.property(person, damage, (p, d) => {
        expect(parseChipIdQr(chipIdText(p, d), today)).toEqual({ ok: true, value: p })
      }),
      DETERMINISTIC,
    )
  })

  test('a scanner that drops accents leaves the person and a near name', () => {
    fc.assert(
      fc.property(person, damage, (p, d) => {
        const dropped = chipIdText(p, d).normalize('NFD').replace(/\p{M}/gu, '').replace(/đ/g, 'd').replace(/Đ/g, 'D')
        const parsed = parseChipIdQr(dropped, today)
        if (!parsed.ok) throw new Error(parsed.issue)
        expect({ ...parsed.value, fullName: p.fullName }).toEqual(p)
        expect(compareNames(parsed.value.fullName, p.fullName)).not.toBe('differs')
      }),
      DETERMINISTIC,
    )
  })

  test('any one character changed, lost or added in the number is never the same person', () => {
    const edit = fc.constantFrom('change', 'lose', 'add')
    fc.assert(
      fc.property(
        person,
        damage,
        fc.nat({ max: 11 }),
        edit,
        fc.constantFrom(...'0123456789OIlB-. '),
        (p, d, at, kind, c) => {
          const number =
            p.citizenId.slice(0, at) + (kind === 'lose' ? '' : c) + p.citizenId.slice(kind === 'add' ? at : at + 1)
          fc.pre(number !== p.citizenId)
          const parsed = parseChipIdQr(chipIdText({ ...p, citizenId: number }, d), today)
          // A sign in front of all 12 digits is a label; nothing was changed in the number.
          if (parsed.ok && !(kind === 'add' && at === 0 && /[^0-9]/.test(c))) {
            expect(parsed.value.citizenId).toBe(number)
            expect(parsed.value.citizenId).not.toBe(p.citizenId)
          }
        },
      ),
      DETERMINISTIC,
    )
  })
})

test('a person comes back the same from the QR of either insurance card', () => {
  const group = fc.constantFrom('GD', 'HT', 'TE', 'DN', 'ZZ')
  fc.assert(
    fc.property(person, damage, group, digits(10), fc.boolean(), (p, d, letters, insuranceNumber, is15) => {
      const cardNumber = `${letters}438${insuranceNumber}`
      const hex = Buffer.from(p.fullName.normalize(d.form)).toString('hex')
      const sex = { male: '1', female: '2', unknown: '-' }[p.sex]
      const text = [
        is15 ? cardNumber : insuranceNumber,
        hex,
        cardDate(p.birthDate, d.slashes),
        sex,
        '-',
        '38 - 001',
        '-',
      ]
      const scan = scatter(`${d.before}${text.join('|')}${d.trailing}|$${d.behind}`, d.invisible)
      expect(parseInsuranceCardQr(scan, today)).toEqual({
        ok: true,
        value: {
          number: is15 ? { kind: 'card', cardNumber } : { kind: 'insurance', insuranceNumber },
          fullName: p.fullName,
          birthDate: p.birthDate,
          sex: p.sex,
        },
      })
    }),
    DETERMINISTIC,
  )
})

describe('hostile text', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 2100 }),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.string({ unit: fc.constantFrom(...'|||0123456789ANguyễn/:]Q3\u0000\r\n\u200B\uD800'), maxLength: 2100 }),
  )

  test('never makes a parser throw, and no control character or bar reaches a name', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const parsed of [parseChipIdQr(text, today), parseInsuranceCardQr(text, today)]) {
          if (parsed.ok) expect(parsed.value.fullName).toMatch(/^[^\p{Cc}\p{Cf}|]+$/u)
        }
      }),
      DETERMINISTIC,
    )
  })

  test.each([
    ['spaces before a letter', `${' '.repeat(2047)}a`],
    ['controls between spaces', `${' \u0001'.repeat(1023)}x`],
    ['bars', '|'.repeat(2048)],
    ['digits', '1'.repeat(2048)],
    ['letters', 'a'.repeat(2048)],
    ['colons', ':'.repeat(2048)],
    ['zero-width characters', '\u200B'.repeat(2048)],
    ['combining marks', `a${'\u0301'.repeat(2047)}`],
    ['ligatures that grow to 18 letters', '\uFDFA'.repeat(255)],
  ])('2 KB of %s does not run away', (_, text) => {
    const started = performance.now()
    parseChipIdQr(text, today)
    parseChipIdQr(`038090001234||${text.slice(0, 2000)}|15011990|Nam|-`, today)
    parseInsuranceCardQr(text, today)
    parseFullName(text)
    compareNames(text, `${text}b`)
    expect(performance.now() - started).toBeLessThan(100) // under 1 ms here; quadratic work would take seconds
  })
})
