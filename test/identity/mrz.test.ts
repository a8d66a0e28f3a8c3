import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nameLine, zoneOf } from '../../mocks/province/mrz.ts'
import { isoDate } from '../../src/calendar.ts'
import { parseChipIdMrz } from '../../src/identity/mrz.ts'

const TODAY = isoDate('2026-11-24')
const RUNS = { seed: 38, numRuns: 300 }

/** Domain §4, computed there. */
const PUBLISHED = [
  'IDVNM0900012345038090001234<<2',
  '9001158M3001156VNM<<<<<<<<<<<8',
  'NGUYEN<<VAN<AN<<<<<<<<<<<<<<<<',
] as const
const TEXT = PUBLISHED.join('\n')
const ZONE = PUBLISHED.join('')

const AN = {
  document: '090001234',
  personal: '038090001234',
  birth: '900115',
  sex: 'M',
  expiry: '300115',
  name: PUBLISHED[2],
}

function read(text: string) {
  return parseChipIdMrz(text, TODAY)
}

function personOf(text: string) {
  const parsed = read(text)
  if (!parsed.ok) throw new Error(parsed.issue)
  return parsed.value
}

test('the published example is read, and the mock writes it', () => {
  expect(personOf(TEXT)).toEqual({
    citizenId: '038090001234',
    name: { fullName: 'NGUYEN VAN AN', letters: 'NGUYEN VAN AN', isCut: false },
    birthDate: '1990-01-15',
    sex: 'male',
  })
  expect(zoneOf(AN)).toBe(TEXT)
})

function replaceAt(text: string, at: number, char: string): string {
  return text.slice(0, at) + char + text.slice(at + 1)
}

describe('what scanners add is no part of a zone', () => {
  test.each([
    ['lines that end in CR LF, and one more', `${PUBLISHED.join('\r\n')}\r\n`],
    ['lines that end in CR', PUBLISHED.join('\r')],
    ['no line ends', PUBLISHED.join('')],
    ['blanks and tabs around each line', PUBLISHED.map((line) => ` \t${line}  `).join('\n')],
    ['empty lines between', PUBLISHED.join('\n\n\r\n')],
    ['STX, ETX and NUL', `\u0002${PUBLISHED.join('\u001d')}\u0003\u0000`],
    ['a BOM and characters without width', `\uFEFF${PUBLISHED.join('\u200B\n')}\u2060`],
    ['an AIM identifier', `]o1${TEXT}`],
    ['small letters of a keyboard', TEXT.toLowerCase()],
  ])('%s', (_, text) => {
    expect(read(text)).toEqual(read(TEXT))
  })

  test.each([
    ['a filler that became a blank', TEXT.replace('VAN<AN', 'VAN AN'), 'mrz_length'],
    ['a line of 29', TEXT.replace('<<2', '<2'), 'mrz_length'],
    ['a line of 31', TEXT.replace('<<2', '<<<2'), 'mrz_length'],
    ['two lines of three', PUBLISHED.slice(0, 2).join('\n'), 'mrz_length'],
    ['a passport’s two lines of 44', `P<VNMNGUYEN<<VAN<AN${'<'.repeat(25)}\n${'<'.repeat(44)}`, 'mrz_length'],
    ['the QR', '038090001234|172000001|Nguyễn Văn An|15011990|Nam|Thôn 1|31052021', 'mrz_characters'],
    ['letters with accents', TEXT.replace('NGUYEN', 'NGUYÊN'), 'mrz_characters'],
    ['letters that only look like these', TEXT.replace('NGUYEN', 'NGUY\u0415N'), 'mrz_characters'],
    ['a dotless i, which upper-cases into one', TEXT.replace('VAN', 'V\u0131N'), 'mrz_characters'],
    ['digits of another script', TEXT.replace('038090', '\u0660\u0663\u0668090'), 'mrz_characters'],
    ['a quotation mark that OCR makes of two fillers', TEXT.replace('N<<V', 'N\u00ABV'), 'mrz_characters'],
    ['half a surrogate pair', TEXT.replace('VAN', 'V\uD83DN'), 'mrz_characters'],
    ['nothing', '', 'mrz_length'],
    ['white space', ' \r\n\t', 'mrz_length'],
    ['a card of another state', TEXT.replace('IDVNM', 'IDFRA'), 'mrz_not_chip_id'],
    ['a residence permit', TEXT.replace('IDVNM', 'IRVNM'), 'mrz_not_chip_id'],
    ['another nationality', TEXT.replace('6VNM<', '6LAO<'), 'mrz_layout'],
    ['a sex of X', TEXT.replace('8M3', '8X3'), 'mrz_layout'],
  ])('but not guessed at: %s', (_, text, issue) => {
    expect(read(text)).toEqual({ ok: false, issue })
  })
})

describe('a misread digit is named, not mended', () => {
  test.each([
    ['the document number', 5, 13, 'mrz_check_document_number'],
    ['its check digit', 14, 14, 'mrz_check_document_number'],
    ['the personal number', 15, 26, 'mrz_check_personal_number'],
    ['its check digit', 29, 29, 'mrz_check_personal_number'],
    ['the birth date', 30, 35, 'mrz_check_birth_date'],
    ['its check digit', 36, 36, 'mrz_check_birth_date'],
    ['the expiry date', 38, 43, 'mrz_check_expiry'],
    ['its check digit', 44, 44, 'mrz_check_expiry'],
    ['the composite digit', 59, 59, 'mrz_check_composite'],
  ] as const)('%s', (_, from, to, issue) => {
    for (let at = from; at <= to; at++)
      for (let digit = 0; digit <= 9; digit++) {
        const changed = replaceAt(ZONE, at, String(digit))
        if (changed !== ZONE) expect(read(changed), `${at} ${digit}`).toEqual({ ok: false, issue })
      }
  })

  test('two that hide one another from a field are seen by the digit of all', () => {
    // one less of weight 7 and nine more of weight 3 are 20; as the digit of all weighs them, 6
    const changed = replaceAt(replaceAt(ZONE, 30, '8'), 31, '9')
    expect(read(changed)).toEqual({ ok: false, issue: 'mrz_check_composite' })
  })
})

describe('each change of one character', () => {
  /** What no check digit of TD1 covers: the sex and the name. Everything else is refused, whatever it became. */
  const SEX = 37
  const NAME = 60
  const ALPHABET = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<')

  test('is refused, but of the sex and the name, which another person has', () => {
    for (let at = 0; at < ZONE.length; at++)
      for (const char of ALPHABET) {
        const changed = replaceAt(ZONE, at, char)
        if (changed === ZONE) continue
        const parsed = read(changed)
        if (at !== SEX && at < NAME) expect(parsed.ok, `${at} ${char}`).toBe(false)
        if (!parsed.ok) continue
        // never the same person again, and never another number or birth date
        expect(parsed.value, `${at} ${char}`).not.toEqual(personOf(TEXT))
        expect(parsed.value).toMatchObject({ citizenId: '038090001234', birthDate: '1990-01-15' })
      }
  })

  test('of anybody’s zone likewise', () => {
    fc.assert(
      fc.property(zones, fc.nat(89), fc.constantFrom(...ALPHABET), (zone, at, char) => {
        const whole = zone.replaceAll('\n', '')
        const changed = replaceAt(whole, at, char)
        fc.pre(changed !== whole)
        const parsed = read(changed)
        if (at !== SEX && at < NAME) expect(parsed.ok).toBe(false)
        else if (parsed.ok) expect(parsed).not.toEqual(read(whole))
      }),
      { ...RUNS, numRuns: 1000 },
    )
  })
})

const digits = (length: number) =>
  fc.nat({ max: 10 ** length - 1 }).map((number) => String(number).padStart(length, '0'))

/** People of 1926 to 2025, so that no birth is in the future. */
const zones = fc
  .record({
    place: fc.integer({ min: 1, max: 96 }),
    year: fc.integer({ min: 1926, max: 2025 }),
    month: fc.integer({ min: 1, max: 12 }),
    day: fc.integer({ min: 1, max: 28 }),
    female: fc.boolean(),
    tail: digits(6),
    expiry: fc.constantFrom('991231', '300115', '<<<<<<'),
    name: fc.constantFrom(
      'Nguyễn Văn An',
      "H'Hen Niê",
      'Đỗ Thị Thúy Hoà',
      'Ý',
      'Tôn Nữ Hoàng Thị Phương Khánh Huyền Trang',
    ),
  })
  .map(({ place, year, month, day, female, tail, expiry, name }) => {
    const yy = String(year % 100).padStart(2, '0')
    const century = (year < 2000 ? 0 : 2) + (female ? 1 : 0)
    const personal = `${String(place).padStart(3, '0')}${century}${yy}${tail}`
    return zoneOf({
      document: personal.slice(3),
      personal,
      birth: `${yy}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`,
      sex: female ? 'F' : 'M',
      expiry,
      name: nameLine(name),
    })
  })

test('everybody’s zone is read', () => {
  fc.assert(
    fc.property(zones, (zone) => {
      expect(read(zone)).toMatchObject({ ok: true })
    }),
    RUNS,
  )
})

test('no text makes it throw, or is accepted with a wrong check digit', () => {
  const zoneLike = fc.string({ unit: fc.constantFrom(...'IDVNM0123456789<ABZ\n \r'), minLength: 80, maxLength: 110 })
  const spliced = fc
    .tuple(fc.string({ unit: 'binary', maxLength: 20 }), fc.nat(TEXT.length))
    .map(([noise, at]) => TEXT.slice(0, at) + noise + TEXT.slice(at))
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), zoneLike, spliced), (text) => {
      const parsed = read(text)
      // nothing but invisible and blank noise leaves a zone what it was
      if (parsed.ok) expect(parsed.value.citizenId).toBe('038090001234')
    }),
    { ...RUNS, numRuns: 1000 },
  )
  expect(read('<'.repeat(5_000_000))).toEqual({ ok: false, issue: 'mrz_too_long' })
})

/** Doc 9303, written a second time: places of the 90 characters. */
const COVERED: readonly (readonly [issue: string, digit: number, ...spans: (readonly [number, number])[]])[] = [
  ['mrz_check_document_number', 14, [5, 14]],
  ['mrz_check_personal_number', 29, [15, 29]],
  ['mrz_check_birth_date', 36, [30, 36]],
  ['mrz_check_expiry', 44, [38, 44]],
  ['mrz_check_composite', 59, [5, 30], [30, 37], [38, 45], [48, 59]],
]

function firstWrong(zone: string): string | null {
  const values = new Map(Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', (char, value) => [char, value]))
  const wrong = COVERED.find(([, digit, ...spans]) => {
    const covered = spans.map(([from, to]) => zone.slice(from, to)).join('')
    const sum = Array.from(covered).reduce(
      (total, char, i) => total + (values.get(char) ?? 0) * ([7, 3, 1][i % 3] ?? 0),
      0,
    )
    return zone[digit] !== String(sum % 10)
  })
  return wrong?.[0] ?? null
}

test('several misreads at once: never accepted with a wrong check digit, and the first wrong one is named', () => {
  const misreads = fc.array(fc.tuple(fc.nat(59), fc.constantFrom(...'0123456789<OIZSB')), {
    minLength: 1,
    maxLength: 4,
  })
  let [named, accepted] = [0, 0]
  fc.assert(
    fc.property(zones, misreads, (zone, changes) => {
      const whole = zone.replaceAll('\n', '')
      const changed = changes.reduce((text, [at, char]) => replaceAt(text, at, char), whole)
      const [parsed, wrong] = [read(changed), firstWrong(changed)]
      if (parsed.ok) {
        accepted++
        expect(wrong).toBeNull()
      } else if (parsed.issue.startsWith('mrz_check_')) {
        named++
        expect(parsed.issue).toBe(wrong)
      }
    }),
    { ...RUNS, numRuns: 2_000 },
  )
  expect(named).toBeGreaterThan(500)
  expect(accepted).toBeGreaterThan(0) // what was changed into itself
})

describe('misreads that no check digit sees', () => {
  test.each([
    // 6 and G, 0 and A, 8 and I are 10 or 20 apart
    ['a letter in the personal number', { personal: '03809000I234' }, 'citizen_id_not_digits'],
    ['another document number, digits and all', { document: '090001235' }, 'mrz_numbers_differ'],
    ['a letter in the birth date', { birth: '9A0115' }, 'date_shape'],
    ['half a filler in the birth date', { birth: '90<115' }, 'date_shape'],
    ['a day of an unknown month', { birth: '90<<15' }, 'date_impossible'],
    ['a birth on 30 February', { birth: '900230' }, 'date_impossible'],
    ['an expiry in month 13', { expiry: '301301' }, 'mrz_expiry_impossible'],
    ['a digit in the name', { name: AN.name.replace('VAN', 'V4N') }, 'mrz_name'],
    ['a name behind fillers', { name: '<NGUYEN<<VAN<AN<<<<<<<<<<<<<<<' }, 'mrz_name'],
    ['no name', { name: '<'.repeat(30) }, 'mrz_name'],
    ['three fillers between names', { name: AN.name.replace('<<VAN', '<<<VA') }, 'mrz_name'],
  ])('%s', (_, over, issue) => {
    expect(read(zoneOf({ ...AN, ...over }))).toEqual({ ok: false, issue })
  })
})

describe('the century of two digits', () => {
  test.each([
    ['038090001234', '900115', '1990-01-15'],
    ['038205001234', '050115', '2005-01-15'],
    ['038005001234', '050115', '1905-01-15'],
    ['038226001234', '261124', '2026-11-24'], // born today
    // the year was corrected and the number kept: the nearest year, across the century too
    ['038099001234', '000115', '2000-01-15'],
    ['038200001234', '990115', '1999-01-15'],
    ['038090001234', '850115', '1985-01-15'],
    // a number of a century that has not begun is no reason to be born in it
    ['038490001234', '200115', '2020-01-15'],
    ['038225001234', '300115', '1930-01-15'],
  ])('%s and %s: %s', (personal, birth, date) => {
    const zone = zoneOf({ ...AN, personal, document: personal.slice(3), birth })
    expect(personOf(zone).birthDate).toBe(date)
  })

  test.each([
    ['tomorrow', '038226001234', '261125'],
    ['in a century that no card is of yet', '038990001234', '900115'],
  ])('a birth %s is refused, not moved into the past', (_, personal, birth) => {
    const zone = zoneOf({ ...AN, personal, document: personal.slice(3), birth })
    expect(read(zone)).toEqual({ ok: false, issue: 'date_in_future' })
  })

  test.each([
    ['90<<<<', '1990'],
    ['9001<<', '1990-01'],
    ['900000', '1990'],
  ])('%s: what is unknown of it stays so', (birth, date) => {
    expect(personOf(zoneOf({ ...AN, birth })).birthDate).toBe(date)
  })
})
