import { ServiceError } from '../../errors.ts'
import type { ShareKind } from '../entry.ts'
import { decodeBase64, withoutSpace } from './base64.ts'
import { type Budget, childrenOf, decodeUtf8, newBudget, readXml, unreadable, type XmlElement } from './xml.ts'

export interface Row {
  /** 1 is the first of its table. */
  readonly number: number
  /** As XPath writes it, within the table. */
  readonly path: string
  /** Trimmed texts; of a field that stands twice the first. */
  readonly fields: ReadonlyMap<string, string>
  readonly repeated: readonly string[]
}

export interface Table {
  /** `XML1`; what LOAIHOSO says. */
  readonly name: string
  /** The element that holds it. */
  readonly path: string
  readonly rows: readonly Row[]
}

/** A file of one visit, read but not checked. */
export interface Dossier {
  readonly kind: ShareKind
  readonly text: string
  readonly root: XmlElement
  readonly tables: readonly Table[]
  /** Elements of the envelope, the signature among them. */
  readonly envelopeElements: number
}

/** The standard has 14 that travel. Each has a parser of its own, and 60,000 would keep everybody else waiting for a second. */
const FILES_MAX = 64

const ROOTS: Readonly<Record<ShareKind, string>> = { claim: 'GIAMDINHHS', checkIn: 'CHI_TIEU_TRANG_THAI_KCB' }

/** The bytes as they were signed, opened down to the rows. Refuses what cannot be a dossier of this kind. */
export async function readDossier(bytes: Uint8Array, kind: ShareKind): Promise<Dossier> {
  const budget = newBudget()
  const before = budget.elements
  const text = decodeUtf8(bytes, '/')
  const root = await readXml(text, budget, '/')
  const envelopeElements = before - budget.elements
  if (root.name !== ROOTS[kind]) throw unreadable('/', `the root of a ${kind} is ${ROOTS[kind]}`)
  const tables = kind === 'claim' ? await readClaim(root, budget) : [readCheckIn(root)]
  return { kind, text, root, tables, envelopeElements }
}

function readCheckIn(root: XmlElement): Table {
  const path = '/CHI_TIEU_TRANG_THAI_KCB'
  const inner = { ...root, children: root.children.filter(({ name }) => name !== 'CHUKYDONVI') }
  return { name: 'XML0', path, rows: rowsOf(inner, path) }
}

async function readClaim(root: XmlElement, budget: Budget): Promise<Table[]> {
  const files = visitOf(root)
  if (files.length > FILES_MAX) throw unreadable(`${HOSO}/FILEHOSO`, `more than ${FILES_MAX}`)
  const tables: Table[] = []
  for (const [n, file] of files.entries()) {
    const path = `${HOSO}/FILEHOSO[${n + 1}]`
    const name = onlyText(file, 'LOAIHOSO', path)
    if (!/^XML\d{1,2}$/.test(name)) throw unreadable(`${path}/LOAIHOSO`, 'no name of a table')
    const content = withoutSpace(onlyText(file, 'NOIDUNGFILE', path))
    if (content === '') continue // the portal's own pattern lists all tables, and leaves out what there is none of
    const bytes = decodeBase64(content)
    if (bytes === null) throw unreadable(`${path}/NOIDUNGFILE`, `${name} is not base64`)
    const inner = await readXml(decodeUtf8(bytes, name), budget, name)
    tables.push({ name, path: `${path}/NOIDUNGFILE`, rows: rowsOf(inner, `/${inner.name}`) })
  }
  return tables
}

const LIST = '/GIAMDINHHS/THONGTINHOSO/DANHSACHHOSO'
const HOSO = `${LIST}/HOSO`

function visitOf(root: XmlElement): XmlElement[] {
  const [list] = [root].flatMap((each) => only(each, 'THONGTINHOSO')).flatMap((each) => only(each, 'DANHSACHHOSO'))
  if (list === undefined) throw unreadable(LIST, 'not there')
  const visits = childrenOf(list, 'HOSO')
  if (visits.length > 1) throw new ServiceError('dossier_several_visits')
  const [visit] = visits
  if (visit === undefined) throw unreadable(HOSO, 'not there')
  return childrenOf(visit, 'FILEHOSO')
}

/** Of two elements it cannot be said which one is meant. */
function only(parent: XmlElement, name: string): XmlElement[] {
  const found = childrenOf(parent, name)
  if (found.length > 1) throw unreadable(name, 'stands twice')
  return found
}

function onlyText(parent: XmlElement, name: string, path: string): string {
  const [found] = only(parent, name)
  if (found === undefined) throw unreadable(`${path}/${name}`, 'not there')
  if (found.children.length > 0) throw unreadable(`${path}/${name}`, 'holds elements')
  return found.text.trim()
}

/** Text of an element of the envelope; null where it is not there. */
export function envelopeText(root: XmlElement, ...names: readonly string[]): string | null {
  let at: XmlElement | undefined = root
  for (const name of names) at = at && only(at, name)[0]
  return at === undefined ? null : at.text.trim()
}

/** A list that has no row is empty, not a field. */
const LISTS = /^(?:DSACH_|CHI_?TIEU_)/

/**
 * A row is an element whose children hold text only. Found wherever it stands, so that what a table says is seen though it
 * is nested otherwise than the standard has it.
 */
function rowsOf(root: XmlElement, path: string): Row[] {
  const rows: Row[] = []
  const walk = (element: XmlElement, at: string) => {
    const fields = element.children.filter((child) => child.children.length === 0 && !isEmptyList(child))
    if (fields.length > 0) rows.push(rowOf(fields, rows.length + 1, at))
    const nested = element.children.filter((child) => child.children.length > 0)
    nested.forEach((child, n) => {
      walk(child, `${at}/${child.name}${nested.length > 1 ? `[${n + 1}]` : ''}`)
    })
  }
  walk(root, path)
  return rows
}

function isEmptyList({ name, text }: XmlElement): boolean {
  return LISTS.test(name) && text.trim() === ''
}

function rowOf(elements: readonly XmlElement[], number: number, path: string): Row {
  const fields = new Map<string, string>()
  const repeated: string[] = []
  for (const { name, text } of elements) {
    if (fields.has(name)) repeated.push(name)
    else fields.set(name, text.trim())
  }
  return { number, path, fields, repeated }
}
