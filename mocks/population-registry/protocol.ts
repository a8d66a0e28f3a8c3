import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { SaxesParser } from 'saxes'
import { withoutAccents } from '../../src/identity/accents.ts'
import type { Registered } from './people.ts'

/** The registry's side of domain §8, written from the protocol and not from its client. */
const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const ASKED = 'http://dancuquocgia.bca'
const ANSWERED = 'http://www.mic.gov.vn/dancu/1.0'
const SKEW_MS = 300_000

/** What a client must have; both sides of the agreement. */
export interface Credentials {
  readonly user: string
  readonly secret: string
  readonly apiKey: string
  readonly xRoadClient: string
  readonly serviceCode: string
}

export interface Question {
  readonly requestId: string
  readonly officer: string
  readonly citizenId: string
  readonly fullName: string
  readonly birth: { readonly year: string } | { readonly day: string }
}

/** Told to the client as a SOAP fault. */
export class Refusal extends Error {}

export function checkHeaders(headers: IncomingHttpHeaders, url: string, wanted: Credentials, now: Date): void {
  const one = (name: string) => String(headers[name] ?? '')
  const timestamp = one('timestamp')
  const ms = timestamp.length > 11 ? Number(timestamp) : Number(timestamp) * 1000
  if (!(Math.abs(now.getTime() - ms) <= SKEW_MS)) throw new Refusal('Timestamp')
  const hash = createHash('sha256').update(`${url}${wanted.user}${timestamp}${wanted.secret}`).digest('hex')
  const basic = Buffer.from(`Basic ${Buffer.from(`${wanted.user}:${hash}`).toString('base64')}`)
  const given = Buffer.from(one('authorization'))
  if (given.length !== basic.length || !timingSafeEqual(given, basic)) throw new Refusal('Authorization')
  if (one('x-road-client') !== wanted.xRoadClient) throw new Refusal('X-Road-Client')
  if (one('apikey') !== wanted.apiKey) throw new Refusal('ApiKey')
  if (one('soapaction') !== '""') throw new Refusal('SOAPAction')
  if (!/^text\/xml; *charset=utf-8$/i.test(one('content-type'))) throw new Refusal('Content-Type')
}

const SHAPE =
  /^Envelope( Header)? Body XacThucThongTinCongDan MaYeuCau MaDVC MaTichHop MaCanBo( MaDonVi)?( TaiKhoan)?( SoDienThoai)? (SoDinhDanh|SoCMND) HoVaTen NgayThangNamSinh (Nam|NgayThangNam)$/

/** Elements in their order and namespaces; their texts by name. */
export function readQuestion(text: string, wanted: Credentials): Question {
  const names: string[] = []
  const texts = new Map<string, string>()
  let current = ''
  const parser = new SaxesParser({ xmlns: true })
  parser.on('error', (error) => {
    throw new Refusal(error.message)
  })
  parser.on('opentag', ({ uri, local }) => {
    names.push(local)
    if (uri !== (['Envelope', 'Header', 'Body'].includes(local) ? SOAP : ASKED))
      throw new Refusal(`${local}: namespace`)
    current = local
    texts.set(local, '')
  })
  parser.on('closetag', () => {
    current = ''
  })
  parser.on('text', (more) => {
    if (current !== '') texts.set(current, (texts.get(current) ?? '') + more)
  })
  parser.write(text).close()
  if (!SHAPE.test(names.join(' '))) throw new Refusal('elements')
  const said = (name: string) => texts.get(name) ?? ''
  if (said('MaDVC') !== wanted.serviceCode) throw new Refusal('MaDVC')
  if (said('MaTichHop') !== '003') throw new Refusal('MaTichHop')
  for (const name of ['MaYeuCau', 'MaCanBo', 'HoVaTen']) if (said(name) === '') throw new Refusal(name)
  if (!/^\d{12}$/.test(said('SoDinhDanh'))) throw new Refusal('SoDinhDanh')
  if (said('HoVaTen') !== said('HoVaTen').toLocaleUpperCase('vi')) throw new Refusal('HoVaTen: not upper-case')
  const birth = texts.has('Nam') ? { year: said('Nam') } : { day: said('NgayThangNam') }
  if (!('year' in birth ? /^\d{4}$/.test(birth.year) : /^\d{8}$/.test(birth.day))) throw new Refusal('NgayThangNamSinh')
  return {
    requestId: said('MaYeuCau'),
    officer: said('MaCanBo'),
    citizenId: said('SoDinhDanh'),
    fullName: said('HoVaTen'),
    birth,
  }
}

/** Accents may be missing as a whole; some clients send none. */
export function exists(question: Question, registered: Registered | null): boolean {
  if (registered === null) return false
  const name = registered.fullName.normalize('NFC').toLocaleUpperCase('vi')
  if (question.fullName !== name && question.fullName !== withoutAccents(name)) return false
  return 'year' in question.birth
    ? question.birth.year === registered.dateOfBirth.slice(0, 4)
    : question.birth.day === registered.dateOfBirth.replaceAll('-', '')
}

export function answerText(requestId: string, result: boolean | null): string {
  const found = result === null ? '' : `<ns:KetQuaXacThuc><ns:TonTai>${result}</ns:TonTai></ns:KetQuaXacThuc>`
  return envelope(
    `<ns:XacThucThongTinCongDanResponse xmlns:ns="${ANSWERED}"><ns:MaYeuCau>${escaped(requestId)}</ns:MaYeuCau>${found}</ns:XacThucThongTinCongDanResponse>`,
  )
}

export function faultText(why: string): string {
  return envelope(`<s:Fault><faultcode>s:Client</faultcode><faultstring>${escaped(why)}</faultstring></s:Fault>`)
}

function envelope(body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope xmlns:s="${SOAP}"><s:Header/><s:Body>${body}</s:Body></s:Envelope>\n`
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>]/g, (each) => `&#${each.charCodeAt(0)};`)
}
