import type { Parsed } from '../brand.ts'
import type { IsoDate } from '../calendar.ts'
import {
  type CardNumber,
  type CardOrInsuranceNumber,
  parseCardOrInsuranceNumber,
  readCardNumber,
} from '../coverage/card-number.ts'
import { type FieldFault, type FieldIssue, ServiceError } from '../errors.ts'
import type { Assurance } from '../identity/assurance.ts'
import { type BirthDate, parseBirthDate } from '../identity/birth-date.ts'
import { parseChipIdQr } from '../identity/chip-id-qr.ts'
import { type CitizenId, parseCitizenId } from '../identity/citizen-id.ts'
import type { EvidenceIssue } from '../identity/evidence-issue.ts'
import { parseInsuranceCardQr } from '../identity/insurance-card-qr.ts'
import { parseChipIdMrz } from '../identity/mrz.ts'
import type { MrzName } from '../identity/mrz-name.ts'
import { type FullName, parseFullName } from '../identity/name.ts'
import type { Sex } from '../identity/sex.ts'
import type { EvidenceRequest } from './request.ts'

/** What a person showed, read: a number that leads to a record, and what the record must agree with. */
export interface Evidence {
  readonly method: EvidenceRequest['kind']
  /** Printed by the state and scanned, or typed by hand: typed evidence never learns whether a number exists. */
  readonly how: 'scanned' | 'typed'
  /** How strongly this alone proves the person. */
  readonly assurance: Assurance
  /** What is looked up; null where the paper has no number (a birth certificate). */
  readonly number: string | null
  readonly citizenId: CitizenId | null
  readonly cardNumber: CardNumber | null
  readonly fullName: FullName
  /** The same without accents, as a machine-readable zone has it; null where the name was shown as it is written. */
  readonly mrzName: MrzName | null
  readonly birthDate: BirthDate
  readonly sex: Sex
}

/** Reads evidence or throws `invalid_request` naming each fault and where it is; never the value. */
export function readEvidence(request: EvidenceRequest, today: IsoDate): Evidence {
  switch (request.kind) {
    case 'chipIdQr': {
      const qr = take(parseChipIdQr(request.text, today), '/evidence/text')
      const { citizenId, fullName, birthDate, sex } = qr
      return { ...bare('chipIdQr', 'scanned'), number: citizenId, citizenId, fullName, birthDate, sex }
    }
    case 'chipIdMrz': {
      const { citizenId, name, birthDate, sex } = take(parseChipIdMrz(request.text, today), '/evidence/text')
      const holder = { fullName: name.fullName, mrzName: name, birthDate, sex }
      return { ...bare('chipIdMrz', 'scanned'), number: citizenId, citizenId, ...holder }
    }
    case 'chipIdTyped': {
      const { number, ...holder } = readTyped(parseCitizenId(request.number), request, today)
      return { ...bare('chipIdTyped', 'typed'), number, citizenId: number, ...holder }
    }
    case 'insuranceCard': {
      const { number, ...holder } = readTyped(parseCardOrInsuranceNumber(request.number), request, today)
      return { ...bare('insuranceCard', 'typed'), ...insuranceNumbers(number), ...holder }
    }
    case 'insuranceCardQr': {
      const qr = take(parseInsuranceCardQr(request.text, today), '/evidence/text')
      const { fullName, birthDate, sex } = qr
      return { ...bare('insuranceCardQr', 'scanned'), ...insuranceNumbers(qr.number), fullName, birthDate, sex }
    }
    case 'document':
      return { ...bare('document', 'typed'), ...readDocument(request, today) }
  }
}

function bare(method: Evidence['method'], how: Evidence['how']) {
  return {
    method,
    how,
    assurance: 'unsigned',
    number: null,
    citizenId: null,
    cardNumber: null,
    mrzName: null,
    sex: 'unknown',
  } as const
}

/** What a hand typed may be wrong in several places: all are told at once. */
function readTyped<N>(
  number: Parsed<N, FieldIssue>,
  request: { fullName: string; dateOfBirth: string },
  today: IsoDate,
) {
  const fullName = parseFullName(request.fullName)
  const birthDate = parseBirthDate(request.dateOfBirth, today)
  if (number.ok && fullName.ok && birthDate.ok) {
    return { number: number.value, fullName: fullName.value, birthDate: birthDate.value }
  }
  throw new ServiceError('invalid_request', {
    faults: [
      ...faultsOf(number, '/evidence/number'),
      ...faultsOf(fullName, '/evidence/fullName'),
      ...faultsOf(birthDate, '/evidence/dateOfBirth'),
    ],
  })
}

function insuranceNumbers(number: CardOrInsuranceNumber) {
  return number.kind === 'card'
    ? { number: readCardNumber(number.cardNumber).insuranceNumber, cardNumber: number.cardNumber }
    : { number: number.insuranceNumber, cardNumber: null }
}

/** VNeID and the birth certificate show the personal number; a passport's number is an alias of its own kind. */
function readDocument(request: Extract<EvidenceRequest, { kind: 'document' }>, today: IsoDate) {
  if (request.number === undefined) {
    return { ...readTyped({ ok: true, value: null }, request, today), citizenId: null }
  }
  if (request.document === 'passport') {
    return { ...readTyped(parsePassportNumber(request.number), request, today), citizenId: null }
  }
  const read = readTyped(parseCitizenId(request.number), request, today)
  return { ...read, citizenId: read.number }
}

/** ICAO 9303-4: ≤ 9, some longer. */
function parsePassportNumber(text: string): Parsed<string, FieldIssue> {
  const number = text.trim().toUpperCase()
  return /^[A-Z0-9]{5,15}$/.test(number)
    ? { ok: true, value: `passport:${number}` }
    : { ok: false, issue: 'member_value' }
}

function faultsOf(parsed: Parsed<unknown, FieldIssue>, pointer: string): FieldFault[] {
  return parsed.ok ? [] : [{ pointer, issue: parsed.issue }]
}

function take<T>(parsed: Parsed<T, EvidenceIssue>, pointer: string): T {
  if (!parsed.ok) throw new ServiceError('invalid_request', { faults: faultsOf(parsed, pointer) })
  return parsed.value
}
