import type { Parsed } from '../brand.ts'
import type { IsoDate } from '../calendar.ts'
import {
  type CardNumber,
  type CardOrInsuranceNumber,
  parseCardOrInsuranceNumber,
  readCardNumber,
} from '../coverage/card-number.ts'
import { invalid } from '../errors.ts'
import { type BirthDate, parseBirthDate } from '../identity/birth-date.ts'
import { parseChipIdQr } from '../identity/chip-id-qr.ts'
import { type CitizenId, parseCitizenId } from '../identity/citizen-id.ts'
import type { EvidenceIssue } from '../identity/evidence-issue.ts'
import { parseInsuranceCardQr } from '../identity/insurance-card-qr.ts'
import { type FullName, parseFullName } from '../identity/name.ts'
import type { Sex } from '../identity/sex.ts'
import type { EvidenceRequest } from './request.ts'

/** What a person showed, read: a number that leads to a record, and what the record must agree with. */
export interface Evidence {
  readonly method: EvidenceRequest['kind']
  /** Printed by the state and scanned, or typed by hand: typed evidence never learns whether a number exists. */
  readonly how: 'scanned' | 'typed'
  /** What is looked up; null where the paper has no number (a birth certificate). */
  readonly number: string | null
  readonly citizenId: CitizenId | null
  readonly cardNumber: CardNumber | null
  readonly fullName: FullName
  readonly birthDate: BirthDate
  readonly sex: Sex
}

/** Reads evidence or throws `invalid_request` naming the fault and where it is; never the value. */
export function readEvidence(request: EvidenceRequest, today: IsoDate): Evidence {
  switch (request.kind) {
    case 'chipIdQr': {
      const qr = take(parseChipIdQr(request.text, today), '/evidence/text')
      const { citizenId, fullName, birthDate, sex } = qr
      return { ...bare('chipIdQr', 'scanned'), number: citizenId, citizenId, fullName, birthDate, sex }
    }
    case 'chipIdTyped': {
      const citizenId = take(parseCitizenId(request.number), '/evidence/number')
      return { ...bare('chipIdTyped', 'typed'), number: citizenId, citizenId, ...typedHolder(request, today) }
    }
    case 'insuranceCard': {
      const number = take(parseCardOrInsuranceNumber(request.number), '/evidence/number')
      return { ...bare('insuranceCard', 'typed'), ...insuranceNumbers(number), ...typedHolder(request, today) }
    }
    case 'insuranceCardQr': {
      const qr = take(parseInsuranceCardQr(request.text, today), '/evidence/text')
      const { fullName, birthDate, sex } = qr
      return { ...bare('insuranceCardQr', 'scanned'), ...insuranceNumbers(qr.number), fullName, birthDate, sex }
    }
    case 'document':
      return { ...bare('document', 'typed'), ...documentNumber(request), ...typedHolder(request, today) }
  }
}

function bare(method: Evidence['method'], how: Evidence['how']) {
  return { method, how, number: null, citizenId: null, cardNumber: null, sex: 'unknown' } as const
}

function typedHolder(request: { fullName: string; dateOfBirth: string }, today: IsoDate) {
  return {
    fullName: take(parseFullName(request.fullName), '/evidence/fullName'),
    birthDate: take(parseBirthDate(request.dateOfBirth, today), '/evidence/dateOfBirth'),
  }
}

function insuranceNumbers(number: CardOrInsuranceNumber) {
  return number.kind === 'card'
    ? { number: readCardNumber(number.cardNumber).insuranceNumber, cardNumber: number.cardNumber }
    : { number: number.insuranceNumber, cardNumber: null }
}

/** VNeID and the birth certificate show the personal number; a passport's number is an alias of its own kind. */
function documentNumber(request: Extract<EvidenceRequest, { kind: 'document' }>) {
  if (request.number === undefined) return { number: null, citizenId: null }
  if (request.document === 'passport') {
    const number = request.number.trim().toUpperCase()
    if (!/^[A-Z0-9]{5,15}$/.test(number)) throw invalid('/evidence/number', 'member_value') // ICAO 9303-4: ≤ 9, some longer
    return { number: `passport:${number}`, citizenId: null }
  }
  const citizenId = take(parseCitizenId(request.number), '/evidence/number')
  return { number: citizenId, citizenId }
}

function take<T>(parsed: Parsed<T, EvidenceIssue>, pointer: string): T {
  if (!parsed.ok) throw invalid(pointer, parsed.issue)
  return parsed.value
}
