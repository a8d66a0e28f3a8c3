import type { EntryKind } from '../audit/entry.ts'
import { appendDeed } from '../audit/log.ts'
import type { DataKeys } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import { EVERYTHING, type Hold, readHolds, type WriteDeed } from './hold.ts'
import { eraseExpired, findExpired } from './report/store.ts'
import { findHolds } from './store.ts'

/**
 * How long details are kept. What an entry says in the open names nobody and stays for ever. Where no text of law sets a
 * period, that is said: these are to be confirmed with the province's lawyers.
 */
export interface RetentionRule {
  readonly kinds: readonly EntryKind[]
  readonly what: string
  readonly years: number
  /** Counted from the end of the year that it was recorded in. */
  readonly fromEndOfYear: boolean
  readonly legalBasis: string
  /** Of the period. */
  readonly source: string
}

const CHECKS_BASIS =
  'Luật BHYT 51/2024/QH15, NĐ 188/2025/NĐ-CP Đ37–38, TT 12/2026/TT-BTC; Luật 91/2025/QH15 Đ19 k1 (duty by law; an inference)'

export const RETENTION: readonly RetentionRule[] = [
  {
    kinds: ['verification', 'unverifiedVisit', 'unverifiedVisitClosed'],
    what: 'checks of a person and visits that could not be looked up',
    years: 5,
    fromEndOfYear: true,
    legalBasis: CHECKS_BASIS,
    source: 'no text sets it; at least 5 years is recommended for records of access (domain §9, "log retention")',
  },
  {
    kinds: ['claimShare', 'claimDelivery'],
    what: 'claim dossiers, their details and receipts',
    years: 10,
    fromEndOfYear: true,
    legalBasis: 'TT 48/2017/TT-BYT Đ9, Đ13; NĐ 188/2025/NĐ-CP Đ69',
    source: 'as the medical record that they are made from: TT 33/2025 (10 years from the end of the year; deaths 30)',
  },
  {
    kinds: ['auditRead', 'subjectReport', 'breachScoped'],
    what: 'which entries were read, by whom and why',
    years: 5,
    fromEndOfYear: true,
    legalBasis: 'Luật 91/2025/QH15, NĐ 356/2025/NĐ-CP (records of access)',
    source: 'no text sets it; as long as what was read (domain §9)',
  },
]

export function retentionOf(kind: EntryKind): RetentionRule | null {
  return RETENTION.find(({ kinds }) => kinds.includes(kind)) ?? null
}

/** Recorded before this, its time is over. */
export function expiredBefore({ years, fromEndOfYear }: RetentionRule, now: Date): string {
  if (fromEndOfYear) return `${now.getUTCFullYear() - years}-01-01T00:00:00.000Z`
  return new Date(Date.UTC(now.getUTCFullYear() - years, now.getUTCMonth(), now.getUTCDate())).toISOString()
}

/** Of one statement: a list of 80 KB in the details of its entry. */
const ENTRIES_MAX = 10_000

export interface Overdue {
  readonly rule: RetentionRule
  readonly before: string
  readonly entries: number
}

export type Kept =
  | { readonly outcome: 'told' | 'erased'; readonly overdue: readonly Overdue[] }
  | { readonly outcome: 'held'; readonly holds: readonly Hold[] }

/**
 * What is past its time, and with a request's number its erasure: details go as by `erase`, each statement with its entry. A
 * hold on a facility keeps its entries. One on a person, or on everything, stops it: whose an entry is cannot be told
 * without their numbers.
 */
export async function retain(
  sql: Sql,
  keys: DataKeys,
  now: Date,
  erase: { readonly request: string; readonly reason: string; readonly deed: WriteDeed } | null,
): Promise<Kept> {
  const rows = await findHolds(sql, 'all')
  const holds = [...new Set(rows.map(({ hold }) => hold))]
  const whole = rows.filter(({ target }) => target === EVERYTHING || target.startsWith('person:'))
  const facilities = rows.flatMap(({ target }) => /^facility:(.+)$/.exec(target)?.[1] ?? [])
  if (erase !== null && whole.length > 0) {
    return { outcome: 'held', holds: await readHolds(sql, keys, [...new Set(whole.map(({ target }) => target))]) }
  }
  const overdue: Overdue[] = []
  for (const rule of RETENTION) {
    const before = expiredBefore(rule, now)
    let entries = 0
    for (;;) {
      const found = await findExpired(sql, rule.kinds, before, facilities, erase === null ? 1e9 : ENTRIES_MAX)
      entries += found.length
      if (erase === null || found.length === 0) break
      const places = found.map(({ place }) => place)
      const { request, reason, deed } = erase
      const row = deed('erasure', { request, entries: places.length }, { reason, rule: rule.source, entries: places })
      const result = await appendDeed(sql, row, (on) => eraseExpired(on, places, holds))
      if (result === 'held') return { outcome: 'held', holds: await readHolds(sql, keys, 'all') }
      if (result !== 'done') throw new Error('the details changed while they were looked for: run it again')
    }
    overdue.push({ rule, before, entries })
  }
  return { outcome: erase === null ? 'told' : 'erased', overdue }
}
