import { setImmediate as nextTurn } from 'node:timers/promises'
import { todayInVietnam } from '../../calendar.ts'
import { type DataKeys, type LookupKey, lookupKey } from '../../data-keys.ts'
import type { RowFault } from '../check-row.ts'
import { readLines } from '../data-file.ts'
import { sealQuarantined } from '../load.ts'
import type { Manifest } from '../manifest.ts'
import { type FeedOperation, readRows } from '../read-row.ts'
import { aliasesOf, type SealedVersion, sealRow } from '../seal-row.ts'

/** What one coverage becomes: another version, or nothing. */
export type Change =
  | {
      readonly op: 'put'
      readonly version: SealedVersion
      readonly insurance: LookupKey
      readonly aliases: readonly LookupKey[]
      readonly position: number
      readonly line: Buffer
    }
  | { readonly op: 'remove'; readonly subject: LookupKey; readonly coverageNo: number }

export interface Quarantined {
  readonly position: number
  readonly reason: RowFault
  readonly sealed: Buffer
}

export interface PreparedDelta {
  /** One a coverage: of several lines the last counts. */
  readonly changes: readonly Change[]
  readonly quarantine: readonly Quarantined[]
}

/** Lines between two turns of the event loop: 5 ms of work, beside which others are answered. */
const LINES_A_TURN = 100

/** Reads a delta to its end, checks, keys and seals it. Throws unless the bytes are those of the manifest. */
export async function prepareDelta(
  keys: DataKeys,
  manifest: Manifest,
  source: AsyncIterable<Uint8Array>,
): Promise<PreparedDelta> {
  const today = todayInVietnam(new Date(manifest.asOf))
  const changes = new Map<string, Change>()
  const quarantine: Quarantined[] = []
  for await (const lines of readLines(manifest, source, LINES_A_TURN)) {
    for (const { position, line, read } of readRows(lines, today)) {
      if (read.ok) noteChange(changes, changeOf(keys, read.value, position, line))
      else quarantine.push(quarantined(keys, manifest, position, read.issue, line))
    }
    await nextTurn()
  }
  return { changes: [...changes.values()], quarantine }
}

function noteChange(changes: Map<string, Change>, change: Change): void {
  const { subject, coverageNo } = change.op === 'put' ? change.version : change
  changes.set(`${subject}/${coverageNo}`, change)
}

export function changeOf(keys: DataKeys, operation: FeedOperation, position: number, line: Buffer): Change {
  if (operation.op === 'remove') {
    return { op: 'remove', subject: lookupKey(keys, operation.number), coverageNo: operation.coverageNo }
  }
  const version = sealRow(keys, operation.row)
  const insurance = lookupKey(keys, operation.row.card.insuranceNumber)
  return { op: 'put', version, insurance, aliases: aliasesOf(keys, version.subject, operation.row), position, line }
}

export function quarantined(
  keys: DataKeys,
  { feed, sequence }: Pick<Manifest, 'feed' | 'sequence'>,
  position: number,
  reason: RowFault,
  line: Uint8Array,
): Quarantined {
  return { position, reason, sealed: sealQuarantined(keys, feed, sequence, position, line) }
}

/** What of a batch does not wait for those before it: a card that no longer holds. */
const ENDING: ReadonlySet<string> = new Set(['revoked', 'stopped', 'reduced', 'held'])

export function endings(changes: readonly Change[]): Change[] {
  return changes.filter((each) => each.op === 'put' && ENDING.has(each.version.status))
}

/** A number that leads to somebody: as a delta says, or as the copy has it. */
export interface Claim {
  readonly number: LookupKey
  readonly subject: LookupKey
}

/** Every number that a delta leads to somebody, for `findHolders`. */
export function claimsOf(changes: readonly Change[]): Claim[] {
  const claims: Claim[] = []
  for (const each of changes) {
    if (each.op === 'remove') continue
    const { subject } = each.version
    for (const number of [subject, ...each.aliases]) claims.push({ number, subject })
  }
  return claims
}

/**
 * Takes out who claims a number of another person; `held` says to whom such numbers lead now. A number passes on when its
 * holder got another one, and that is believed when the claimant has the holder's own number among the former ones and
 * the holder's insurance number: a slip of the feed must not close a stranger's records.
 */
export function withoutClaims(
  keys: DataKeys,
  manifest: Pick<Manifest, 'feed' | 'sequence'>,
  prepared: PreparedDelta,
  held: readonly Claim[],
): PreparedDelta {
  const holders = new Map(held.map((each) => [each.number, each.subject]))
  const puts = prepared.changes.filter((each) => each.op === 'put')
  const claims = new Map<LookupKey, LookupKey>() // number → who named it first
  const own = new Set(puts.map((each) => each.version.subject))
  const offending = new Set<LookupKey>()
  for (const { version, aliases, insurance } of puts) {
    const { subject } = version
    const became = (holder: LookupKey) => aliases.includes(holder) && holders.get(insurance) === holder
    const isHeld = (number: LookupKey) => {
      const holder = holders.get(number) ?? subject
      return holder !== subject && !became(holder)
    }
    const isClaimed = (number: LookupKey) => (claims.get(number) ?? subject) !== subject || own.has(number)
    if ([subject, ...aliases].some(isHeld) || aliases.some(isClaimed)) offending.add(subject)
    for (const alias of aliases) if (!claims.has(alias)) claims.set(alias, subject)
  }
  if (offending.size === 0) return prepared
  const out = puts.filter((each) => offending.has(each.version.subject))
  return {
    changes: prepared.changes.filter((each) => each.op === 'remove' || !offending.has(each.version.subject)),
    quarantine: [
      ...prepared.quarantine,
      ...out.map((each) => quarantined(keys, manifest, each.position, 'number_taken', each.line)),
    ],
  }
}
