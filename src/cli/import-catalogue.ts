import { createReadStream } from 'node:fs'
import { todayInVietnam } from '../calendar.ts'
import { deriveDataKeys } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import { countFacilities, findEndedWithKeys } from '../facility/store.ts'
import { applyCatalogue } from '../sync/catalogue/apply.ts'
import { prepareCatalogue } from '../sync/catalogue/prepare.ts'
import { type FullImport, refuseShrink } from './import-full.ts'
import { operatorDeed } from './operator-deed.ts'
import { UsageError } from './usage-error.ts'

/** Codes that ended and still have keys, named at once; after those are revoked the next import names others. */
const ENDED_NAMED_MAX = 20

/** A catalogue of facilities from its files: read whole, then one statement. A kill leaves the old state or the new one. */
export async function importCatalogue(job: FullImport): Promise<void> {
  const { sql, manifest, acceptShrink } = job
  const keys = deriveDataKeys(job.dataKeys)
  const prepared = await prepareCatalogue(keys, manifest, createReadStream(job.dataFile))
  refuseShrink(job, await countFacilities(sql), prepared.facilities.length)
  const applied = await applyCatalogue(
    sql,
    manifest,
    prepared,
    (kind, outcome, details) => operatorDeed(keys, kind, null, outcome, details),
    { shrink: acceptShrink },
  )
  if (!applied) throw new UsageError('another catalogue came in meanwhile; run the command again')
  await sayEnded(sql, job.say)
}

/** Names the facilities that ended and can still take tokens: nobody takes their keys unasked. */
export async function sayEnded(sql: Sql, say: (line: string) => void): Promise<void> {
  for (const { code, validTo, mergedInto } of await findEndedWithKeys(
    sql,
    todayInVietnam(new Date()),
    ENDED_NAMED_MAX,
  )) {
    const successor = mergedInto === null ? '' : ` (merged into ${mergedInto})`
    say(`${code} ended on ${validTo}${successor} and has keys in force: facility revoke ${code}, once it is wound up`)
  }
}
