import { auditVisitDigest, type DataKeys } from '../../data-keys.ts'
import type { VisitDetails } from '../../unverified-visit/details.ts'
import type { VerificationDetails } from '../../verification/verify.ts'
import { openDetails } from '../log.ts'
import { type ClaimRow, claimDetails, claimRow, type Transition, transition } from './claim-rows.ts'
import type { RawEntry } from './raw-entry.ts'

/** A row of `audit_check`. */
export interface CheckRow {
  readonly index: number
  readonly recordedAt: string
  readonly facility: string
  readonly kind: 'verification' | 'unverifiedVisit'
  readonly decision: string | null
  readonly code: string | null
  readonly cause: string | null
  readonly assurance: string | null
  readonly method: string | null
  readonly erased: boolean
  readonly purpose: string | null
  readonly serviceDate: string | null
  readonly route: string | null
  readonly inpatient: boolean | null
  readonly person: string | null
  readonly visit: string | null
}

export type Projected =
  | { readonly kind: 'check'; readonly row: CheckRow }
  | { readonly kind: 'claim'; readonly row: ClaimRow }
  | { readonly kind: 'transition'; readonly transition: Transition }
  /** These entries have no details any more. */
  | { readonly kind: 'erasure'; readonly entries: readonly number[] }

interface Body {
  readonly recordedAt: string
  readonly kind: string
  readonly facility: string | null
  readonly outcome: Readonly<Record<string, string | number | null>>
}

/**
 * What an entry becomes; null: nothing. Facts of the body stand whatever happens to the details. Throws `SealError` where
 * the details do not open: whoever reads on decides whether to wait for a key.
 */
export function project(keys: DataKeys, entry: RawEntry): Projected | null {
  const body = JSON.parse(entry.body) as Body // our own text
  switch (body.kind) {
    case 'verification':
    case 'unverifiedVisit':
      return body.facility === null ? null : { kind: 'check', row: checkRow(body, entry, detailsOf(keys, entry, body)) }
    case 'claimShare':
      return { kind: 'claim', row: claimRow(keys, entry, claimDetails(keys, entry)) }
    case 'claimDelivery':
      return { kind: 'transition', transition: transition(entry) }
    case 'erasure': {
      const { entries } = detailsText<{ entries: readonly number[] }>(keys, entry) ?? { entries: [] }
      return { kind: 'erasure', entries }
    }
    default:
      return null
  }
}

/** The same without details that do not open: the facts of the body stand all the same. */
export function projectBody(keys: DataKeys, entry: RawEntry): Projected | null {
  const body = JSON.parse(entry.body) as Body
  if (body.kind === 'claimShare') return { kind: 'claim', row: claimRow(keys, entry, null) }
  if (body.kind !== 'verification' && body.kind !== 'unverifiedVisit') return null
  return body.facility === null ? null : { kind: 'check', row: checkRow(body, entry, null) }
}

interface CheckDetails {
  readonly purpose: string | null
  readonly serviceDate: string | null
  readonly route: string | null
  readonly inpatient: boolean | null
  readonly person: string
  readonly visit: string | null
}

function detailsOf(keys: DataKeys, entry: RawEntry, { kind }: Body): CheckDetails | null {
  if (kind === 'unverifiedVisit') {
    const details = detailsText<VisitDetails>(keys, entry)
    if (details === null) return null
    const none = { purpose: null, serviceDate: null, route: null, inpatient: null }
    return { ...none, person: details.person, visit: auditVisitDigest(keys, details.visitId) }
  }
  const details = detailsText<VerificationDetails>(keys, entry)
  if (details === null) return null
  const { purpose, visit, person, answer } = details
  return {
    purpose,
    serviceDate: answer.serviceDate,
    route: visit?.route ?? null,
    inpatient: visit?.inpatient ?? null,
    person,
    visit: visit == null ? null : auditVisitDigest(keys, visit.visitId),
  }
}

function detailsText<T>(keys: DataKeys, { subject, sealed }: RawEntry): T | null {
  return sealed === null ? null : (JSON.parse(openDetails(keys, subject, sealed)) as T) // authenticated by its seal
}

const ERASED = { purpose: null, serviceDate: null, route: null, inpatient: null, person: null, visit: null }

function checkRow(body: Body, { index, sealed }: RawEntry, details: CheckDetails | null): CheckRow {
  const { outcome } = body
  const said = (name: string) => (typeof outcome[name] === 'string' ? outcome[name] : null)
  return {
    index,
    recordedAt: body.recordedAt,
    facility: body.facility ?? '',
    kind: body.kind === 'verification' ? 'verification' : 'unverifiedVisit',
    decision: said('decision'),
    code: said('code'),
    cause: said('cause'),
    assurance: said('assurance'),
    method: said('method'),
    erased: sealed === null,
    ...(details ?? ERASED),
  }
}
