import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { type LogEnd, readLogEnd } from '../audit/store.ts'
import type { Query } from '../db/pool.ts'

/**
 * How far the log had come, kept outside the database: a database restored from an older backup has a sound log, and only
 * something beside it knows that there was more. Names no entry but the last, by its hash.
 */
const markSchema = z.strictObject({
  logId: z.int().min(1),
  size: z.int().min(0),
  /** Base64; null while the log is empty. */
  lastLeafHash: z.string().length(44).nullable(),
})

export type LogMark = z.infer<typeof markSchema>

/** At most this much of the log's end is unknown to the mark after a crash. One look-up by primary key a second and process. */
const MARK_EVERY_MS = 1_000

/** Null: there is no such file. One that cannot be understood is an error, not a new start. */
export async function readMark(path: string): Promise<LogMark | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  try {
    return markSchema.parse(JSON.parse(text))
  } catch {
    throw new Error(`LOG_MARK_FILE: ${path} is not a mark of a log`)
  }
}

/** Written aside and renamed: whoever reads finds a whole one. */
export async function writeMark(path: string, end: LogEnd): Promise<void> {
  const mark: LogMark = { logId: end.logId, size: end.size, lastLeafHash: end.lastLeafHash }
  const draft = `${path}.${process.pid}.draft`
  await writeFile(draft, `${JSON.stringify(mark)}\n`, { flush: true, mode: 0o600 })
  await rename(draft, path)
}

/** The log in force as it is, and its leaf where the mark knows one. */
export function endBeside(query: Query, mark: LogMark | null): Promise<LogEnd> {
  return query((sql) => readLogEnd(sql, (mark?.size ?? 0) - 1))
}

/**
 * The log is not the one that the mark knows, or not all of it. A mark of a log that has a successor is behind itself: the
 * successor's first entry says what was lost. One of a log that this database has never heard of was written after the backup.
 */
export function isBehind(mark: LogMark, end: LogEnd): boolean {
  if (mark.logId !== end.logId) return mark.logId > end.logId
  return end.size < mark.size || (mark.size > 0 && end.leafHashThere !== mark.lastLeafHash)
}

/** Why a host must not append to this log; empty when it may. */
export async function behindWitness(query: Query, path: string): Promise<string[]> {
  const mark = await readMark(path)
  if (mark === null) return []
  const end = await endBeside(query, mark)
  if (!isBehind(mark, end)) return []
  const what =
    mark.logId !== end.logId
      ? `the log in force is ${end.logId}, and that of log ${mark.logId}, `
      : end.size < mark.size
        ? `the log has ${end.size} entries, `
        : `entry ${mark.size - 1} of the log is another one than `
  return [
    `logBehindWitness: ${what}${path} knows ${mark.size}: was an older backup restored?`,
    '  restore a newer one; or, when the missing entries are lost for good: kiemthe log succeed --reason "…"',
  ]
}

export interface MarkKeeper {
  /** Once more, and never again. */
  readonly stop: () => Promise<void>
}

/**
 * Writes the mark when the log has grown, whoever appended. Processes share the file: one that overwrites a larger mark is
 * mended a second later by any other, and the mark is never ahead of what was committed.
 */
export function keepMark(query: Query, path: string, failed: (error: unknown) => void): MarkKeeper {
  const once = async () => {
    const mark = await readMark(path)
    const end = await endBeside(query, mark)
    // a log that fell behind while we serve keeps its mark: the next start tells
    const isNews = mark === null || end.logId > mark.logId || (end.size > mark.size && !isBehind(mark, end))
    if (isNews) await writeMark(path, end)
  }
  let last: Promise<void> = once().catch(failed)
  let under = true
  const settle = () => {
    under = false
  }
  void last.then(settle)
  const timer = setInterval(() => {
    if (under) return // a database that is slow is not asked twice
    under = true
    last = once().catch(failed)
    void last.then(settle)
  }, MARK_EVERY_MS)
  timer.unref()
  return {
    stop: async () => {
      clearInterval(timer)
      await last
      await once().catch(failed)
    },
  }
}
