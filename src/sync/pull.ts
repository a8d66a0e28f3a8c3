import { type DataKeys, isRenaming } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import { ServiceError } from '../errors.ts'
import { fetchFile, listManifests } from './client.ts'
import { applyDelta, type DeltaResult, type MakeDeed } from './delta/apply.ts'
import { readParts } from './inbox/parts.ts'
import { findWaiting, forget, listWaiting } from './inbox/store.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { missingBefore, type SequenceRange } from './status.ts'
import { noteRefused, readFeedState } from './watermark/store.ts'

export interface PullJob {
  readonly sql: Sql
  readonly keys: DataKeys
  readonly feed: string
  readonly now: () => Date
  readonly deed: MakeDeed
  /** Batches behind a gap whose endings were applied: once is enough. Lives as long as the loop. */
  readonly ended: Set<number>
  readonly onBatch: (sequence: number, result: DeltaResult) => void
  readonly onCatalogue: (sequence: number, facilities: number, quarantined: number) => Promise<void>
  /** A batch that was pushed and cannot be taken: it is forgotten, the insurer may send it again. */
  readonly onRefused: (sequence: number, error: ServiceError) => void
}

/** A full feed that lost more than its share: an operator has to say that it is right. */
export class FeedShrank extends Error {}

/** What the insurer offers, its signature checked. */
export interface OfferedBatch {
  readonly manifest: Manifest
  readonly bytes: () => AsyncIterable<Uint8Array>
}

/**
 * Applies what was pushed, in order, and asks the insurer (`feedUrl`) for what is missing or new. Each batch is applied
 * by one statement, so that an end at any point leaves whole batches; the next pass goes on. Returns what is still missing.
 */
export async function pullPass(job: PullJob, feedUrl: string | null): Promise<SequenceRange[]> {
  if (isRenaming(job.keys)) return [] // its rows would have the former names: batches wait
  let offered: OfferedBatch[] | null = null
  for (;;) {
    const state = await readFeedState(job.sql, job.feed)
    if (state === null) return [] // a full feed comes first
    const waiting = (await listWaiting(job.sql, job.feed)).map((each) => each.sequence)
    for (const sequence of waiting.filter((each) => each <= state.sequence)) await forget(job.sql, job.feed, sequence)
    const next = state.sequence + 1
    if (waiting.includes(next)) {
      if ((await applyPushed(job, next)) === 'renamed') return [] // with the keys that the loop is given next
      continue
    }
    if (feedUrl !== null) offered ??= await noted(job, next, listOffered(job, feedUrl, 'delta', state.sequence))
    const batch = offered?.find(({ manifest }) => manifest.sequence === next)
    if (batch !== undefined) {
      if ((await noted(job, next, applyBatch(job, batch))).state === 'renamed') return []
      continue
    }
    const behind = offered?.filter(({ manifest }) => manifest.sequence > next) ?? []
    for (const each of behind) if (!job.ended.has(each.manifest.sequence)) await applyBatch(job, each)
    const held = waiting.filter((each) => each > next)
    for (const each of held) if (!job.ended.has(each)) await applyPushed(job, each)
    const known = [...held, ...behind.map(({ manifest }) => manifest.sequence)].toSorted((a, b) => a - b)
    return missingBefore(state.sequence, known)
  }
}

export async function listOffered(
  job: PullJob,
  feedUrl: string,
  kind: Manifest['kind'],
  after: number,
): Promise<OfferedBatch[]> {
  const batches: OfferedBatch[] = []
  for (const text of await listManifests(feedUrl, job.feed, after)) {
    const manifest = await readManifest((run) => run(job.sql), text, job.now())
    if (manifest.feed !== job.feed || manifest.kind !== kind || manifest.sequence <= after) continue
    batches.push({ manifest, bytes: () => fetchFile(feedUrl, manifest.file) })
  }
  return batches
}

/** What the insurer offers and cannot be taken is known to be missing. Where not even a manifest is right, the next one. */
export async function noted<T>(job: PullJob, sequence: number, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (isRefusal(error)) await noteRefused(job.sql, job.feed, sequence)
    throw error
  }
}

/** The feed is wrong, not the way to it: what is offered cannot be taken. */
export function isRefusal(error: unknown): boolean {
  return error instanceof FeedShrank || (error instanceof ServiceError && error.code.startsWith('feed_'))
}

async function applyPushed(job: PullJob, sequence: number): Promise<DeltaResult['state'] | 'refused'> {
  const query = <T>(run: (sql: Sql) => Promise<T>) => run(job.sql)
  const kept = await findWaiting(job.sql, job.feed, sequence)
  if (kept === null) return 'already'
  try {
    const manifest = await readManifest(query, kept.manifest, job.now())
    const result = await applyBatch(job, { manifest, bytes: () => readParts(query, job.keys, kept.upload) })
    if (result.state !== 'gap' && result.state !== 'renamed') await forget(job.sql, job.feed, sequence)
    return result.state
  } catch (error) {
    if (!(error instanceof ServiceError && isRefusal(error))) throw error
    await noteRefused(job.sql, job.feed, sequence)
    await forget(job.sql, job.feed, sequence)
    job.onRefused(sequence, error)
    return 'refused'
  }
}

async function applyBatch(job: PullJob, { manifest, bytes }: OfferedBatch): Promise<DeltaResult> {
  const result = await applyDelta(job.sql, job.keys, manifest, bytes(), job.deed)
  if (result.state === 'gap') job.ended.add(manifest.sequence)
  job.onBatch(manifest.sequence, result)
  return result
}
