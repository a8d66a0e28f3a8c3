import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { appendDeed } from '../audit/log.ts'
import { type DataKeysFile, dataKeysSchema, deriveDataKeys } from '../data-keys.ts'
import { connect, type Sql } from '../db/connect.ts'
import { ServiceError } from '../errors.ts'
import { CATALOGUE_FEED } from '../facility/facility.ts'
import { foreignKeys } from '../host/fitness.ts'
import { applyDelta } from '../sync/delta/apply.ts'
import { FEED_ID, MANIFEST_CHARACTERS_MAX, type Manifest, readManifest } from '../sync/manifest.ts'
import { rollingBack } from '../sync/rollback/store.ts'
import { stateBeforeLastFull } from '../sync/rollback/target.ts'
import { SHRINK_MAX_PERCENT } from '../sync/shrink.ts'
import { takeTurn } from '../sync/store.ts'
import { refuseOther } from '../sync/watermark/refuse-other.ts'
import { readBatches, readFeedState } from '../sync/watermark/store.ts'
import { readArguments, wholeNumber } from './arguments.ts'
import { DATA_FOLDER, dataFolder, readSecret } from './data-folder.ts'
import { systemCode } from './embedded/error.ts'
import { importCatalogue } from './import-catalogue.ts'
import { importFull } from './import-full.ts'
import { operatorDeed } from './operator-deed.ts'
import { dataKeysFileOf } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { refuseBesideRenaming } from './refuse-renaming.ts'
import { standBack, standBackend } from './stand-back.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'import MANIFEST [--accept-shrink "why"] [--shrink-max PERCENT] | import --rollback "why" [--feed vss]'
const REASON_CHARACTERS_MAX = 1_000

/**
 * `kiemthe import`, as the database's owner, beside whatever serves: takes a full feed or a delta from files. With
 * `--rollback` the copy becomes again what it was before the last full feed.
 */
export async function importCommand(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    {
      data: { type: 'string', default: DATA_FOLDER },
      feed: { type: 'string', default: 'vss' },
      rollback: { type: 'string' },
      'accept-shrink': { type: 'string' },
      'shrink-max': { type: 'string', default: String(SHRINK_MAX_PERCENT) },
    },
    true,
  )
  const [path, ...more] = positionals
  if (more.length > 0 || (path === undefined) === (values.rollback === undefined) || !FEED_ID.test(values.feed)) {
    throw new UsageError(USAGE)
  }
  const rollback = reasonOf(values.rollback)
  const acceptShrink = reasonOf(values['accept-shrink'])
  const shrinkMaxPercent = wholeNumber('--shrink-max', values['shrink-max'], 0, 100)
  const folder = dataFolder(values.data)
  const ownerUrl = await ownerUrlOf(folder)
  const keysFile = dataKeysFileOf(folder)
  const dataKeys = await readSecret(keysFile, dataKeysSchema)
  if (dataKeys === null)
    throw new UsageError(`there is no file ${keysFile}: set DATA_KEYS_FILE, or name the folder with --data`)
  const what = { ownerUrl, dataKeys, shrinkMaxPercent, acceptShrink, say }
  if (rollback === null) standBack() // a remedy does not wait
  if (rollback !== null) await withTurn(ownerUrl, (sql) => rollBack(sql, values.feed, dataKeys, rollback, say))
  else await takeFeed(path ?? '', what)
}

export interface TakeFeed {
  readonly ownerUrl: string
  readonly dataKeys: DataKeysFile
  readonly shrinkMaxPercent: number
  readonly acceptShrink: string | null
  readonly say: (line: string) => void
}

/** A full feed or a delta, from the path of its manifest. What is wrong with it is a `UsageError`. */
export function takeFeed(path: string, take: TakeFeed): Promise<void> {
  return withTurn(take.ownerUrl, async (sql) => {
    await standBackend(sql)
    refuseBesideRenaming(deriveDataKeys(take.dataKeys))
    const { manifest, dataFile } = await openFeed(sql, path)
    const foreign = await foreignKeys((run) => run(sql), deriveDataKeys(take.dataKeys))
    if (foreign.length > 0) throw new UsageError(foreign.join('\n'))
    const held = await readFeedState(sql, manifest.feed)
    if (held !== null && manifest.sequence <= held.sequence) {
      await refuseOther(sql, manifest)
      return take.say(`batch ${manifest.sequence} is in already, or overtaken: the copy is at ${held.sequence}`)
    }
    if (manifest.feed === CATALOGUE_FEED) await importCatalogue({ ...take, sql, manifest, dataFile })
    else if (manifest.kind === 'full') await importFull({ ...take, sql, manifest, dataFile })
    else await importDelta(sql, take.dataKeys, manifest, dataFile)
    await sayWhatCame(sql, manifest, take.say)
  })
}

/** One connection: what is set for it holds, and its lock lives as long as the work. */
async function withTurn(ownerUrl: string, work: (sql: Sql) => Promise<void>): Promise<void> {
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe import' })
  try {
    if (!(await takeTurn(sql))) throw new UsageError('another import runs on this database; wait for its end')
    await work(sql)
  } catch (error) {
    throw error instanceof ServiceError && error.code.startsWith('feed_') ? refusal(error) : error
  } finally {
    await sql.end({ timeout: 5 })
  }
}

function reasonOf(text: string | undefined): string | null {
  if (text === undefined) return null
  const reason = text.trim()
  if (reason === '' || reason.length > REASON_CHARACTERS_MAX) throw new UsageError(USAGE)
  return reason
}

async function openFeed(sql: Sql, path: string): Promise<{ manifest: Manifest; dataFile: string }> {
  const { size } = await stat(path).catch(missing(path))
  if (size > 2 * MANIFEST_CHARACTERS_MAX) throw new UsageError(`${path} is no manifest: it has ${size} bytes`)
  const jws = (await readFile(path, 'utf8')).trim()
  const manifest = await readManifest((run) => run(sql), jws, new Date())
  const dataFile = join(dirname(path), manifest.file)
  const data = await stat(dataFile).catch(missing(dataFile))
  if (data.size !== manifest.bytes) {
    throw new UsageError(
      `${dataFile} has ${data.size} bytes, its manifest says ${manifest.bytes}. Nothing was changed.`,
    )
  }
  return { manifest, dataFile }
}

/** A manifest or its data file that is not where it should be. */
function missing(path: string): (cause: unknown) => never {
  return (cause) => {
    throw systemCode(cause) === 'ENOENT' ? new UsageError(`there is no file ${path}. Nothing was changed.`) : cause
  }
}

async function importDelta(sql: Sql, dataKeys: DataKeysFile, manifest: Manifest, dataFile: string): Promise<void> {
  const keys = deriveDataKeys(dataKeys)
  const result = await applyDelta(sql, keys, manifest, createReadStream(dataFile), (kind, outcome, details) =>
    operatorDeed(keys, kind, null, outcome, details),
  )
  if (result.state === 'renamed') {
    throw new UsageError(
      'a rotation of the lookup key began meanwhile: nothing was changed; let it end, then try again',
    )
  }
  if (result.state === 'gap') {
    throw new UsageError(
      `batches ${result.missingFrom}–${result.missingTo} come first; ${result.endings} of its records that end a card were applied`,
    )
  }
}

async function sayWhatCame(sql: Sql, { feed, sequence }: Manifest, say: TakeFeed['say']): Promise<void> {
  const last = (await readBatches(sql, feed)).at(-1)
  if (last === undefined) throw new Error('a batch that was just applied is gone')
  say(
    `${last.kind} ${sequence} is in: ${last.opened} versions opened, ${last.closed} closed, ${last.quarantined} rows quarantined; ${last.rows} records in force`,
  )
}

export async function rollBack(
  sql: Sql,
  feed: string,
  dataKeys: DataKeysFile,
  reason: string,
  say: TakeFeed['say'],
): Promise<void> {
  if (feed === CATALOGUE_FEED) {
    throw new UsageError('a catalogue is not rolled back: the insurer gives the former rows a higher number')
  }
  const held = await readFeedState(sql, feed)
  const to = stateBeforeLastFull(await readBatches(sql, feed))
  if (held === null || to === null) throw new UsageError(`there is no state of ${feed} before its last full feed`)
  const outcome = { feed, sequence: to.sequence, from: held.sequence }
  const keys = deriveDataKeys(dataKeys)
  refuseBesideRenaming(keys)
  const row = operatorDeed(keys, 'feedRolledBack', null, outcome, { reason })
  const result = await appendDeed(sql, row, (with_) => rollingBack(with_, feed, held.sequence, to))
  if (result !== 'done') throw new UsageError('another batch was applied meanwhile; look again before you roll back')
  const again = held.sequence > to.sequence ? `${to.sequence + 1}–${held.sequence}` : 'none'
  say(`the copy is at ${to.sequence} again; deltas to be pulled again, or a full feed above ${to.sequence}: ${again}`)
}

function refusal(error: ServiceError): UsageError {
  return new UsageError(`${error.code}${error.detail === null ? '' : `: ${error.detail}`}. Nothing was changed.`)
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
