import { claimShareId } from '../../claim-share/id.ts'
import { instantText } from '../../db/connect.ts'
import { visitIdOf } from '../../unverified-visit/id.ts'
import { verificationId } from '../../verification/id.ts'
import type { FlagRule } from '../flag/rules.ts'
import { FLAG_TEXTS } from '../flag/texts.ts'
import { LOG_ID } from '../log-id.ts'
import type { CheckItem, ClaimItem, FlagItem, Through } from './store.ts'

/** What auditors are shown of a row: codes, days and amounts; nobody is named in it, so nothing of it is masked. */

export interface IndexedThrough {
  readonly log: string
  /** Of the last entry that is in the tables; -1: none is. */
  readonly index: number
  readonly time: string | null
}

export function indexedThrough({ index, recordedAt }: Through): IndexedThrough {
  return { log: String(LOG_ID), index, time: recordedAt === null ? null : instantText(recordedAt) }
}

export type ShownCheck = ReturnType<typeof shownCheck>
export type ShownClaim = ReturnType<typeof shownClaim>
export type ShownFlag = ReturnType<typeof shownFlag>

export function shownCheck(row: CheckItem) {
  const { index, recordedAt, facility, kind, decision, code, cause, method, assurance, flags, ...rest } = row
  const { purpose, serviceDate, route, inpatient, erased } = rest
  return {
    kind,
    id: kind === 'verification' ? verificationId(LOG_ID, index) : visitIdOf({ logId: LOG_ID, index }),
    ...{ log: String(LOG_ID), index, recordedAt: instantText(recordedAt), facility },
    ...{ decision, code, cause, method, assurance, purpose, serviceDate, route, inpatient, erased },
    flags: rulesOf(flags),
  }
}

export function shownClaim(row: ClaimItem) {
  const { index, recordedAt, facility, share, version, delivery, settlementMonth, status, checks, flags } = row
  const { totalHospital, totalInsured, paidByPatient, copayment, paidByInsurer, findings, signature } = row
  const { admitted, discharged, careType, route, erased, restricted } = row
  return {
    kind: 'claimShare' as const,
    id: claimShareId(LOG_ID, index),
    ...{ log: String(LOG_ID), index, recordedAt: instantText(recordedAt), facility },
    ...{ share, version, delivery, settlementMonth, status },
    ...{ totalHospital, totalInsured, paidByPatient, copayment, paidByInsurer },
    ...{ findings, signature, admitted, discharged, careType, route, erased },
    restricted: restricted && !erased ? ('hiv' as const) : null,
    checks: checks === null || checks === '' ? [] : checks.split(',').map((n) => verificationId(LOG_ID, Number(n))),
    flags: rulesOf(flags),
  }
}

export function shownFlag({ index, recordedAt, facility, rule, otherIndex, facts }: FlagItem) {
  const { explanation, innocent } = FLAG_TEXTS[rule]
  return {
    ...{ rule, log: String(LOG_ID), index, recordedAt: instantText(recordedAt), facility, otherIndex, facts },
    ...{ explanation, innocent },
  }
}

function rulesOf(flags: string | null): readonly FlagRule[] {
  return flags === null || flags === '' ? [] : (flags.split(',') as FlagRule[]) // our own words
}
