import { checkInFile, claimFile } from '../mocks/dossier/file.ts'
import { paperTables } from '../mocks/dossier/papers.ts'
import { checkInTables, claimTables, type Row, type Tables } from '../mocks/dossier/visit.ts'
import { type Person, person } from '../mocks/province/person.ts'
import { isoDate } from '../src/calendar.ts'
import { checkDossier } from '../src/claim-share/dossier/check.ts'
import { readDossier } from '../src/claim-share/dossier/dossier.ts'
import { type Finding, type FindingCode, Findings } from '../src/claim-share/dossier/finding.ts'
import type { FieldSpec } from '../src/claim-share/dossier/table.ts'
import { standardOn } from '../src/claim-share/dossier/tables.ts'
import type { ShareKind } from '../src/claim-share/entry.ts'
import { subjectOf } from '../src/claim-share/subject.ts'
import { ServiceError } from '../src/errors.ts'

/** Generated dossiers, each single field of all tables broken in every way there is, and what must be found of it. */
export const FACILITY = '38001'
const NOW = new Date('2026-11-24T03:00:00Z')
export const DAY = isoDate('2026-11-20')
const province = { seed: 'dossiers', baseDate: isoDate('2026-11-24') }

/** Somebody with one card that has an end: each field of theirs can be broken. */
export function insured(from: number): Person {
  for (let n = from; ; n++) {
    const someone = person(province, n)
    const card = someone.coverages[0]
    if (someone.coverages.length === 1 && card?.citizenId && card.validTo !== null) return someone
  }
}

export const visitOf = (n: number, day = DAY) => ({ facility: FACILITY, visitId: `L-${n}`, day, seed: 'dossiers' })

/** A visit with XML1–XML3; `whole`: with all papers too. */
export function claim(n: number, whole = false): Tables {
  const someone = insured(n * 3)
  const tables = claimTables(someone, visitOf(n))
  return whole ? { ...tables, ...paperTables(someone, visitOf(n), tables['XML1']?.[0] ?? {}) } : tables
}

export async function findingsOf(file: string, kind: ShareKind = 'claim'): Promise<readonly Finding[]> {
  const dossier = await readDossier(Buffer.from(file), kind)
  const { day } = subjectOf(dossier, FACILITY, null, NOW)
  const findings = new Findings()
  checkDossier(dossier, standardOn(day), day, findings)
  return findings.kept
}

interface Break {
  /** Null: the element is taken out. */
  readonly text: string | null
  readonly expected: FindingCode | 'refused' | 'nothing'
}

export interface FieldCase {
  readonly table: string
  readonly field: FieldSpec
}

export const FIELD_CASES: readonly FieldCase[] = [...standardOn('20261120').tables].flatMap(([table, { fields }]) =>
  fields.map((field) => ({ table, field })),
)

/** How a field can be broken, and as what it is found. */
function breaksOf({ table, field }: FieldCase): Break[] {
  const { name, type, lengthMax, codes } = field
  const says = table === 'XML0' || table === 'XML1'
  // without it a file is no visit's, or no facility's; with another it is somebody else's
  const names = name === 'MA_LK' ? says : name === 'MA_CSKCB' && table === 'XML0'
  const otherIsRefused = name === 'MA_LK' || (name === 'MA_CSKCB' && says)
  const breaks: Break[] = [
    { text: null, expected: names ? 'refused' : field.doubtful ? 'nothing' : 'field_missing' },
    { text: '', expected: names ? 'refused' : field.required ? 'field_required' : 'nothing' },
  ]
  const add = (text: string, code: FindingCode) => breaks.push({ text, expected: otherIsRefused ? 'refused' : code })
  if (lengthMax !== null) add('9'.repeat(lengthMax + 1), 'field_too_long')
  if (name === 'MA_DOITUONG_KCB') add('4.4', 'field_not_code')
  else if (codes !== null) add('#', 'field_not_code')
  else if (type === 'number') add('x', 'field_not_number')
  else if (type === 'instant') {
    add('202602300700', 'field_not_date')
    add('202602100760', 'field_not_date')
  } else if (type === 'day') add('20260230', 'field_not_date')
  else if (type === 'birth') add('199013450000', 'field_not_date')
  else if (type === 'facility') add('38-01', 'field_not_facility')
  else if (type === 'card') add('GD', 'field_not_card')
  return breaks
}

/** What one field's fault may bring about beside itself: sums, order, lists that go in step. */
const FOLLOWS: ReadonlySet<FindingCode> = new Set([
  'amount_sum',
  'amount_lines',
  'amount_product',
  'dates_disorder',
  'cards_uneven',
])

function claimWith(n: number, table: string): Tables {
  const { XML1 = [], XML2 = [], XML3 = [], ...papers } = claim(n, !/^XML[123]$/.test(table))
  return { XML1, XML2, XML3, ...(papers[table] === undefined ? {} : { [table]: papers[table] }) }
}

/** In dossier `n` the field of one row of its table: each way in which it was not found as it must be. */
export async function wrongOf({ table, field }: FieldCase, n: number): Promise<string[]> {
  const wrong: string[] = []
  const isClaim = table !== 'XML0'
  const whole = isClaim ? claimWith(n, table) : checkInTables(insured(n * 3), visitOf(n))
  const rows = whole[table] ?? []
  const at = n % Math.max(1, rows.length)
  for (const { text, expected } of breaksOf({ table, field })) {
    const broken: Row = { ...rows[at] }
    if (text === null) delete broken[field.name]
    else broken[field.name] = text
    const tables: Tables = { ...whole, [table]: rows.toSpliced(at, 1, broken) }
    const said = await outcomeOf(
      isClaim ? claimFile(tables, FACILITY) : checkInFile(tables),
      isClaim ? 'claim' : 'checkIn',
    )
    const tell = (what: string) => wrong.push(`${table} ${field.name} = ${JSON.stringify(text)}, dossier ${n}: ${what}`)
    if (said === 'refused' || expected === 'refused') {
      if (said !== expected) tell(`${said === 'refused' ? said : 'taken'}, not ${expected}`)
      continue
    }
    const place = (each: Finding) => each.table === table && each.row === at + 1 && each.field === field.name
    const own = said.filter((each) => place(each) && !FOLLOWS.has(each.code))
    const codes = own.map(({ code }) => code).join(' ')
    if (codes !== (expected === 'nothing' ? '' : expected)) tell(`found as "${codes}", not ${expected}`)
    if (own.some(({ path }) => !path.endsWith(`/${field.name}`))) tell('its path leads elsewhere')
    const others = said.filter((each) => !own.includes(each) && !FOLLOWS.has(each.code))
    for (const { code, table: where, field: which } of others) tell(`${code} of ${where} ${which} too`)
    // named by place and rule, never by what stands there
    if (text !== null && text.length > 3 && JSON.stringify(said).includes(text)) tell('its value is shown')
  }
  return wrong
}

async function outcomeOf(file: string, kind: ShareKind): Promise<readonly Finding[] | 'refused'> {
  try {
    return await findingsOf(file, kind)
  } catch (error) {
    if (error instanceof ServiceError) return 'refused'
    throw error
  }
}
