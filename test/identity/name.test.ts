import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareNames, firstLetterAgrees, parseFullName } from '../../src/identity/name.ts'

const DETERMINISTIC = { seed: 38, numRuns: 500 }

describe('parseFullName', () => {
  test.each([
    ['case is kept', 'NGUYỄN văn An', 'NGUYỄN văn An'],
    ['spaces of any kind become one', '  Nguyễn\u00A0Văn \t An\r\n', 'Nguyễn Văn An'],
    ['decomposed letters are composed', 'Nguyễn Văn An'.normalize('NFD'), 'Nguyễn Văn An'],
    ['zero-width characters and a BOM vanish', '\uFEFFNguy\u200Bễn V\u200Dăn\u2060 An\u200E', 'Nguyễn Văn An'],
    ['a joiner between letter and mark does not stop composing', 'A\u034F\u0301n', 'Án'],
    ['one letter is a name', 'Y', 'Y'],
    ['apostrophe, hyphen and dot are part of names', "H'Hen Niê-Kđăm Jr.", "H'Hen Niê-Kđăm Jr."],
    ['an acute in place of an apostrophe', 'H´Hen Niê', 'H´Hen Niê'],
    ['names of foreigners in their own script', '田中 Владимир', '田中 Владимир'],
    ['255 characters', 'Ễ'.repeat(255).normalize('NFD'), 'Ễ'.repeat(255)],
  ])('%s', (_, text, value) => {
    expect(parseFullName(text)).toEqual({ ok: true, value })
  })

  test.each([
    ['nothing', '', 'name_empty'],
    ['nothing one could see', ' \u200B\uFEFF\u3164\n', 'name_empty'],
    ['256 characters', 'A'.repeat(256), 'name_too_long'],
    ['a flood of marks', `A${'\u0301'.repeat(2048)}`, 'name_too_long'],
    ['letters a scanner could not send', 'Nguy?n V?n An', 'name_garbled'],
    ['letters a decoder replaced', 'Nguy\uFFFDn Văn An', 'name_garbled'],
    ['a number in the wrong field', '038090001234', 'name_not_a_name'],
    ['a digit among letters', 'Nguyễn Văn 4n', 'name_not_a_name'],
    ['a NUL inside', 'Nguyễn\u0000Văn An', 'name_not_a_name'],
    ['an escape character inside', 'Nguyễn\u001B[31m An', 'name_not_a_name'],
    ['a bar: two fields glued', 'Nguyễn|An', 'name_not_a_name'],
    ['half a surrogate pair', 'Nguyễn \uD83D An', 'name_not_a_name'],
    ['a picture', 'Nguyễn An 😀', 'name_not_a_name'],
    ['markup', '<b>An</b>', 'name_not_a_name'],
    ['punctuation alone', '-.-', 'name_not_a_name'],
  ])('refuses %s', (_, text, issue) => {
    expect(parseFullName(text)).toEqual({ ok: false, issue })
  })

  test('never throws; what it accepts is printable, short and stays as it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 300 })),
        (text) => {
          const parsed = parseFullName(text)
          if (!parsed.ok) return
          expect(parsed.value).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}|]{1,255}$/u)
          expect(parseFullName(parsed.value)).toEqual(parsed)
        },
      ),
      DETERMINISTIC,
    )
  })
})

describe('compareNames', () => {
  test.each([
    ['case', 'Nguyễn Văn An', 'NGUYỄN VĂN AN'],
    ['đ and Đ', 'Đặng Đình Đức', 'đặng đình đức'],
    ['composed and decomposed', 'Đỗ Thị Mỹ Hường', 'Đỗ Thị Mỹ Hường'.normalize('NFD')],
    ['decomposed capitals', 'Đỗ Thị Mỹ Hường', 'ĐỖ THỊ MỸ HƯỜNG'.normalize('NFD')],
    ['marks in another order', 'Nguy\u1EC5n', 'Nguye\u0302\u0303n'],
    ['spaces', 'Nguyễn  Văn An ', 'Nguyễn Văn An'],
    ['a letter with one case', 'Strauß', 'STRAUSS'],
  ])('exact whatever the %s', (_, a, b) => {
    expect([compareNames(a, b), compareNames(b, a)]).toEqual(['exact', 'exact'])
  })

  test.each([
    ['accents left out', 'Nguyễn Thị Hường', 'NGUYEN THI HUONG'],
    ['tone on the other vowel: hòa, hoà', 'Lê Thị Hòa', 'Lê Thị Hoà'],
    ['tone on the other vowel: thúy, thuý', 'Lê Thị Thúy', 'Lê Thị Thuý'],
    ['another tone', 'Nguyễn Văn Ngã', 'Nguyễn Văn Ngả'],
    ['d for đ', 'Đoàn Đức', 'Doàn Dức'],
    ['eth for Đ, from an old font', 'Đoàn Đức', 'Ðoàn Ðức'],
    ['i for y alone', 'Lý Thị Mỹ Vy', 'Lí Thị Mĩ Vi'],
    ['i for y behind qu', 'Nguyễn Văn Quý', 'Nguyễn Văn Quí'],
    ['no apostrophe', "H'Hen Niê", 'HHen Niê'],
    ['a space for the apostrophe', "H'Hen Niê", 'H Hen Niê'],
    ['a curly apostrophe', "H'Hen Niê", 'H’Hen Niê'],
    ['no hyphen', 'Y-Bhăm Jean-Paul', 'Y Bhăm Jean Paul'],
    ['no dot', 'St. John', 'St John'],
    ['a lost space', 'Nguyễn VănAn', 'Nguyễn Văn An'],
    ['full-width letters of an input method', 'Ｎguyễn An', 'Nguyễn An'],
  ])('near with %s', (_, a, b) => {
    expect([compareNames(a, b), compareNames(b, a)]).toEqual(['near', 'near'])
  })

  test.each([
    ['another given name', 'Nguyễn Văn An', 'Nguyễn Văn Ân Phúc'],
    ['another order of words', 'Nguyễn Văn An', 'An Nguyễn Văn'],
    ['a word left out', 'Nguyễn Thị Mỹ Hòa', 'Nguyễn Thị Hòa'],
    ['an initial for a word', 'Nguyễn Văn An', 'Nguyễn V. An'],
    ['one letter more', 'Nguyễn Văn An', 'Nguyễn Văn Ang'],
    ['words cut elsewhere', 'Lê Hoa Nam', 'Lê Hoan Am'],
    ['y behind a vowel is another sound', 'Nguyễn Thị Mai', 'Nguyễn Thị May'],
    ['uy is not ui', 'Lê Thúy', 'Lê Thúi'],
    ['nothing left to compare', 'ʼ', 'ʹ'],
    ['another script', '田中', '田村'],
  ])('differs with %s', (_, a, b) => {
    expect([compareNames(a, b), compareNames(b, a)]).toEqual(['differs', 'differs'])
  })

  const words =
    'Nguyễn Trần Lê Phạm Đỗ Đặng Vũ Bùi Hồ Ngô Dương Lý Văn Thị Hữu Đình Ngọc Mỹ Quý Hòa Hoà Thúy Thuý Yến Uyên Ưng Ơn Ý Ỷ'
  const name = fc
    .array(fc.constantFrom(...words.split(' ')), { minLength: 1, maxLength: 6 })
    .map((chosen) => chosen.join(' '))
  const anyText = fc.oneof(name, fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ unit: 'binary' }))

  test('a tidy name is taken as it stands: whatever normalising would say of it, it says too', () => {
    const unit = fc.constantFrom(
      'A',
      'n',
      'ễ',
      'Đ',
      'ư',
      'e\u0302',
      'e',
      '\u0301',
      '\u0300',
      ' ',
      '  ',
      '×',
      "'",
      '1',
      '?',
      '\u212B',
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit, maxLength: 12 }), fc.string({ unit: fc.constant('A'), maxLength: 300 })),
        (text) => {
          // an invisible character in front takes the long way
          expect(parseFullName(text)).toEqual(parseFullName(`\u200B${text}`))
        },
      ),
      { seed: 42, numRuns: 500 },
    )
  })

  test('is the same either way round', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => compareNames(a, b) === compareNames(b, a)),
      DETERMINISTIC,
    )
  })

  test('a name agrees with itself', () => {
    fc.assert(
      fc.property(anyText, (a) => compareNames(a, a) === 'exact'),
      DETERMINISTIC,
    )
  })

  test('Unicode form and case change nothing', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        const expected = compareNames(a, b)
        for (const form of ['NFC', 'NFD'] as const)
          for (const variant of [b, b.toUpperCase(), b.toLowerCase()])
            expect(compareNames(a, variant.normalize(form))).toBe(expected)
      }),
      DETERMINISTIC,
    )
  })

  test('without its accents a name is near, and exact only if it had none', () => {
    fc.assert(
      fc.property(name, (a) => {
        const stripped = a.normalize('NFD').replace(/\p{M}/gu, '').replace(/đ/g, 'd').replace(/Đ/g, 'D')
        expect(compareNames(a, stripped)).toBe(a === stripped ? 'exact' : 'near')
      }),
      DETERMINISTIC,
    )
  })

  test('another letter anywhere is never exact nor near', () => {
    fc.assert(
      fc.property(name, fc.nat(), (a, at) => {
        const letters = [...a]
        const spot = at % letters.length
        if (letters[spot] === ' ') return
        letters[spot] = 'w' // not a Vietnamese letter
        expect(compareNames(a, letters.join(''))).toBe('differs')
      }),
      DETERMINISTIC,
    )
  })
})

test.each([
  ['Nguyễn Văn An', 'ngô Bình', true],
  ['Đặng An', 'Dương An', true],
  ['Ấn', 'An', true],
  ['Nguyễn Văn An', 'Trần Văn An', false],
  ['', '', false],
])('firstLetterAgrees of %s and %s is %s: 061 or 060', (a, b, expected) => {
  expect(firstLetterAgrees(a, b)).toBe(expected)
})
