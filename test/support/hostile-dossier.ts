import { parentPort } from 'node:worker_threads'
import { envelope, fileOf } from '../../mocks/dossier/file.ts'
import { checkDossier } from '../../src/claim-share/dossier/check.ts'
import { readDossier } from '../../src/claim-share/dossier/dossier.ts'
import { Findings } from '../../src/claim-share/dossier/finding.ts'
import { checkSignature } from '../../src/claim-share/dossier/signature.ts'
import { standardOn } from '../../src/claim-share/dossier/tables.ts'
import { subjectOf } from '../../src/claim-share/subject.ts'
import { ServiceError } from '../../src/errors.ts'

/** A thread of its own with a bounded heap, which reads hostile files of the size that the door lets in. */

/** What a body may have: 8 MiB. */
const BYTES = 8 * 1024 * 1024
const INNER = Math.floor((BYTES * 3) / 4) - 4_096
const FACILITY = '38001'

const filled = (bytes: number, part: string) => part.repeat(Math.floor(bytes / part.length))
const inner = (xml: string) => envelope([fileOf('XML1', xml)], FACILITY)
const row = `<MA_LK>L</MA_LK><MA_CSKCB>${FACILITY}</MA_CSKCB>`
const summary = `<TONG_HOP>${row}</TONG_HOP>`
const beside = (xml: string) => envelope([fileOf('XML1', summary)], FACILITY).replace('</HOSO>', `</HOSO>${xml}`)

export const HOSTILE: Readonly<Record<string, () => string>> = {
  'elements in elements of a table': () => inner(filled(INNER, '<a>')),
  'elements beside elements of a table': () => inner(`<TONG_HOP>${row}${filled(INNER - 200, '<a/>')}</TONG_HOP>`),
  attributes: () => `<GIAMDINHHS ${Array.from({ length: 700_000 }, (_, n) => `a${n}=""`).join(' ')}/>`,
  'one text': () => inner(`<TONG_HOP>${row}<GHI_CHU>${filled(INNER - 200, 'x')}</GHI_CHU></TONG_HOP>`),
  'references to characters': () =>
    inner(`<TONG_HOP>${row}<GHI_CHU>${filled(INNER - 200, '&#120;')}</GHI_CHU></TONG_HOP>`),
  comments: () => beside(filled(BYTES - 2_000, '<!---->')),
  files: () =>
    envelope(
      Array.from({ length: 60_000 }, () => fileOf('XML1', '<a/>')),
      FACILITY,
    ),
  'entities of entities': () => {
    const levels = Array.from({ length: 30 }, (_, n) => `<!ENTITY e${n + 1} "&e${n};&e${n};">`).join('')
    return inner(`<!DOCTYPE a [<!ENTITY e0 "x">${levels}]><TONG_HOP>&e30;</TONG_HOP>`)
  },
  'a signature of many references': () => {
    const reference = '<Reference URI="#a"><Transforms><Transform Algorithm="x"/></Transforms></Reference>'
    const signature = `<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>${filled(4_000_000, reference)}</SignedInfo></Signature>`
    return inner(summary).replace('<CHUKYDONVI>', `<CHUKYDONVI>${signature}`)
  },
}

export interface HostileOutcome {
  readonly outcome: string
  /** How often others could run meanwhile. */
  readonly turns: number
}

async function read(file: string): Promise<string> {
  try {
    const dossier = await readDossier(Buffer.from(file), 'claim')
    const { day } = subjectOf(dossier, FACILITY, null, new Date('2026-11-24T03:00:00Z'))
    const findings = new Findings()
    checkDossier(dossier, standardOn(day), day, findings)
    return `taken, ${findings.total} findings, signature ${checkSignature(dossier, new Date()).outcome}`
  } catch (error) {
    if (error instanceof ServiceError) return `${error.code}: ${error.detail}`
    throw error
  }
}

parentPort?.on('message', async (name: string) => {
  const file = HOSTILE[name]?.() ?? ''
  if (Buffer.byteLength(file) > BYTES + 64) throw new Error(`${name}: ${Buffer.byteLength(file)} bytes`)
  let turns = 0
  let over = false
  const turn = () => {
    turns++
    if (!over) setImmediate(turn)
  }
  setImmediate(turn)
  const outcome = await read(file)
  over = true
  parentPort?.postMessage({ outcome, turns } satisfies HostileOutcome)
})
