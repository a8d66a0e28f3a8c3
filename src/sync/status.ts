import type { Query } from '../db/pool.ts'
import { feedStatus } from './watermark/store.ts'

export interface SequenceRange {
  readonly from: number
  readonly to: number
}

/** What lies between the watermark and the batches that wait. */
export function missingBefore(sequence: number, waiting: readonly number[]): SequenceRange[] {
  const missing: SequenceRange[] = []
  let next = sequence + 1
  for (const each of waiting) {
    if (each > next) missing.push({ from: next, to: each - 1 })
    if (each >= next) next = each + 1
  }
  return missing
}

export interface SyncStatus {
  readonly feeds: readonly {
    readonly feed: string
    readonly sequence: number
    readonly asOf: string
    readonly ageSeconds: number
    readonly loadedAt: string
    readonly records: number
    readonly quarantined: number
    readonly waiting: readonly number[]
    readonly missing: readonly SequenceRange[]
  }[]
}

/** How far our copy of each feed reaches, what waits, and what the insurer has to send. */
export async function readSyncStatus(query: Query, now: Date): Promise<SyncStatus> {
  const feeds = await query(feedStatus)
  return {
    feeds: feeds.map(({ feed, sequence, asOf, loadedAt, rows, quarantined, waiting, held, refused }) => ({
      feed,
      sequence,
      asOf: asOf.toISOString(),
      ageSeconds: Math.max(0, Math.floor((now.getTime() - asOf.getTime()) / 1000)),
      loadedAt: loadedAt.toISOString(),
      records: rows,
      quarantined,
      waiting,
      // one that was refused is to be sent again; one that was offered behind a gap does not wait here
      missing: missingBefore(sequence, [...new Set([...waiting, held ?? 0, (refused ?? 0) + 1])].toSorted(ascending)),
    })),
  }
}

const ascending = (a: number, b: number) => a - b
