import type { ClaimShareDetails } from '../../claim-share/details.ts'
import { claimDeliveryBodySchema, claimShareBodySchema, type ShareStatus } from '../../claim-share/entry.ts'
import { auditVisitDigest, type DataKeys } from '../../data-keys.ts'
import { openDetails } from '../log.ts'
import type { RawEntry } from './raw-entry.ts'

/** A row of `audit_claim`, and what rules look at beside it. */
export interface ClaimRow {
  readonly index: number
  readonly recordedAt: string
  readonly facility: string
  readonly share: string
  readonly version: number
  readonly delivery: string
  readonly settlementMonth: string | null
  readonly totalHospital: string | null
  readonly totalInsured: string | null
  readonly paidByPatient: string | null
  readonly copayment: string | null
  readonly paidByInsurer: string | null
  readonly findings: number
  readonly signature: string
  readonly erased: boolean
  /** Also where the details are gone or do not open: whether they were is not known any more. */
  readonly restricted: boolean
  readonly person: string | null
  readonly visit: string | null
  readonly admitted: string | null
  readonly discharged: string | null
  readonly careType: string | null
  readonly route: string | null
  readonly checks: readonly number[] | null
  readonly terms: readonly { readonly from: string | null; readonly to: string | null }[]
  readonly reasonGiven: boolean
}

/** A share came to another status. */
export interface Transition {
  /** Of the share. */
  readonly index: number
  readonly status: ShareStatus
  /** Of the entry that says so. */
  readonly by: number
}

/** Details of an entry `claimShare`; null once they are erased. */
export function claimDetails(keys: DataKeys, { subject, sealed }: RawEntry): ClaimShareDetails | null {
  return sealed === null ? null : (JSON.parse(openDetails(keys, subject, sealed)) as ClaimShareDetails)
}

export function claimRow(keys: DataKeys, entry: RawEntry, details: ClaimShareDetails | null): ClaimRow {
  const { recordedAt, facility, outcome } = claimShareBodySchema.parse(JSON.parse(entry.body))
  return {
    index: entry.index,
    recordedAt,
    facility,
    share: outcome.share,
    version: outcome.version,
    delivery: outcome.delivery,
    settlementMonth: outcome.settlementMonth,
    totalHospital: outcome.tTongChiBv,
    totalInsured: outcome.tTongChiBh,
    paidByPatient: outcome.tBntt,
    copayment: outcome.tBncct,
    paidByInsurer: outcome.tBhtt,
    findings: outcome.findings,
    signature: outcome.signature,
    erased: entry.sealed === null,
    restricted: details === null || details.restricted !== null,
    person: details?.person ?? null,
    visit: details === null ? null : auditVisitDigest(keys, details.visitId),
    admitted: clear(details?.visit.ngayVao, TIME),
    discharged: clear(details?.visit.ngayRa, TIME),
    careType: clear(details?.visit.maLoaiKcb, CARE_TYPE),
    route: clear(details?.visit.maDoituongKcb, ROUTE),
    checks: details?.checkCodes.flatMap(({ index }) => index ?? []) ?? null,
    terms: details?.visit.coverage ?? [],
    reasonGiven: details !== null && details.noCheckReason !== null,
  }
}

/** `yyyyMMddHHmm` of this century: twelve digits may be a person's number, and no number of ours begins with 20 and is a time. */
const TIME = /^20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d$/
const CARE_TYPE = /^\d{2}$/
const ROUTE = /^\d{1,2}(?:\.\d{1,2})?$/

/** What a dossier has in a field is whatever somebody wrote: in the clear stands only what cannot name anybody. */
function clear(text: string | null | undefined, shape: RegExp): string | null {
  return text != null && shape.test(text) ? text : null
}

export function transition({ index: by, body }: RawEntry): Transition {
  const { outcome } = claimDeliveryBodySchema.parse(JSON.parse(body))
  return { index: outcome.share, status: outcome.status, by }
}
