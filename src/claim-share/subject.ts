import { type IsoDate, parseIsoDate, todayInVietnam } from '../calendar.ts'
import { parseCardOrInsuranceNumber, readCardNumber } from '../coverage/card-number.ts'
import { ServiceError } from '../errors.ts'
import { parseCitizenId } from '../identity/citizen-id.ts'
import type { DossierVisit } from './details.ts'
import { parseDecimal } from './dossier/decimal.ts'
import { type Dossier, envelopeText, type Row } from './dossier/dossier.ts'
import { isStateSecret } from './dossier/secrecy.ts'
import { unreadable } from './dossier/xml.ts'
import type { ClaimShareOutcome } from './entry.ts'

/** Whose visit a dossier is about, as it says itself. */
export interface DossierSubject {
  /** MA_LK. */
  readonly visitId: string
  /** `yyyyMMdd`: when the visit ends, or began; today where it says neither. */
  readonly day: string
  /** The row that says it: of XML1, or the first of a check-in. */
  readonly summary: Row
  /** Personal (12 digits) and insurance numbers (10), the one that leads to the person first. */
  readonly numbers: readonly string[]
}

/** MA_LK is S100. */
const VISIT_ID_MAX = 100

/**
 * What a dossier must be to be this facility's, of one visit. `visitId`: what came beside it, if anything did. Refused
 * before anything of it is stored.
 */
export function subjectOf(dossier: Dossier, facility: string, visitId: string | null, now: Date): DossierSubject {
  if (isStateSecret(dossier.tables)) throw new ServiceError('dossier_state_secret')
  const summaries = dossier.tables.filter(({ name }) => name === (dossier.kind === 'claim' ? 'XML1' : 'XML0'))
  const [summary] = summaries.flatMap(({ rows }) => rows)
  if (summary === undefined) throw unreadable(dossier.kind === 'claim' ? 'XML1' : 'XML0', 'not there, or empty')
  refuseOther(dossier, summary, facility)
  const own = summary.fields.get('MA_LK') ?? ''
  if (own === '' || [...own].length > VISIT_ID_MAX) throw unreadable(`${summary.path}/MA_LK`, '1 to 100 characters')
  const rows = dossier.tables.flatMap((table) => table.rows)
  // a row of another visit is another patient's
  if (rows.some(({ fields }) => (fields.get('MA_LK') ?? own) !== own && fields.get('MA_LK') !== '')) {
    throw new ServiceError('dossier_several_visits')
  }
  if (visitId !== null && visitId !== own) throw new ServiceError('dossier_other_visit')
  return { visitId: own, day: dayOf(summary, now), summary, numbers: numbersOf(summary) }
}

function refuseOther(dossier: Dossier, summary: Row, facility: string): void {
  const said = [
    dossier.kind === 'claim' ? envelopeText(dossier.root, 'THONGTINDONVI', 'MACSKCB') : null,
    ...dossier.tables
      .filter(({ name }) => name === 'XML0' || name === 'XML1')
      .flatMap(({ rows }) => rows.map(({ fields }) => fields.get('MA_CSKCB') ?? null)),
  ].filter((code) => code !== null && code !== '')
  if (said.length === 0) throw unreadable(`${summary.path}/MA_CSKCB`, 'not there')
  if (said.some((code) => code !== facility)) throw new ServiceError('dossier_other_facility')
}

function dayOf({ fields }: Row, now: Date): string {
  for (const field of ['NGAY_RA', 'NGAY_VAO']) {
    const day = /^\d{8}/.exec(fields.get(field) ?? '')?.[0]
    if (day !== undefined && isoOf(day) !== null) return day
  }
  return todayInVietnam(now).replaceAll('-', '')
}

function isoOf(day: string): IsoDate | null {
  return parseIsoDate(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}`)
}

function numbersOf({ fields }: Row): string[] {
  const numbers: string[] = []
  const citizenId = parseCitizenId(fields.get('SO_CCCD') ?? '')
  if (citizenId.ok) numbers.push(citizenId.value)
  for (const text of (fields.get('MA_THE_BHYT') ?? '').split(';').slice(0, 8)) {
    const card = parseCardOrInsuranceNumber(text)
    const personal = parseCitizenId(text)
    if (personal.ok) numbers.push(personal.value)
    else if (card.ok) {
      const { value } = card
      numbers.push(value.kind === 'card' ? readCardNumber(value.cardNumber).insuranceNumber : value.insuranceNumber)
    }
  }
  return [...new Set(numbers)]
}

/** Times and codes of the visit, as they stand there; a text that is longer than its field is none. */
export function visitShown({ fields }: Row): DossierVisit {
  const short = (name: string, max = 12) => {
    const text = fields.get(name) ?? ''
    return text === '' || text.length > max ? null : text
  }
  const list = (name: string) => {
    const text = fields.get(name) ?? ''
    return text === '' || text.length > 200 ? [] : text.split(';').map((each) => each.trim().slice(0, 8))
  }
  const [from, to, registered] = [list('GT_THE_TU'), list('GT_THE_DEN'), list('MA_DKBD')]
  const terms = Math.min(8, Math.max(from.length, to.length, registered.length))
  return {
    ngayVao: short('NGAY_VAO'),
    ngayVaoNoiTru: short('NGAY_VAO_NOI_TRU'),
    ngayRa: short('NGAY_RA'),
    ngayTtoan: short('NGAY_TTOAN'),
    maLoaiKcb: short('MA_LOAI_KCB', 4),
    maDoituongKcb: short('MA_DOITUONG_KCB', 4),
    maLoaiRv: short('MA_LOAI_RV', 2),
    maNoiDi: short('MA_NOI_DI', 5),
    maNoiDen: short('MA_NOI_DEN', 5),
    coverage: Array.from({ length: terms }, (_, n) => ({
      from: from[n] || null,
      to: to[n] || null,
      registeredFacility: registered[n] || null,
    })),
  }
}

type Amounts = Pick<ClaimShareOutcome, 'tTongChiBv' | 'tTongChiBh' | 'tBntt' | 'tBncct' | 'tBhtt' | 'settlementMonth'>

/** What the log shows in the open: numbers only, so that no text of a dossier gets there. */
export function amountsOf({ fields }: Row): Amounts {
  const amount = (name: string) => {
    const text = fields.get(name) ?? ''
    return /^-?\d{1,15}(\.\d{1,9})?$/.test(text) && parseDecimal(text) !== null ? text : null
  }
  return {
    tTongChiBv: amount('T_TONGCHI_BV'),
    tTongChiBh: amount('T_TONGCHI_BH'),
    tBntt: amount('T_BNTT'),
    tBncct: amount('T_BNCCT'),
    tBhtt: amount('T_BHTT'),
    settlementMonth: monthOf(fields.get('NAM_QT') ?? '', fields.get('THANG_QT') ?? ''),
  }
}

function monthOf(year: string, month: string): string | null {
  if (!/^20\d\d$/.test(year) || !/^(?:0?[1-9]|1[0-2])$/.test(month)) return null
  return `${year}-${month.padStart(2, '0')}`
}
