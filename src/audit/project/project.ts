import type { DataKeys } from '../../data-keys.ts'
import type { Query } from '../../db/pool.ts'
import { describeFailure, type Failure } from '../../event.ts'
import { SealError } from '../../seal.ts'
import type { ClaimRow, Transition } from './claim-rows.ts'
import { notice } from './notice.ts'
import { NO_CLAIMS, noticeClaims } from './notice-claims.ts'
import type { RawEntry } from './raw-entry.ts'
import { type CheckRow, type Projected, project, projectBody } from './rows.ts'
import {
  beginGeneration,
  dropFormer,
  keepStretch,
  readBefore,
  readBeforeClaims,
  readGenerations,
  readStretch,
  switchGeneration,
} from './store.ts'

/** What `kiemthe project` works with. */
export interface ProjectJob {
  readonly logId: number
  readonly query: Query
  /** Replaced when its file changes. */
  readonly keys: { readonly current: DataKeys }
  /** Details of the entry at a place do not open: its row stands without them. */
  readonly notOpened: (place: number, failure: Failure) => void
}

/** Each pass: the generation that serves is brought up to the head first, then one that is filling, then a former one goes. */
export async function projectPass(job: ProjectJob, signal?: AbortSignal): Promise<number> {
  let entries = 0
  const generations = await job.query((sql) => readGenerations(sql, job.logId))
  for (const { generation } of generations.filter(({ state }) => state === 'serving')) {
    entries += await catchUp(job, generation, signal)
  }
  for (const { generation } of generations.filter(({ state }) => state === 'filling')) {
    entries += await catchUp(job, generation, signal)
    if (signal?.aborted !== true) await job.query((sql) => switchGeneration(sql, job.logId))
  }
  for (const { generation } of generations.filter(({ state }) => state === 'former')) {
    while (signal?.aborted !== true && (await job.query((sql) => dropFormer(sql, job.logId, generation))));
  }
  return entries
}

/** From nothing, into a second generation; what was there serves until that has seen as much. */
export async function rebuild(job: ProjectJob): Promise<void> {
  await job.query((sql) => readGenerations(sql, job.logId))
  await job.query((sql) => beginGeneration(sql, job.logId))
}

async function catchUp(job: ProjectJob, generation: number, signal?: AbortSignal): Promise<number> {
  let entries = 0
  while (signal?.aborted !== true) {
    const read = await step(job, generation)
    if (read === null) break
    entries += read
  }
  return entries
}

/** Before all entries: a log that ended empty. */
const NEVER = '1970-01-01T00:00:00.000Z'

/** How many entries were read; null: there is nothing more. A kill anywhere in it leaves the cursor where it was, and with it all rows. */
async function step(job: ProjectJob, generation: number): Promise<number | null> {
  const stretch = await job.query((sql) => readStretch(sql, job.logId, generation))
  if (stretch.to <= stretch.from) return null
  const made = { checks: [] as CheckRow[], claims: [] as ClaimRow[], transitions: [] as Transition[] }
  const erased = new Set<number>()
  for (const entry of stretch.entries) {
    const projected = projectOne(job, entry)
    if (projected?.kind === 'check') made.checks.push(projected.row)
    if (projected?.kind === 'claim') made.claims.push(projected.row)
    if (projected?.kind === 'transition') made.transitions.push(projected.transition)
    if (projected?.kind === 'erasure') for (const index of projected.entries) erased.add(index)
  }
  const { checks, claims } = made
  const logTime = stretch.through ?? NEVER
  const before = await job.query((sql) => readBefore(sql, job.logId, generation, checks, logTime))
  const noticed = notice(checks, before, logTime)
  const beforeClaims = await (claims.length === 0
    ? NO_CLAIMS
    : job.query((sql) => readBeforeClaims(sql, job.logId, generation, claims)))
  const flags = [...noticed.flags, ...noticeClaims(claims, checks, made.transitions, beforeClaims)]
  const kept = { ...made, erased: [...erased] }
  await job.query((sql) => keepStretch(sql, job.logId, generation, stretch, kept, { ...noticed, flags }))
  return stretch.length
}

/** Details under a key that comes later (a rotation that this process has not taken up) are waited for; damaged ones are not. */
function projectOne(job: ProjectJob, entry: RawEntry): Projected | null {
  const keys = job.keys.current
  try {
    return project(keys, entry)
  } catch (error) {
    if (!(error instanceof SealError) || (entry.sealed?.[0] ?? 0) > Math.max(...keys.seal.keys())) throw error
    job.notOpened(entry.index, describeFailure(error))
    return projectBody(keys, entry)
  }
}
