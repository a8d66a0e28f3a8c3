import { appendDeed } from '../audit/log.ts'
import type { PendingRow } from '../audit/store.ts'
import type { DataKeys } from '../data-keys.ts'
import { instantText, type Sql } from '../db/connect.ts'
import { open, seal } from '../seal.ts'
import { deleteHold, findHolds, insertHold } from './store.ts'

/** What a hold keeps: a person's details, all that a facility recorded, or the whole log. */
export const EVERYTHING = 'everything'

export function facilityTarget(code: string): string {
  return `facility:${code}`
}

/**
 * The number of a case or a request, as the office writes it (`12/2026/QĐ-TA`). It stands in the open in the log: nine
 * digits in a row could be a person's number.
 */
export function isCaseNumber(text: string): boolean {
  return /^[\p{L}\p{N}][\p{L}\p{N}./_-]{0,63}$/u.test(text) && !/\d{9}/.test(text)
}

export interface Hold {
  readonly hold: string
  readonly reason: string
  readonly placedAt: string
  /** How many numbers of people, which facilities, everything. */
  readonly covers: string
}

/** Holds on any of these targets, or all there are, a line each. */
export async function readHolds(sql: Sql, keys: DataKeys, targets: readonly string[] | 'all'): Promise<Hold[]> {
  const rows = await findHolds(sql, targets)
  return [...new Set(rows.map(({ hold }) => hold))].map((hold) => {
    const own = rows.filter((row) => row.hold === hold)
    const [first] = own
    const numbers = own.filter(({ target }) => target.startsWith('person:')).length
    const others = own.map(({ target }) => target).filter((target) => !target.startsWith('person:'))
    return {
      hold,
      reason: first === undefined ? '' : open(keys, 'legal_hold', hold, first.sealed),
      placedAt: first === undefined ? '' : instantText(first.placedAt),
      covers: [...(numbers === 0 ? [] : [`${numbers} numbers of people`]), ...others].join(', '),
    }
  })
}

export type WriteDeed = (
  kind: 'erasure' | 'legalHoldPlaced' | 'legalHoldLifted',
  outcome: Readonly<Record<string, string | number | null>>,
  details: Readonly<Record<string, unknown>>,
) => PendingRow

/** False: each target is under this hold already. */
export async function placeHold(
  sql: Sql,
  keys: DataKeys,
  hold: string,
  targets: readonly string[],
  reason: string,
  now: Date,
  deed: WriteDeed,
): Promise<boolean> {
  const row = deed('legalHoldPlaced', { hold, targets: targets.length }, { reason, targets })
  const sealed = seal(keys, 'legal_hold', hold, reason)
  return (await appendDeed(sql, row, (on) => insertHold(on, hold, targets, now, sealed))) === 'done'
}

/** False: there is no such hold. */
export async function liftHold(sql: Sql, hold: string, reason: string, deed: WriteDeed): Promise<boolean> {
  return (await appendDeed(sql, deed('legalHoldLifted', { hold }, { reason }), (on) => deleteHold(on, hold))) === 'done'
}
