import { type DataKeys, type LookupKey, nextName } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import {
  type AliasRow,
  estimateCoverages,
  indexAliases,
  type RenamedAlias,
  readAliasChanges,
  readAliasesOf,
  readCoverages,
  readNames,
  readStrays,
  tellGeneration,
  writeAliasChanges,
  writeRenamed,
  writeStrays,
} from '../../db/rename.ts'
import { SealError, sealAnew } from '../../seal.ts'
import { createProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'
import type { Seam } from './reseal.ts'

/** 1,000 rows are some 400 KB and 40 ms of sealing and hashing: short statements beside desks that wait. */
const CHUNK_ROWS = 1_000
const BEFORE_ALL = '0'.repeat(32) as LookupKey

/**
 * Gives each person the name under the newest generation. Passes in the order of the names until one finds nothing: a
 * renamed row comes up again where its new name stands, and `renamed_to` tells. A kill leaves whole people.
 */
export async function renameAll(sql: Sql, keys: DataKeys, seam: Seam, chunkRows = CHUNK_ROWS): Promise<number> {
  const generation = keys.lookup.length
  await tellGeneration(sql, generation)
  seam('generation told')
  await indexAliases(sql)
  seam('aliases indexed')
  let renamed = 0
  for (;;) {
    const people = await passOverPeople(sql, keys, chunkRows, seam)
    renamed += people.renamed
    const strays = people.found === 0 ? await passOverStrays(sql, keys, chunkRows, seam) : 0
    const changes = people.found + strays === 0 ? await passOverAliasChanges(sql, keys, chunkRows, seam) : 0
    renamed += strays + changes
    if (people.found + strays + changes === 0) return renamed
  }
}

async function passOverPeople(sql: Sql, keys: DataKeys, chunkRows: number, seam: Seam) {
  const generation = keys.lookup.length
  const total = await estimateCoverages(sql)
  const progress = createProgress({ label: 'renaming', total, unit: 'rows' })
  const pass = { found: 0, renamed: 0 }
  for (let after = BEFORE_ALL; ; ) {
    const rows = await readNames(sql, 'coverage', generation, after, chunkRows)
    const subjects = [...new Set(rows.filter(({ isRenamed }) => !isRenamed).map(({ name }) => name))]
    if (subjects.length > 0) {
      pass.found += subjects.length
      pass.renamed += await renamePeople(sql, keys, subjects)
      seam('people renamed')
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < chunkRows) break
    after = last.name
    progress.update(Math.round(total * shareBefore(after)))
  }
  progress.finish()
  return pass
}

async function renamePeople(sql: Sql, keys: DataKeys, subjects: readonly LookupKey[]): Promise<number> {
  const coverages = await readCoverages(sql, subjects)
  const aliases = await readAliasesOf(sql, subjects)
  return writeRenamed(
    sql,
    keys.lookup.length,
    coverages.map((row) => {
      const subject = nextName(keys, row.subject)
      return { row, subject, sealed: boundTo(keys, row, subject) }
    }),
    aliases.map((row) => renamedAlias(keys, row)),
  )
}

function renamedAlias(keys: DataKeys, row: AliasRow): RenamedAlias {
  return { row, alias: nextName(keys, row.alias), subject: nextName(keys, row.subject) }
}

/** A row that does not open cannot be bound to a new name: somebody must look first. Names no person. */
function boundTo(keys: DataKeys, row: { subject: LookupKey; sealed: Buffer }, subject: LookupKey): Buffer {
  try {
    return sealAnew(keys, 'coverage', row.subject, row.sealed, subject)
  } catch (error) {
    if (!(error instanceof SealError)) throw error
    throw new UsageError(`a row of coverage does not open: subject ${row.subject}; nothing of it is renamed`)
  }
}

async function passOverStrays(sql: Sql, keys: DataKeys, chunkRows: number, seam: Seam): Promise<number> {
  const generation = keys.lookup.length
  return passOverNames(sql, 'alias', generation, chunkRows, async (names) => {
    const strays = await readStrays(sql, generation, names)
    await writeStrays(
      sql,
      generation,
      strays.map((row) => renamedAlias(keys, row)),
    )
    seam('strays renamed')
  })
}

async function passOverAliasChanges(sql: Sql, keys: DataKeys, chunkRows: number, seam: Seam): Promise<number> {
  const generation = keys.lookup.length
  return passOverNames(sql, 'alias_change', generation, chunkRows, async (names) => {
    const changes = await readAliasChanges(sql, generation, names)
    await writeAliasChanges(
      sql,
      generation,
      changes.map((row) => ({
        row,
        alias: nextName(keys, row.alias),
        former: row.former === null ? null : nextName(keys, row.former),
      })),
    )
    seam('alias changes renamed')
  })
}

/** Returns how many still had the former name. */
async function passOverNames(
  sql: Sql,
  table: 'alias' | 'alias_change',
  generation: number,
  chunkRows: number,
  rename: (names: readonly LookupKey[]) => Promise<void>,
): Promise<number> {
  let found = 0
  for (let after = BEFORE_ALL; ; ) {
    const rows = await readNames(sql, table, generation, after, chunkRows)
    const names = rows.filter(({ isRenamed }) => !isRenamed).map(({ name }) => name)
    if (names.length > 0) {
      found += names.length
      await rename(names)
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < chunkRows) return found
    after = last.name
  }
}

/** Names are as good as random: how far a pass has come in their order is how much of it is done. */
function shareBefore(name: LookupKey): number {
  return Number.parseInt(name.slice(0, 8), 16) / 2 ** 32
}
