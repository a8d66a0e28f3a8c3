import type { Parsed } from '../brand.ts'
import { type IsoDate, parseIsoDate } from '../calendar.ts'
import { type CardNumberParts, parseCardNumber, readCardNumber } from '../coverage/card-number.ts'
import type { Area, Holder } from '../coverage/coverage.ts'
import { COVERAGE_STATUSES, type CoverageStatus } from '../coverage/status.ts'
import { parseBirthDate } from '../identity/birth-date.ts'
import { parseCitizenId } from '../identity/citizen-id.ts'
import type { EvidenceIssue } from '../identity/evidence-issue.ts'
import { parseFormerNumber } from '../identity/former-number.ts'
import { parseFullName } from '../identity/name.ts'
import type { FeedRow } from './feed.ts'

/** Why a row cannot be taken. It goes to quarantine with this; the batch goes on. */
export type RowFault =
  | EvidenceIssue
  | 'insurance_number_differs'
  | 'former_number_shape'
  | 'coverage_no_range'
  | 'facility_shape'
  | 'term_shape'
  | 'term_reversed'
  | 'status_unknown'
  | 'area_unknown'
  | 'sex_unknown'
  | 'row_not_utf8'
  | 'row_not_json'
  | 'row_shape'
  | 'row_repeated'
  | 'number_taken'

/** A row that may be stored: what is sealed, what is not, and the numbers that lead to the person. */
export interface CheckedRow {
  readonly holder: Holder
  readonly card: CardNumberParts
  readonly formerNumbers: readonly string[]
  readonly coverageNo: number
  readonly registeredFacility: string
  readonly validFrom: IsoDate
  readonly validTo: IsoDate | null
  readonly fiveYearsFrom: IsoDate | null
  readonly area: Area | null
  readonly status: CoverageStatus
  readonly statusFrom: IsoDate | null
}

const STATUSES: ReadonlySet<string> = new Set(COVERAGE_STATUSES)
const AREAS: ReadonlySet<string> = new Set(['K1', 'K2', 'K3'])
const SEXES: ReadonlySet<string> = new Set(['male', 'female', 'unknown'])
/** A smallint in the table; a person with more coverages than this is a fault of the feed. */
export const COVERAGE_NO_MAX = 999

/** Trusts nothing: the insurer's feed is input like any other. `asOf` is the day the feed speaks of. */
export function checkRow(row: FeedRow, asOf: IsoDate): Parsed<CheckedRow, RowFault> {
  const citizenId = row.citizenId === null ? null : parseCitizenId(row.citizenId)
  if (citizenId !== null && !citizenId.ok) return citizenId
  const fullName = parseFullName(row.fullName)
  if (!fullName.ok) return fullName
  const dateOfBirth = parseBirthDate(row.dateOfBirth, asOf)
  if (!dateOfBirth.ok) return dateOfBirth
  const cardNumber = parseCardNumber(row.cardNumber)
  if (!cardNumber.ok) return cardNumber
  const card = readCardNumber(cardNumber.value)
  if (card.insuranceNumber !== row.insuranceNumber) return fault('insurance_number_differs')
  const formerNumbers = row.formerNumbers.map(parseFormerNumber)
  if (!formerNumbers.every((each) => each !== null)) return fault('former_number_shape')
  if (!Number.isInteger(row.coverageNo) || row.coverageNo < 1 || row.coverageNo > COVERAGE_NO_MAX) {
    return fault('coverage_no_range')
  }
  if (!/^\d{2}[0-9A-Z]{3}$/.test(row.registeredFacility)) return fault('facility_shape')
  const validFrom = parseIsoDate(row.validFrom)
  const validTo = optionalDate(row.validTo)
  const fiveYearsFrom = optionalDate(row.fiveYearsFrom)
  const statusFrom = optionalDate(row.statusFrom)
  if (validFrom === null || validTo === false || fiveYearsFrom === false || statusFrom === false) {
    return fault('term_shape')
  }
  if (validTo !== null && validTo < validFrom) return fault('term_reversed')
  if (!STATUSES.has(row.status)) return fault('status_unknown')
  if (row.area !== null && !AREAS.has(row.area)) return fault('area_unknown')
  if (!SEXES.has(row.sex)) return fault('sex_unknown')
  return {
    ok: true,
    value: {
      holder: {
        citizenId: citizenId === null ? null : citizenId.value,
        fullName: fullName.value,
        dateOfBirth: dateOfBirth.value,
        sex: row.sex,
        cardNumber: cardNumber.value,
      },
      card,
      formerNumbers,
      coverageNo: row.coverageNo,
      registeredFacility: row.registeredFacility,
      validFrom,
      validTo,
      fiveYearsFrom,
      area: row.area,
      status: row.status,
      statusFrom,
    },
  }
}

function fault(issue: RowFault): { readonly ok: false; readonly issue: RowFault } {
  return { ok: false, issue }
}

/** False for a text that is no day. */
function optionalDate(text: string | null): IsoDate | null | false {
  return text === null ? null : (parseIsoDate(text) ?? false)
}
