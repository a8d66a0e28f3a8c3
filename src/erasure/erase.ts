import { appendDeed } from '../audit/log.ts'
import type { DataKeys } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import { EVERYTHING, facilityTarget, type Hold, readHolds, type WriteDeed } from './hold.ts'
import { knowPerson, pseudonymsOf } from './person.ts'
import { eraseDetails, type FoundDetail, findDetails, type LogSpan, readLogSpans } from './store.ts'

/** Entries looked through by one statement: some 50 MB of details, a quarter of a second. */
const STRETCH = 50_000

export interface ErasureRequest {
  /** The office's number of it. */
  readonly request: string
  readonly reason: string
  /** Personal (9 or 12 digits) and insurance numbers (10) of one person. */
  readonly numbers: readonly string[]
  /** Looks, and leaves all as it is. */
  readonly dryRun: boolean
}

export type Erased =
  | { readonly outcome: 'erased' | 'found'; readonly entries: number; readonly facilities: readonly string[] }
  | { readonly outcome: 'held'; readonly holds: readonly Hold[] }
  | { readonly outcome: 'severalPeople'; readonly people: number }

/**
 * Takes what the log knows of a person: the details of each entry about them, salt and all. What the entries say without
 * them stays, with every proof. One statement erases all and writes the entry that says so, or does nothing; it is
 * run again after a kill. The insurer's record of the person is not ours to erase: it came back with the next feed.
 * What is recorded while it runs stays, it is of a visit after the request.
 * Source: Luật 91/2025/QH15 with NĐ 356/2025 (erasure within 20 days).
 */
export async function eraseDetailsOf(
  sql: Sql,
  keys: DataKeys,
  { request, reason, numbers, dryRun }: ErasureRequest,
  now: Date,
  deed: WriteDeed,
  progress: (seen: number, of: number) => void = () => {},
): Promise<Erased> {
  const person = await knowPerson(sql, keys, numbers)
  if (person.people > 1) return { outcome: 'severalPeople', people: person.people }
  const logs = await readLogSpans(sql)
  const size = logs.reduce((sum, log) => sum + log.size, 0)
  const thisYear = now.getUTCFullYear()
  const subjects = pseudonymsOf(keys, person.names, firstYearOfLogs(logs) ?? thisYear, thisYear)
  const found: FoundDetail[] = []
  let seen = 0
  for (const log of logs) {
    for (let from = 0; from < log.size; from += STRETCH) {
      const to = Math.min(log.size, from + STRETCH)
      found.push(...(await findDetails(sql, log.logId, subjects, from, to)))
      seen += to - from
      progress(seen, size)
    }
  }
  const facilities = [...new Set(found.flatMap(({ facility }) => facility ?? []))].toSorted()
  const targets = [...person.targets, ...facilities.map(facilityTarget), EVERYTHING]
  const holds = await readHolds(sql, keys, targets)
  if (holds.length > 0) return { outcome: 'held', holds }
  if (dryRun) return { outcome: 'found', entries: found.length, facilities }

  const places = found.map(({ place }) => place)
  // also when there was nothing: that the request was answered is on record. Which entries it was, for `fsck` and
  // whoever asks for one of them, is sealed: in the open the list would join a person's entries
  const row = deed('erasure', { request, entries: places.length }, { reason, entries: places })
  const result = await appendDeed(sql, row, (on) => eraseDetails(on, places, subjects, targets))
  if (result === 'held') return { outcome: 'held', holds: await readHolds(sql, keys, targets) }
  if (result !== 'done') throw new Error('the details changed while they were looked for: run it again')
  return { outcome: 'erased', entries: places.length, facilities }
}

/** Of the oldest log that has an entry. */
export function firstYearOfLogs(logs: readonly LogSpan[]): number | null {
  return firstYearOf(logs.find(({ firstBody }) => firstBody !== null)?.firstBody ?? null)
}

function firstYearOf(body: string | null): number | null {
  if (body === null) return null
  const { recordedAt }: { recordedAt?: unknown } = JSON.parse(body)
  return typeof recordedAt === 'string' ? Number(recordedAt.slice(0, 4)) : null
}
