import { setImmediate } from 'node:timers/promises'
import { SaxesParser } from 'saxes'
import { ServiceError } from '../../errors.ts'

/** The envelope, a signature in it and XAdES beside that are 12 deep; a table is 4. */
const DEPTH_MAX = 24
/**
 * Elements and attributes of a dossier, tables included: some 4,000 rows of XML3 with 47 fields each. A long stay has some
 * hundreds. 200,000 take 40 MB while they are looked at.
 */
export const ELEMENTS_MAX = 200_000
/** Read between two turns of the event loop: 1–2 ms. */
const CHUNK_CHARS = 32_768

export interface XmlElement {
  readonly name: string
  readonly children: XmlElement[]
  /** Its own text, not its children's. */
  text: string
}

/** What may still be read of one dossier. */
export interface Budget {
  elements: number
}

export function newBudget(): Budget {
  return { elements: ELEMENTS_MAX }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text of a document; `place` is what a refusal names. A byte order mark is no part of it. */
export function decodeUtf8(bytes: Uint8Array, place: string): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw unreadable(place, 'not UTF-8')
  }
}

/**
 * The tree of a document. Refused: what is not well formed, a DOCTYPE (so no entity beyond XML's own five is ever known),
 * processing instructions, XML 1.1, another encoding, more depth or elements than a dossier has. Attributes are not read;
 * they count as elements. The event loop turns between chunks, so that checks come in between.
 */
export async function readXml(text: string, budget: Budget, place: string): Promise<XmlElement> {
  const refuse = (why: string): never => {
    throw unreadable(place, why)
  }
  const parser = new SaxesParser({ xmlns: false, position: false })
  const open: XmlElement[] = []
  let root: XmlElement | null = null
  const spend = () => {
    if (--budget.elements < 0) refuse(`more than ${ELEMENTS_MAX} elements`)
  }
  parser.on('error', () => refuse('not well-formed XML')) // its text may hold a value
  parser.on('doctype', () => refuse('a DOCTYPE'))
  parser.on('processinginstruction', () => refuse('a processing instruction'))
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== undefined && version !== '1.0') refuse('not XML 1.0')
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') refuse('not UTF-8')
  })
  parser.on('attribute', spend)
  parser.on('opentag', ({ name }) => {
    if (open.length >= DEPTH_MAX) refuse('nested too deep')
    spend()
    const element: XmlElement = { name, children: [], text: '' }
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
  for (let at = 0; at < text.length; at += CHUNK_CHARS) {
    if (at > 0) await setImmediate()
    parser.write(text.slice(at, at + CHUNK_CHARS))
  }
  parser.close()
  return root ?? refuse('no element')
}

/** It cannot be a dossier at all; where and why, never what stands there. */
export function unreadable(place: string, why: string): ServiceError {
  return new ServiceError('dossier_unreadable', { detail: `${place}: ${why}` })
}

export function childrenOf(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((each) => each.name === name)
}
