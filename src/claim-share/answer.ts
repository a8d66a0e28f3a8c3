import { entryAt } from '../audit/log-id.ts'
import { visitIdOf } from '../unverified-visit/id.ts'
import { verificationId } from '../verification/id.ts'
import type { ClaimShareDetails, QuotedCheck } from './details.ts'
import { FINDING_TEXTS } from './dossier/finding-text.ts'
import type { ClaimShareOutcome, Delivery, ShareKind, ShareStatus } from './entry.ts'
import { shareIdAt } from './id.ts'

/** A share as its facility sees it. */
export interface ClaimShareAnswer {
  readonly id: string
  readonly recordedAt: string
  readonly kind: ShareKind
  readonly visitId: string
  readonly version: number
  readonly previous: string | null
  readonly supersededBy: string | null
  readonly reason: string | null
  readonly basis: string | null
  readonly delivery: Delivery
  readonly status: ShareStatus
  readonly attempts: number
  readonly lastFailure: string | null
  readonly nextAttemptAt: string | null
  readonly settlementMonth: string | null
  readonly amounts: {
    readonly tTongChiBv: string | null
    readonly tTongChiBh: string | null
    readonly tBntt: string | null
    readonly tBncct: string | null
    readonly tBhtt: string | null
  }
  readonly standard: string
  readonly checks: readonly { readonly code: string; readonly verification: string | null }[]
  readonly noCheckReason: string | null
  readonly findings: readonly {
    readonly code: string
    readonly table: string | null
    readonly row: number | null
    readonly field: string | null
    readonly path: string
    readonly desk: string
    readonly integrator: string
  }[]
  /** How many there are: of more than 200 the first are told. */
  readonly findingsTotal: number
  readonly restricted: 'hiv' | null
  readonly signature: ClaimShareDetails['signature']
  readonly receipts: readonly ShareReceipt[]
  readonly receipt: { readonly log: string; readonly index: number; readonly leafHash: string }
}

/** What the insurer answered. */
export interface ShareReceipt {
  readonly at: string
  readonly by: 'sender' | 'facility'
  readonly status: ShareStatus
  readonly maKetQua: string | null
  /** Null where the details were erased. */
  readonly maGiaoDich: string | null
  readonly thoiGianTiepNhan: string | null
  readonly errors: readonly { readonly maLoi: string; readonly moTaLoi: string }[]
  readonly reason: string | null
}

export interface AnswerParts {
  /** Of its entry. */
  readonly place: number
  readonly leafHash: string
  readonly recordedAt: string
  readonly outcome: ClaimShareOutcome
  readonly details: ClaimShareDetails
  readonly state: Pick<ClaimShareAnswer, 'status' | 'attempts' | 'lastFailure' | 'nextAttemptAt'> & {
    readonly supersededBy: number | null
  }
  readonly receipts: readonly ShareReceipt[]
}

export function claimShareAnswer(parts: AnswerParts): ClaimShareAnswer {
  const { place, outcome, details, state } = parts
  const { logId, index } = entryAt(place)
  const { tTongChiBv, tTongChiBh, tBntt, tBncct, tBhtt } = outcome
  return {
    id: shareIdAt(place),
    recordedAt: parts.recordedAt,
    kind: outcome.share,
    visitId: details.visitId,
    version: outcome.version,
    previous: idOf(details.previous),
    supersededBy: idOf(state.supersededBy),
    reason: details.reason,
    basis: details.basis,
    delivery: outcome.delivery,
    status: state.status,
    attempts: state.attempts,
    lastFailure: state.lastFailure,
    nextAttemptAt: state.nextAttemptAt,
    settlementMonth: outcome.settlementMonth,
    amounts: { tTongChiBv, tTongChiBh, tBntt, tBncct, tBhtt },
    standard: details.standard,
    checks: details.checkCodes.map((each) => ({ code: each.code, verification: checkIdOf(each) })),
    noCheckReason: details.noCheckReason,
    findings: details.findings.map((each) => ({ ...each, ...FINDING_TEXTS[each.code] })),
    findingsTotal: outcome.findings,
    restricted: details.restricted,
    signature: details.signature,
    receipts: parts.receipts,
    receipt: { log: String(logId), index, leafHash: parts.leafHash },
  }
}

function idOf(place: number | null): string | null {
  return place === null ? null : shareIdAt(place)
}

/** By which whoever shared it finds the check again; that of an unverified visit begins with `u`. */
function checkIdOf({ index: place, unverified }: QuotedCheck): string | null {
  if (place === null) return null
  const at = entryAt(place)
  return unverified ? visitIdOf(at) : verificationId(at.logId, at.index)
}
