import { claimShareId } from '../../claim-share/id.ts'
import { instantText } from '../../db/connect.ts'
import { visitIdOf } from '../../unverified-visit/id.ts'
import { verificationId } from '../../verification/id.ts'
import type { FlagRule } from '../flag/rules.ts'
import { FLAG_TEXTS } from '../flag/texts.ts'
import { type EntryAt, entryAt, LOG_ID } from '../log-id.ts'
import type { CheckItem, ClaimItem, FlagItem, Through } from './store.ts'

/** What auditors are shown of a row: codes, days and amounts; nobody is named in it, so nothing of it is masked. */

export interface IndexedThrough {
  readonly log: string
  /** Of the last entry that is in the tables; -1: none is. */
  readonly index: number
  readonly time: string | null
}

export function indexedThrough({ place, recordedAt }: Through): IndexedThrough {
  const { log, index } = place < 0 ? { log: String(LOG_ID), index: -1 } : named(place)
  return { log, index, time: recordedAt === null ? null : instantText(recordedAt) }
}

export type ShownCheck = ReturnType<typeof shownCheck>
export type ShownClaim = ReturnType<typeof shownClaim>
export type ShownFlag = ReturnType<typeof shownFlag>

export function shownCheck(row: CheckItem) {
  const { place, recordedAt, facility, kind, decision, code, cause, method, assurance, flags, ...rest } = row
  const { purpose, serviceDate, route, inpatient, erased } = rest
  return {
    kind,
    id: kind === 'verification' ? checkId(entryAt(place)) : visitIdOf(entryAt(place)),
    ...{ ...named(place), recordedAt: instantText(recordedAt), facility },
    ...{ decision, code, cause, method, assurance, purpose, serviceDate, route, inpatient, erased },
    flags: rulesOf(flags),
  }
}

export function shownClaim(row: ClaimItem) {
  const { place, recordedAt, facility, share, version, delivery, settlementMonth, status, checks, flags } = row
  const { totalHospital, totalInsured, paidByPatient, copayment, paidByInsurer, findings, signature } = row
  const { admitted, discharged, careType, route, erased, restricted } = row
  return {
    kind: 'claimShare' as const,
    id: shareId(entryAt(place)),
    ...{ ...named(place), recordedAt: instantText(recordedAt), facility },
    ...{ share, version, delivery, settlementMonth, status },
    ...{ totalHospital, totalInsured, paidByPatient, copayment, paidByInsurer },
    ...{ findings, signature, admitted, discharged, careType, route, erased },
    restricted: restricted && !erased ? ('hiv' as const) : null,
    checks: checks?.split(',').map(quotedId) ?? [],
    flags: rulesOf(flags),
  }
}

function quotedId(check: string): string {
  const at = entryAt(Number(check.slice(1)))
  return check.startsWith('u') ? visitIdOf(at) : checkId(at)
}

export function shownFlag({ place, recordedAt, facility, rule, otherPlace, facts }: FlagItem) {
  const other = otherPlace === null ? null : named(otherPlace)
  const { explanation, innocent } = FLAG_TEXTS[rule]
  return {
    ...{ rule, ...named(place), recordedAt: instantText(recordedAt), facility },
    ...{ otherLog: other?.log ?? null, otherIndex: other?.index ?? null, facts },
    ...{ explanation, innocent },
  }
}

const checkId = ({ logId, index }: EntryAt) => verificationId(logId, index)
const shareId = ({ logId, index }: EntryAt) => claimShareId(logId, index)

function named(place: number) {
  const { logId, index } = entryAt(place)
  return { log: String(logId), index }
}

function rulesOf(flags: string | null): readonly FlagRule[] {
  return flags === null || flags === '' ? [] : (flags.split(',') as FlagRule[]) // our own words
}
