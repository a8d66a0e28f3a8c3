import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RegistryFailure } from '../../src/population/failure.ts'
import { childOf, escapeXml, readXml, textOf } from '../../src/population/xml.ts'

/** The text of an element, as a strict parser of its own reads it. */
const readBack = (text: string) => readXml(`<a>${escapeXml(text)}</a>`).text

const anyText = fc.string({ unit: 'binary', maxLength: 200 })
const tricky = fc.array(
  fc.constantFrom(']]>', '<!--', '<a>', '&amp;', '&#60;', '"', "'", '\r\n', '\u0000', '\ufffe', 'Đỗ'),
)

describe('escaping', () => {
  test('what a caller wrote would come out as something else, or as an element', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          tricky.map((parts) => parts.join('')),
        ),
        (text) => {
          const representable = text
            .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
            .toWellFormed()
          expect(readBack(text)).toBe(representable)
          expect(escapeXml(text)).not.toMatch(/[<>"']/)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('half a character would reach the parser', () => {
    expect(readBack('a\ud83db')).toBe('a\ufffdb')
  })
})

describe('what is refused', () => {
  test.each([
    ['a DOCTYPE', '<!DOCTYPE a><a/>'],
    ['a DOCTYPE with an entity', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['an external entity', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
    ['entities of entities', `<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>`],
    ['an entity beyond the five', '<a>&nbsp;</a>'],
    ['a processing instruction', '<a><?php echo 1 ?></a>'],
    ['one before the root', '<?xml-stylesheet href="x"?><a/>'],
    ['another encoding', '<?xml version="1.0" encoding="ISO-8859-1"?><a/>'],
    ['XML 1.1', '<?xml version="1.1"?><a/>'],
    ['seventeen levels', '<a>'.repeat(17) + '</a>'.repeat(17)],
    ['257 elements', `<a>${'<b/>'.repeat(256)}</a>`],
    ['two roots', '<a/><b/>'],
    ['no root', '  '],
    ['nothing', ''],
    ['text after the root', '<a/>x'],
    ['a prefix that stands for nothing', '<x:a/>'],
    ['an attribute twice', '<a b="1" b="2"/>'],
    ['an element that is not closed', '<a><b></a>'],
    ['a document that breaks off', '<a><b>'],
    ['a character that XML does not have', '<a>\u0001</a>'],
    ['a reference to one', '<a>&#1;</a>'],
  ])('%s', (_, text) => {
    expect(() => readXml(text)).toThrow(RegistryFailure)
  })

  test('two elements of one name, where one is meant', () => {
    const root = readXml('<a xmlns="u"><b>1</b><c/><b>2</b></a>')
    expect(() => childOf(root, 'u', 'b')).toThrow(RegistryFailure)
    expect(childOf(root, 'u', 'c')).not.toBeNull()
    expect(childOf(root, 'v', 'c')).toBeNull()
  })

  test('elements where a text is meant', () => {
    expect(() => textOf(readXml('<a>true<b/></a>'))).toThrow(RegistryFailure)
  })

  test('and what stands at a bound is read', () => {
    expect(readXml('<a>'.repeat(16) + '</a>'.repeat(16)).local).toBe('a')
    expect(readXml(`<?xml version="1.0" encoding="utf-8"?><a>${'<b/>'.repeat(255)}</a>`).children.length).toBe(255)
    expect(readXml('<!-- c --><a>&lt;&gt;&amp;&quot;&apos;&#65;<![CDATA[<]]></a>').text).toBe('<>&"\'A<')
  })
})

test('a text would crash the reader instead of being refused', () => {
  const soup = fc
    .array(
      fc.oneof(
        anyText,
        fc
          .constantFrom(
            '<',
            '</',
            '/>',
            '>',
            '<a',
            ' b="',
            '"',
            '<![CDATA[',
            ']]>',
            '<!--',
            '-->',
            '<?',
            '?>',
            '&',
            ';',
          )
          .map((each) => each),
        fc.constantFrom(
          '<__proto__ constructor="1"/>',
          '<a xmlns="u">',
          '</a>',
          '<a:b xmlns:a="u"/>',
          '<!DOCTYPE a [',
          ']>',
        ),
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(soup, (text) => {
      try {
        expect(typeof readXml(text).local).toBe('string')
      } catch (error) {
        expect(error).toBeInstanceOf(RegistryFailure)
        // our words only: nothing of what was sent
        expect((error as Error).message).toMatch(/^[a-zA-Z0-9 .-]{3,60}$/)
      }
    }),
    { numRuns: 2_000 },
  )
})
