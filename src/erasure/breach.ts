import { readClientId } from '../access/principal.ts'
import type { EntryKind } from '../audit/entry.ts'
import { openDetails } from '../audit/log.ts'
import { entryText } from '../audit/log-id.ts'
import type { AuditReadDetails } from '../audit/read/record.ts'
import type { DataKeys } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import { countOfFacility, findOfClient, findSubjects } from './report/store.ts'
import { readLogSpans } from './store.ts'

const STRETCH = 50_000

export interface BreachScope {
  readonly client: string
  readonly from: string
  readonly to: string
  /** What the client did in that time, by kind. */
  readonly deeds: Readonly<Record<string, number>>
  /** Entries that it was shown by these deeds, log and index: `1-42`. */
  readonly entries: readonly string[]
  /** How they are called in the log's details, in the year of each entry: so one person may be two of them. */
  readonly persons: readonly string[]
  /** A facility may read its own earlier entries again, which is no entry: these it could have seen at the most. */
  readonly couldRead: number
}

/** For the notice of a breach (Luật 91/2025: within 72 hours): whom a client saw in a time. */
export async function breachScope(
  sql: Sql,
  keys: DataKeys,
  client: string,
  time: { readonly from: string; readonly to: string },
): Promise<BreachScope> {
  const deeds: Record<string, number> = {}
  const entries = new Set<number>()
  for (const { logId, size } of await readLogSpans(sql)) {
    for (let from = 0; from < size; from += STRETCH) {
      for (const entry of await findOfClient(sql, logId, client, time, from, Math.min(size, from + STRETCH))) {
        const { kind } = JSON.parse(entry.body) as { kind: EntryKind }
        deeds[kind] = (deeds[kind] ?? 0) + 1
        if (kind === 'auditRead') {
          const read = JSON.parse(openDetails(keys, entry.subject, entry.sealed)) as AuditReadDetails
          for (const place of read.entries) entries.add(place)
        } else if (entry.subject !== null) entries.add(entry.place)
      }
    }
  }
  const facility = readClientId(client)?.facility ?? null
  const list = [...entries].toSorted((a, b) => a - b)
  return {
    ...{ client, ...time, deeds, entries: list.map(entryText) },
    persons: await findSubjects(sql, list),
    couldRead: facility === null ? 0 : await countOfFacility(sql, facility, time.to),
  }
}
