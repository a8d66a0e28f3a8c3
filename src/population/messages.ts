import { createHash } from 'node:crypto'
import type { BirthDate } from '../identity/birth-date.ts'
import type { CitizenId } from '../identity/citizen-id.ts'
import type { FullName } from '../identity/name.ts'
import type { Agreement } from './agreement.ts'
import { RegistryFailure, refused } from './failure.ts'
import { childOf, escapeXml, readXml, textOf } from './xml.ts'

/**
 * `XacThucThongTinCongDan` in SOAP 1.1 (domain §8): does a person of this number, name and birth date exist? Yes or no,
 * the least that the registry can be asked for. Inferred, for want of a public schema: that the answer's element is
 * named after the operation and repeats MaYeuCau.
 */
const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const ASKED = 'http://dancuquocgia.bca'
const ANSWERED = 'http://www.mic.gov.vn/dancu/1.0'

export interface RegistryQuestion {
  /** MaYeuCau: unique, ours, and what the log keeps of the call. */
  readonly transactionId: string
  /** MaCanBo: who asks, at the desk. */
  readonly officer: string
  readonly citizenId: CitizenId
  readonly fullName: FullName
  readonly birthDate: BirthDate
}

export type RegistryAnswer = 'confirmed' | 'notConfirmed'

/** The order of elements is the registry's. */
export function requestText(agreement: Agreement, question: RegistryQuestion): string {
  const element = (name: string, text: string | undefined) =>
    text === undefined ? '' : `<bca:${name}>${escapeXml(text)}</bca:${name}>`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<soapenv:Envelope xmlns:soapenv="${SOAP}" xmlns:bca="${ASKED}"><soapenv:Header/><soapenv:Body>`,
    '<bca:XacThucThongTinCongDan>',
    element('MaYeuCau', question.transactionId),
    element('MaDVC', agreement.serviceCode),
    element('MaTichHop', agreement.integrationCode),
    element('MaCanBo', question.officer),
    element('MaDonVi', agreement.unit),
    element('TaiKhoan', agreement.account),
    element('SoDienThoai', agreement.phone),
    element('SoDinhDanh', question.citizenId),
    element('HoVaTen', question.fullName.normalize('NFC').toLocaleUpperCase('vi')),
    `<bca:NgayThangNamSinh>${birthElement()}</bca:NgayThangNamSinh>`,
    '</bca:XacThucThongTinCongDan></soapenv:Body></soapenv:Envelope>',
  ].join('')

  /** The protocol knows a day or a year; of a month only its year can be asked. */
  function birthElement(): string {
    const { birthDate } = question
    return birthDate.length === 10
      ? element('NgayThangNam', birthDate.replaceAll('-', ''))
      : element('Nam', birthDate.slice(0, 4))
  }
}

export function requestHeaders(agreement: Agreement, url: string, now: Date): Record<string, string> {
  const { user, secret, timestampUnit } = agreement
  const ms = now.getTime()
  const timestamp = String(timestampUnit === 'ms' ? ms : Math.floor(ms / 1000))
  const hash = createHash('sha256').update(`${url}${user}${timestamp}${secret}`).digest('hex')
  return {
    'content-type': 'text/xml; charset=utf-8',
    soapaction: '""',
    timestamp,
    authorization: `Basic ${Buffer.from(`${user}:${hash}`).toString('base64')}`,
    'x-road-client': agreement.xRoadClient,
    apikey: agreement.apiKey,
  }
}

/**
 * What the registry answered to the question of that id, or a `RegistryFailure`: whatever is not exactly an answer to
 * it is none. An answer without a result is the registry's "not found" (domain §8).
 */
export function readAnswer(text: string, transactionId: string): RegistryAnswer {
  const envelope = readXml(text)
  if (envelope.uri !== SOAP || envelope.local !== 'Envelope') throw refused('not an envelope of SOAP 1.1')
  childOf(envelope, SOAP, 'Header')
  const [content, ...more] = childOf(envelope, SOAP, 'Body')?.children ?? []
  if (content === undefined || more.length > 0) throw refused('not one element in the body')
  if (content.uri === SOAP && content.local === 'Fault') throw new RegistryFailure('fault', 'a SOAP fault')
  if (content.uri !== ANSWERED || content.local !== 'XacThucThongTinCongDanResponse') throw refused('another operation')
  const id = childOf(content, ANSWERED, 'MaYeuCau')
  if (id === null || textOf(id) !== transactionId) throw refused('the answer to another request')
  const result = childOf(content, ANSWERED, 'KetQuaXacThuc')
  if (result === null) return 'notConfirmed'
  const exists = childOf(result, ANSWERED, 'TonTai')
  switch (exists === null ? '' : textOf(exists)) {
    case 'true':
    case '1':
      return 'confirmed'
    case 'false':
    case '0':
      return 'notConfirmed'
    default:
      throw refused('TonTai is no boolean')
  }
}
