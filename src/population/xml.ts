import { SaxesParser } from 'saxes'
import { refused } from './failure.ts'

/** Envelope, body, answer, result, flag are 5; X-Road's headers reach 4. */
const DEPTH_MAX = 16
/** An answer has 5 elements, X-Road's headers some 20. */
const ELEMENTS_MAX = 256

export interface XmlElement {
  readonly uri: string
  readonly local: string
  readonly children: XmlElement[]
  /** Its own text, not its children's. */
  text: string
}

/**
 * The tree of a small document, or a `RegistryFailure`. Namespaces are resolved. Refused beside what is not well formed:
 * a DOCTYPE (so no entity beyond XML's own five is ever known), processing instructions, XML 1.1, an encoding other than
 * UTF-8, more depth or elements than any answer of ours has. How long a text may be is the reader's of bytes.
 */
export function readXml(text: string): XmlElement {
  const parser = new SaxesParser({ xmlns: true, position: false })
  const open: XmlElement[] = []
  let root: XmlElement | null = null
  let elements = 0
  parser.on('error', () => {
    throw refused('not well-formed XML')
  })
  parser.on('doctype', () => {
    throw refused('a DOCTYPE')
  })
  parser.on('processinginstruction', () => {
    throw refused('a processing instruction')
  })
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== undefined && version !== '1.0') throw refused('not XML 1.0')
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') throw refused('not UTF-8')
  })
  parser.on('opentag', ({ uri, local }) => {
    if (open.length >= DEPTH_MAX) throw refused('nested too deep')
    if (++elements > ELEMENTS_MAX) throw refused('too many elements')
    const element: XmlElement = { uri, local, children: [], text: '' }
    open.at(-1)?.children.push(element)
    root ??= element
    open.push(element)
  })
  parser.on('closetag', () => {
    open.pop()
  })
  const addText = (more: string) => {
    const element = open.at(-1)
    if (element !== undefined) element.text += more
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.write(text).close()
  if (root === null) throw refused('no element')
  return root
}

/** The only child of that name; null: none. Of two it cannot be said which one is meant. */
export function childOf(parent: XmlElement, uri: string, local: string): XmlElement | null {
  const found = parent.children.filter((each) => each.uri === uri && each.local === local)
  if (found.length > 1) throw refused(`two elements ${local}`)
  return found[0] ?? null
}

/** The text of an element that holds nothing else. */
export function textOf(element: XmlElement): string {
  if (element.children.length > 0) throw refused(`elements in ${element.local}`)
  return element.text.trim()
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#13;', // a parser would read it as a line feed
}

/** Text as an element's or an attribute's content. What XML 1.0 cannot hold at all becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replaceAll(/[&<>"'\r]/g, (each) => ESCAPES[each] ?? each)
}
