import { setTimeout as sleep } from 'node:timers/promises'
import { type DataKeys, isRenaming } from '../data-keys.ts'
import { connect, type Sql } from '../db/connect.ts'
import { ServiceError } from '../errors.ts'
import { CATALOGUE_FEED } from '../facility/facility.ts'
import { foreignKeys, syncUnfitness } from '../host/fitness.ts'
import { StartError } from '../host/start-error.ts'
import { watchFiles } from '../host/watch-files.ts'
import { retryAfterMs } from '../sync/backoff.ts'
import { pullCatalogue } from '../sync/catalogue/pull.ts'
import { FeedUnreachable } from '../sync/client.ts'
import { sweepUploads } from '../sync/inbox/store.ts'
import { FEED_ID } from '../sync/manifest.ts'
import { isRefusal, type PullJob, pullPass } from '../sync/pull.ts'
import type { SequenceRange } from '../sync/status.ts'
import { readArguments, wholeNumber } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { sayEnded } from './import-catalogue.ts'
import { operatorDeed } from './operator-deed.ts'
import { dataKeysFileOf, dataKeysIn } from './owner-keys.ts'
import { feedUrlOf } from './owner-url.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'pull [--url URL] [--every SECONDS] [--feed vss | --feed vss-facilities --url URL] [--once]'
/** Pushed batches are looked for this often: a delta is visible within 5 s of its arrival, 3 s of them are its own. */
const INBOX_EVERY_MS = 1_000
const SOURCE_EVERY_SECONDS = 60
const RENAMING = 'a rotation of the lookup key is under way: batches wait until it ends'

/**
 * `kiemthe pull`, with the role `kiemthe_sync`, beside whatever serves: applies the deltas that were pushed
 * (`POST /v1/sync/batches`) and, with --url, fetches those that the insurer offers. `--once`: one pass of both. With
 * `--feed vss-facilities` it fetches catalogues of facilities instead: a loop has one feed, so none waits for another's file.
 */
export async function pull(args: string[]): Promise<void> {
  const { values } = readArguments(args, {
    data: { type: 'string', default: DATA_FOLDER },
    url: { type: 'string' },
    every: { type: 'string', default: String(SOURCE_EVERY_SECONDS) },
    feed: { type: 'string', default: 'vss' },
    once: { type: 'boolean', default: false },
  })
  const everyMs = wholeNumber('--every', values.every, 1, 86_400) * 1_000
  if (!FEED_ID.test(values.feed) || (values.url !== undefined && !URL.canParse(values.url))) throw new UsageError(USAGE)
  const folder = dataFolder(values.data)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const { job, close } = await openPull(await feedUrlOf(folder), dataKeysFileOf(folder), values.feed, say)
  try {
    const url = values.url ?? null
    if (values.once) await onePass(job, url)
    else await pullLoop(job, url, everyMs, say, stop.signal)
  } finally {
    await close()
  }
}

export interface OpenPull {
  readonly job: PullJob
  readonly close: () => Promise<void>
}

/** With a connection of its own; a role or keys that do not fit are refused. Its keys are renewed beside the loop. */
export async function openPull(
  databaseUrl: string,
  dataKeysFile: string,
  feed: string,
  sayBatch: (line: string) => void,
): Promise<OpenPull> {
  const readKeys = () => dataKeysIn(dataKeysFile)
  const held = { keys: await readKeys() }
  const sql = connect(databaseUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe pull' })
  const end = () => sql.end({ timeout: 5 })
  try {
    const refuseForeign = async (keys: DataKeys) => {
      const foreign = await foreignKeys((run) => run(sql), keys)
      if (foreign.length > 0) throw new UsageError(foreign.join('\n'))
      if (isRenaming(keys)) say(RENAMING)
    }
    if (isRenaming(held.keys)) say(RENAMING)
    const problems = await syncUnfitness((run) => run(sql), held.keys)
    if (problems.length > 0) throw new StartError(problems)
    // a rotation of keys goes on beside this loop
    const useKeys = async () => {
      const keys = await readKeys()
      await refuseForeign(keys)
      held.keys = keys
    }
    const watch = await watchFiles([dataKeysFile], useKeys, (error) =>
      say(`keys were not renewed, the former ones stay: ${describe(error)}`),
    )
    const close = () => {
      watch.stop()
      return end()
    }
    return { job: pullJob(sql, held, feed, sayBatch), close }
  } catch (error) {
    await end()
    throw error
  }
}

/** Each pass works with the keys that are held when it begins. */
export function pullJob(
  sql: Sql,
  held: { readonly keys: DataKeys },
  feed: string,
  say_: (line: string) => void,
): PullJob {
  return {
    sql,
    get keys() {
      return held.keys
    },
    feed,
    now: () => new Date(),
    deed: (kind, outcome, details) => operatorDeed(held.keys, kind, null, outcome, details),
    ended: new Set(),
    onBatch: (sequence, result) => {
      if (result.state === 'applied') {
        say_(`batch ${sequence}: ${result.changes} records changed, ${result.quarantined} rows quarantined`)
      } else if (result.state === 'gap') {
        say_(
          `batch ${sequence} waits for ${result.missingFrom}–${result.missingTo}; ${result.endings} cards that ended were applied`,
        )
      }
    },
    onCatalogue: async (sequence, facilities, quarantined) => {
      say_(`catalogue ${sequence} is in: ${facilities} facilities, ${quarantined} rows quarantined`)
      await sayEnded(sql, say_)
    },
    onRefused: (sequence, error) => say_(`batch ${sequence} was refused: ${error.code} ${error.detail ?? ''}`),
  }
}

/** Of a job's feed: what it brings in, and which numbers are missing then. */
function pass(job: PullJob, url: string | null): Promise<SequenceRange[]> {
  return job.feed === CATALOGUE_FEED ? pullCatalogue(job, url) : pullPass(job, url)
}

async function onePass(job: PullJob, url: string | null): Promise<void> {
  try {
    const missing = await pass(job, url)
    if (missing.length > 0) say(`missing: ${missing.map(({ from, to }) => `${from}–${to}`).join(', ')}`)
  } catch (error) {
    if (isFeedTrouble(error)) throw new UsageError(describe(error))
    throw error
  }
}

/**
 * Two loops: what was pushed goes in while the insurer's server is slow to answer, or a file of it to come. A pass that
 * fails is told and tried again: the watermark is in the database, nothing is lost.
 */
export async function pullLoop(
  job: PullJob,
  url: string | null,
  everyMs: number,
  say_: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const pushed = async () => {
    await sweepUploads(job.sql)
    return pass(job, null)
  }
  await Promise.all([
    job.feed === CATALOGUE_FEED ? null : repeat(pushed, INBOX_EVERY_MS, say_, signal),
    url === null ? null : repeat(() => pass(job, url), everyMs, say_, signal),
  ])
}

async function repeat(
  work: () => Promise<SequenceRange[]>,
  everyMs: number,
  say_: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0
  let missingSaid = ''
  while (!signal.aborted) {
    try {
      const missing = (await work()).map(({ from, to }) => `${from}–${to}`).join(', ')
      if (missing !== missingSaid && missing !== '') say_(`missing: ${missing}`)
      missingSaid = missing
      failures = 0
      await pause(everyMs, signal)
    } catch (error) {
      const waitMs = retryAfterMs(++failures, Math.random)
      say_(`${describe(error)}; tried again in ${(waitMs / 1_000).toFixed(1)} s`)
      await pause(waitMs, signal)
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, null, { signal }).catch(() => {}) // rejects when it is time to stop
}

/** The insurer's trouble: what was pushed goes in meanwhile. */
function isFeedTrouble(error: unknown): boolean {
  return error instanceof FeedUnreachable || isRefusal(error)
}

function describe(error: unknown): string {
  if (error instanceof ServiceError) return error.detail === null ? error.code : `${error.code}: ${error.detail}`
  return error instanceof Error ? error.message : 'something was thrown'
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
