import { createReadStream } from 'node:fs'
import { appendDeed } from '../audit/log.ts'
import { type DataKeysFile, deriveDataKeys } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import type { RowFault } from '../sync/check-row.ts'
import { type Lines, readLines } from '../sync/data-file.ts'
import {
  clearStage,
  countStaged,
  findContradictions,
  findDifference,
  merging,
  openStage,
  setAside,
  useMuchMemory,
} from '../sync/full/store.ts'
import { type ChunkTarget, keyCheckOf, type LoadPlan, sealQuarantined } from '../sync/load.ts'
import type { Manifest } from '../sync/manifest.ts'
import { hasShrunk } from '../sync/shrink.ts'
import { beginLoad, buildKeys, discardLoad, finishing, LoadRefused, restoreKeys } from '../sync/store.ts'
import { readFeedState } from '../sync/watermark/store.ts'
import { startImportThreads } from './import-threads.ts'
import { operatorDeed } from './operator-deed.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

/** Rows of one transaction; a kill loses at most four of them. */
const CHUNK_ROWS = 5_000
const SET_ASIDE_AT_ONCE = 1_000

export interface FullImport {
  readonly sql: Sql
  readonly ownerUrl: string
  readonly dataKeys: DataKeysFile
  readonly manifest: Manifest
  readonly dataFile: string
  /** Of the rows we hold, per cent, that a full feed may lack without being asked about. */
  readonly shrinkMaxPercent: number
  /** Why a feed that lacks more is right. */
  readonly acceptShrink: string | null
  readonly say: (line: string) => void
}

/**
 * A full feed into the copy. Into an empty one rows go straight (`sync/store.ts`); a feed that contradicts itself there, and
 * every later one, goes by the stage (`sync/full/store.ts`). A kill at any point: the old state answers and the same
 * command goes on, or the new one does and the command says so.
 */
export async function importFull(job: FullImport): Promise<void> {
  const { sql, manifest } = job
  const held = await readFeedState(sql, manifest.feed)
  refuseShrink(job, held?.rows ?? 0, manifest.rows)
  await useMuchMemory(sql)
  if (held === null) {
    try {
      return await loadEmpty(job)
    } catch (error) {
      if (!(error instanceof LoadRefused)) throw error
      job.say('the feed contradicts itself; loading it once more by the stage, to set such rows aside …')
      await discardLoad(sql, planOf(job))
      await restoreKeys(sql)
    }
  }
  await loadByStage(job)
}

function planOf({ manifest, dataKeys }: Pick<FullImport, 'manifest' | 'dataKeys'>): LoadPlan {
  return {
    feed: manifest.feed,
    sequence: manifest.sequence,
    source: `feed ${manifest.sha256}`,
    rows: manifest.rows,
    chunkRows: CHUNK_ROWS,
    keyCheck: keyCheckOf(deriveDataKeys(dataKeys)),
    asOf: new Date(manifest.asOf),
  }
}

async function loadEmpty(job: FullImport): Promise<void> {
  const { sql, manifest } = job
  let plan = planOf(job)
  let begun = await beginLoad(sql, plan)
  if (begun.state === 'otherSource') {
    job.say(`an unfinished load of ${begun.source} is taken away`)
    await discardLoad(sql, plan)
    begun = await beginLoad(sql, plan)
  }
  if (begun.state !== 'open') throw new Error('a finished load without a watermark')
  plan = { ...plan, asOf: begun.asOf }
  await runChunks(job, plan, 'copy', begun.chunksDone)
  job.say('building the indexes …')
  await buildKeys(sql)
  const deed = operatorDeed(
    deriveDataKeys(job.dataKeys),
    'feedApplied',
    null,
    outcomeOf(job, manifest.rows),
    detailsOf(job),
  )
  await appendDeed(sql, deed, (with_) => finishing(with_, plan, manifest.sha256))
}

async function loadByStage(job: FullImport): Promise<void> {
  const plan = stagePlan(job)
  const staged = await openStage(job.sql, plan.source)
  await runChunks(job, plan, 'stage', new Set(staged.keys()))
  await mergeStaged(job)
}

/** Its `source` names the stage's content: another file, or other keys, are another load. */
export function stagePlan(job: Pick<FullImport, 'manifest' | 'dataKeys'>): LoadPlan {
  const plan = planOf(job)
  return { ...plan, source: `${plan.feed}/${plan.sequence} ${job.manifest.sha256} ${plan.keyCheck}` }
}

/** A delta a minute, and a comparison of a minute: some meet. More is a feed that should not be merged beside another. */
const MERGES_MAX = 5

/** The stage is full: it is compared with the copy, then one statement makes the new state. */
export async function mergeStaged(job: FullImport): Promise<void> {
  job.say('looking for rows that contradict one another …')
  await setContradictionsAside(job)
  const rows = await countStaged(job.sql)
  const one = await job.sql.reserve() // what differs lies in tables of a connection
  try {
    for (let turn = 1; (await merge(job, one, rows)) !== 'done'; turn++) {
      if (turn === MERGES_MAX) {
        throw new UsageError('other batches were applied meanwhile, or a rotation began; run the command again')
      }
      job.say('another batch was applied meanwhile; comparing once more …')
    }
  } finally {
    one.release()
  }
  await clearStage(job.sql)
}

/** `done`, unless the copy became another one between comparing and writing: then nothing was changed. */
async function merge(job: FullImport, one: Sql, rows: number): Promise<string> {
  const { manifest } = job
  // deltas went on meanwhile: a revocation does not wait for millions of rows
  const held = await readFeedState(one, manifest.feed)
  const expected = held?.sequence ?? null
  if (expected !== null && expected >= manifest.sequence) {
    throw new UsageError(`the copy is at ${expected} meanwhile: this feed, ${manifest.sequence}, is overtaken`)
  }
  refuseShrink(job, held?.rows ?? 0, rows)
  job.say('comparing …')
  const foundAt = await findDifference(one, manifest.feed, manifest.sequence)
  job.say('merging …')
  const keys = deriveDataKeys(job.dataKeys)
  const [generation] = keys.lookupGenerations
  const merge = { ...stagePlan(job), digest: manifest.sha256, rows, expected, foundAt, generation }
  const deed = operatorDeed(keys, 'feedApplied', null, outcomeOf(job, rows), detailsOf(job))
  return appendDeed(one, deed, (with_) => merging(with_, merge))
}

/** The whole file passes, chunks that are in already too: only at its end is it known to be the signed one. */
async function runChunks(
  job: FullImport,
  plan: LoadPlan,
  target: ChunkTarget,
  done: ReadonlySet<number>,
): Promise<void> {
  const progress = createProgress({ label: 'records', total: plan.rows, unit: 'records' })
  let rows = 0
  const count = (more: number) => {
    rows += more
    progress.update(rows)
  }
  if (done.size > 0) job.say(`going on with an interrupted import: ${done.size} chunks are in`)
  const { ownerUrl: databaseUrl, dataKeys } = job
  const data = { databaseUrl, dataKeys, plan, target }
  const threads = startImportThreads(data, count)
  try {
    for await (const lines of linesOf(job)) {
      const chunk = lines.position / CHUNK_ROWS
      if (done.has(chunk)) count(lines.count)
      else await threads.give(chunk, lines)
    }
    await threads.finish()
    progress.finish()
  } catch (error) {
    progress.fail()
    throw error
  } finally {
    await threads.stop()
  }
}

function linesOf({ manifest, dataFile }: FullImport): AsyncGenerator<Lines> {
  return readLines(manifest, createReadStream(dataFile, { highWaterMark: 1024 * 1024 }), CHUNK_ROWS)
}

/** The stage has such rows sealed as coverages; as quarantined rows they are kept as they came, so the file is read again. */
async function setContradictionsAside(job: FullImport): Promise<void> {
  const found = await findContradictions(job.sql)
  if (found.length === 0) return
  const keys = deriveDataKeys(job.dataKeys)
  const { feed, sequence } = job.manifest
  const reasons = new Map(found.map((each) => [each.position, each.reason]))
  let bad: { position: number; reason: RowFault; sealed: Buffer }[] = []
  const flush = async () => {
    if (bad.length > 0) await setAside(job.sql, bad)
    bad = []
  }
  for await (const lines of linesOf(job)) {
    for (let i = 0, from = 0; i < lines.count; i++) {
      const end = lines.bytes.indexOf(0x0a, from)
      const position = lines.position + i
      const reason = reasons.get(position)
      if (reason !== undefined) {
        const line = lines.bytes.subarray(from, end < 0 ? undefined : end)
        bad.push({ position, reason, sealed: sealQuarantined(keys, feed, sequence, position, line) })
        if (bad.length === SET_ASIDE_AT_ONCE) await flush()
      }
      from = end + 1
    }
  }
  await flush()
}

export function refuseShrink(
  job: Pick<FullImport, 'acceptShrink' | 'shrinkMaxPercent'>,
  held: number,
  rows: number,
): void {
  if (job.acceptShrink !== null || !hasShrunk(held, rows, job.shrinkMaxPercent)) return
  throw new UsageError(
    `the feed has ${rows} usable rows, our copy ${held}: over ${job.shrinkMaxPercent} % fewer. Nothing was changed. If that is right: --accept-shrink "why"`,
  )
}

function outcomeOf({ manifest, acceptShrink }: FullImport, rows: number) {
  const { feed, sequence, kind } = manifest
  return { feed, sequence, kind, rows, ...(acceptShrink === null ? {} : { shrink: 'accepted' }) }
}

function detailsOf({ manifest, acceptShrink }: FullImport) {
  return { sha256: manifest.sha256, ...(acceptShrink === null ? {} : { shrinkReason: acceptShrink }) }
}
