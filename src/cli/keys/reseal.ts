import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { DataKeys } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import {
  beforeAll,
  estimateSealed,
  type Resealed,
  type RowKey,
  readSealed,
  rowsAtOnce,
  SEALED_TABLES,
  writeResealed,
} from '../../db/reseal.ts'
import { SealError, type SealedTable, sealAnew } from '../../seal.ts'
import { createProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'

/** 1,000 rows are some 300 KB and 25 ms of sealing: short statements beside desks that wait. */
const CHUNK_ROWS = 1_000

/** Where a pass stands. Losing it costs looking at the rows again: each tells its generation by itself. */
const markSchema = z.strictObject({
  generation: z.int(),
  table: z.enum(SEALED_TABLES),
  after: z.array(z.string()),
  /** Rows of former generations that this pass has met so far: a killed pass that met none may still be the last. */
  found: z.int(),
})

type Mark = z.infer<typeof markSchema>

/** Names a place between two deeds that last; a test stops there. */
export type Seam = (name: string) => void

export interface Passes {
  readonly passes: number
  readonly resealed: number
  /** Under a generation that is in no key file any more: lost before, left as they are. */
  readonly lost: number
}

/**
 * Seals every row anew that has another generation than the current one. Passes over the tables until one from their
 * beginning finds nothing: rows that were held or written meanwhile are found by the next. A kill leaves whole chunks.
 */
export async function reseal(
  sql: Sql,
  keys: DataKeys,
  markPath: string,
  seam: Seam,
  chunkRows = CHUNK_ROWS,
): Promise<Passes> {
  let mark = await readMark(markPath, keys.sealGeneration)
  let resealed = 0
  for (let passes = 1; ; passes++) {
    const pass = await passOver(sql, keys, mark, chunkRows, seam, (next) => writeMark(markPath, next))
    resealed += pass.resealed
    await rm(markPath, { force: true })
    seam('pass ended')
    mark = null
    if (pass.found === 0) return { passes, resealed, lost: pass.lost }
  }
}

async function passOver(
  sql: Sql,
  keys: DataKeys,
  from: Mark | null,
  chunkRows: number,
  seam: Seam,
  note: (mark: Mark) => Promise<void>,
) {
  const generation = keys.sealGeneration
  const progress = createProgress({ label: 'sealing anew', total: await estimateSealed(sql), unit: 'rows' })
  const pass = { seen: 0, found: from?.found ?? 0, resealed: 0, lost: 0 }
  const tables = from === null ? SEALED_TABLES : SEALED_TABLES.slice(SEALED_TABLES.indexOf(from.table))
  for (const table of tables) {
    let after = from?.table === table ? from.after : beforeAll(table)
    const rowsMax = rowsAtOnce(table, chunkRows)
    for (;;) {
      const rows = await readSealed(sql, table, generation, after, rowsMax)
      const last = rows.at(-1)
      if (last === undefined) break
      const stale: Resealed[] = []
      for (const { key, subject, sealed } of rows) {
        if (sealed === null) continue
        if (keys.seal.has(sealed[0] ?? 0))
          stale.push({ key, former: sealed, sealed: anew(keys, table, subject, key, sealed) })
        else pass.lost++
      }
      pass.found += stale.length
      if (stale.length > 0) pass.resealed += await writeResealed(sql, table, stale)
      seam('chunk written')
      after = last.key
      await note({ generation, table, after: [...after], found: pass.found })
      seam('mark written')
      pass.seen += rows.length
      progress.update(pass.seen)
      if (rows.length < rowsMax) break
    }
  }
  progress.finish()
  return pass
}

/** A row that does not open stops it all: its key must not be thrown away before somebody has looked. Names no person. */
function anew(keys: DataKeys, table: SealedTable, subject: string, key: RowKey, sealed: Buffer): Buffer {
  try {
    return sealAnew(keys, table, subject, sealed)
  } catch (error) {
    if (!(error instanceof SealError)) throw error
    throw new UsageError(
      `a row of ${table} does not open, it was changed or moved: ${key.join(' ')}; no key is retired`,
    )
  }
}

async function readMark(path: string, generation: number): Promise<Mark | null> {
  const text = await readFile(path, 'utf8').catch(() => '')
  try {
    const mark = markSchema.parse(JSON.parse(text))
    return mark.generation === generation ? mark : null
  } catch {
    return null
  }
}

async function writeMark(path: string, mark: Mark): Promise<void> {
  const draft = `${path}.${process.pid}.draft`
  await writeFile(draft, JSON.stringify(mark), { mode: 0o600 })
  await rename(draft, path)
}
