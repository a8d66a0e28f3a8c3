import { readClientId } from '../access/principal.ts'
import { appendBatch, prepare } from '../audit/log.ts'
import type { PendingRow } from '../audit/store.ts'
import type { DataKeys } from '../data-keys.ts'
import type { Query } from '../db/pool.ts'
import type { RefusedCalls, RefusedCount } from '../limits/refused-calls.ts'
import type { Service } from '../scope.ts'

/** A window is over for this long at the most before it is written: what a crash loses is that and the running one. */
const RECORD_EVERY_MS = 5_000

/**
 * Writes the refused calls of windows that are over, or all of them. Throws when the log cannot be written: they are kept
 * then, and tried again. Each row has an idempotency key of its own, so one whose commit is not known is never twice in
 * the log, nor one that two requests of an isolate write at the same time.
 */
export async function recordRefused(
  service: Pick<Service, 'dataKeys' | 'limits'>,
  query: Query,
  now: Date,
  atTheEnd = false,
): Promise<void> {
  const { dataKeys, limits } = service
  for (;;) {
    const counted = limits.refused.due(now.getTime(), atTheEnd)
    if (counted.length === 0) return
    const rows = counted.map((each) => rowOf(dataKeys, now, each))
    const outcomes = await query((sql) => appendBatch(sql, dataKeys, rows))
    limits.refused.written(counted.filter((_, i) => !(outcomes[i] instanceof Error)))
    const failed = outcomes.find((outcome) => outcome instanceof Error)
    if (failed !== undefined) throw failed
  }
}

/** Who was refused, when and how often, by code: whole in the body, which proves it. Nothing of any patient. */
function rowOf(keys: DataKeys, now: Date, { key, client, fromMs, toMs, codes }: RefusedCount): PendingRow {
  const outcome = {
    client,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    ...Object.fromEntries(codes),
  }
  return prepare(keys, {
    recordedAt: now,
    kind: 'refusedCalls',
    facility: readClientId(client)?.facility ?? null,
    outcome,
    details: JSON.stringify({ v: 1 }),
    client,
    subject: null,
    idempotency: { key, request: JSON.stringify(outcome) },
  })
}

export interface RefusedRecorder {
  /** What is counted still, and never again. */
  readonly stop: () => Promise<void>
}

export function keepRefused(service: Service, query: Query, failed: (error: unknown) => void): RefusedRecorder {
  let last: Promise<void> = Promise.resolve()
  let under = false
  const everyMs = Math.min(RECORD_EVERY_MS, service.config.refusedCallsWindowMs)
  const timer = setInterval(() => {
    if (under) return // a log that is slow is not asked twice
    under = true
    last = recordRefused(service, query, new Date())
      .catch(failed)
      .finally(() => {
        under = false
      })
  }, everyMs)
  timer.unref()
  return {
    stop: async () => {
      clearInterval(timer)
      await last
      await recordRefused(service, query, new Date(), true).catch(failed)
    },
  }
}

/** For a host without loops: whether it is worth a statement. */
export function areRefusedDue(refused: RefusedCalls, nowMs: number): boolean {
  return refused.due(nowMs).length > 0
}
