import type { ClientId } from '../access/principal.ts'
import type { ErrorCode } from '../errors.ts'

/**
 * Rows held at the most, those of the running window and those that could not be written yet. Only a proven client has
 * a row of its own: 669 facilities refused in every minute fill this after half an hour without a log, 13,000 after one
 * minute. A row is some 500 bytes (a key, a few codes): 10 MB. Whatever comes then is counted in one row for all.
 */
const ROWS_MAX = 20_000
/** Rows of one statement, as for all appends. */
const DUE_MAX = 256

/** `unproven`: nobody proved who called, or somebody else's id was only claimed. `others`: the table was full. */
export type Refused = ClientId | 'unproven' | 'others'

export interface RefusedCount {
  /** A row that was written, but whose commit is not known, is not written again under its key. */
  readonly key: string
  readonly client: Refused
  readonly fromMs: number
  readonly toMs: number
  readonly codes: ReadonlyMap<ErrorCode, number>
}

/** Refused calls by client and window of time (a minute), until the log has them. Of one process or isolate. */
export interface RefusedCalls {
  readonly note: (client: ClientId | null, code: ErrorCode, nowMs: number) => void
  /** The oldest rows whose window is over, or, at the end, all that there are. They stay until they are `written`. */
  readonly due: (nowMs: number, atTheEnd?: boolean) => readonly RefusedCount[]
  readonly written: (rows: readonly RefusedCount[]) => void
  readonly size: () => number
}

interface Row extends RefusedCount {
  toMs: number
  readonly codes: Map<ErrorCode, number>
}

export function countRefusedCalls(windowMs: number, rowsMax = ROWS_MAX): RefusedCalls {
  const running = new Map<Refused, Row>()
  const over = new Map<string, Row>()
  let others: Row | null = null
  let fromMs = 0

  function newRow(client: Refused): Row {
    return { key: crypto.randomUUID(), client, fromMs, toMs: fromMs + windowMs, codes: new Map() }
  }

  function endWindow(): void {
    for (const row of running.values()) over.set(row.key, row)
    running.clear()
  }

  /** A clock that was set back counts into the newest window. */
  function advance(nowMs: number): void {
    const current = Math.floor(nowMs / windowMs) * windowMs
    if (current <= fromMs) return
    endWindow()
    fromMs = current
  }

  const size = () => running.size + over.size

  function rowOf(client: Refused): Row {
    const known = running.get(client)
    if (known !== undefined) return known
    if (size() >= rowsMax) {
      others ??= newRow('others')
      others.toMs = fromMs + windowMs
      return others
    }
    const row = newRow(client)
    running.set(client, row)
    return row
  }

  return {
    note: (client, code, nowMs) => {
      advance(nowMs)
      const { codes } = rowOf(client ?? 'unproven')
      codes.set(code, (codes.get(code) ?? 0) + 1)
    },
    due: (nowMs, atTheEnd = false) => {
      advance(nowMs)
      if (atTheEnd) endWindow()
      // what is handed out does not change any more
      if (others !== null && size() < rowsMax) {
        over.set(others.key, others)
        others = null
      }
      const oldest: RefusedCount[] = []
      for (const row of over.values()) if (oldest.push(row) === DUE_MAX) break
      return oldest
    },
    written: (rows) => {
      for (const { key } of rows) over.delete(key)
    },
    size: () => size() + (others === null ? 0 : 1),
  }
}
