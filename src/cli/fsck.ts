import { createReadStream } from 'node:fs'
import { type FileHandle, open as openFile, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { readCheckpoint } from '../audit/checkpoint.ts'
import {
  checkpointIn,
  type ExportHeader,
  exportHeaderSchema,
  exportSource,
  type ReadHashes,
  sealedTree,
} from '../audit/fsck/export.ts'
import { describeFinding } from '../audit/fsck/findings.ts'
import { type FsckLog, type FsckOptions, type FsckReport, type FsckReports, fsck } from '../audit/fsck/fsck.ts'
import { databaseSource } from '../audit/fsck/store.ts'
import { HASH_BYTES } from '../audit/merkle.ts'
import { ED25519, ed25519Verifier, type NoteVerifier, readNote, readVerifierKey } from '../audit/signed-note.ts'
import { readLogs } from '../audit/succession/store.ts'
import { endingIn } from '../audit/succession/successor.ts'
import { readLogKeys } from '../audit/tree/store.ts'
import { PolicyInvalid, readPolicy } from '../audit/witness/policy.ts'
import { connect } from '../db/connect.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'fsck [--export FILE] [--keys FILE | POLICY] [--checkpoint FILE] [--without-details] [--data DIR]'
const EXIT_FOUND = 1

/**
 * `kiemthe fsck`: recomputes the whole log and says what is wrong where; ends with 1 when something is. From the database,
 * as its owner, beside the running service; or from a file of `kiemthe export`, with public keys and nothing else.
 */
export async function fsckCommand(args: string[]): Promise<void> {
  const { values } = readArguments(args, {
    data: { type: 'string', default: DATA_FOLDER },
    export: { type: 'string' },
    keys: { type: 'string' },
    checkpoint: { type: 'string' },
    'without-details': { type: 'boolean', default: false },
  })
  const given = values.keys === undefined ? null : trustIn(await readFile(values.keys, 'utf8'))
  if (given?.verifiers.length === 0)
    throw new UsageError(`${values.keys} holds no verifier key (name+id+key, as GET /v1/log/keys)`)
  const kept = values.checkpoint === undefined ? null : await readFile(values.checkpoint, 'utf8')
  const report =
    values.export === undefined
      ? await checkDatabase(values.data, given, kept, values['without-details'])
      : await checkExport(values.export, given, kept)
  process.stdout.write(report.logs.map(({ logId, report: one }) => describeLog(logId, one)).join(''))
  const total = report.logs.reduce((sum, { report: one }) => sum + wrongIn(one), 0)
  process.stdout.write(describeAll(report, total))
  if (total > 0) process.exitCode = EXIT_FOUND
}

async function checkDatabase(
  data: string,
  given: Trust | null,
  kept: string | null,
  blind: boolean,
): Promise<FsckReports> {
  const folder = dataFolder(data)
  const sql = connect(await ownerUrlOf(folder), {
    connectionsMax: 2, // entries and details of a page at once
    statementTimeoutMs: 0,
    applicationName: 'kiemthe fsck',
  })
  try {
    const keys = blind ? null : await ownerDataKeys(folder)
    const known = (await readLogKeys(sql)).flatMap((log) => log.keys)
    if (given === null && known.length > 0) {
      process.stderr.write('keys are taken from the database itself: bring them from outside with --keys\n')
    }
    const trust = given ?? { verifiers: known.flatMap(({ verifier }) => verifiersIn(verifier)), policy: null }
    const here = await readLogs(sql)
    const logs = here.map(async ({ logId }, place) => {
      const ending = endingIn(here[place + 1]?.firstBody ?? null)
      const source = await databaseSource(sql, logId, keys !== null)
      return { logId, source, ending: ending?.logId === logId ? ending : null }
    })
    return await run(await Promise.all(logs), kept, { ...trust, keys })
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function checkExport(path: string, given: Trust | null, kept: string | null): Promise<FsckReports> {
  if (given === null) throw new UsageError(`${USAGE}\nan export is checked with keys from outside: --keys FILE`)
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })[
    Symbol.asyncIterator
  ]()
  const first = await lines.next()
  const header = exportHeaderSchema.safeParse(first.done === true ? null : jsonOf(first.value))
  if (!header.success) throw new UsageError(`${path} is no file of kiemthe export`)
  const hashes = await openFile(`${path}.hashes`).catch(() => null)
  try {
    const sealed = hashes === null ? null : await sealedIn(hashes, header.data, kept)
    if (sealed === null) {
      process.stderr.write(
        `${path}.hashes ${hashes === null ? 'is not there' : 'is not what the checkpoint was signed over'}: ` +
          'of a changed entry it is told that there is one, not which\n',
      )
    }
    const log = { logId: header.data.log, source: exportSource(header.data, lines, sealed), ending: null }
    return await run([log], kept, { ...given, keys: null })
  } finally {
    await hashes?.close()
  }
}

function sealedIn(hashes: FileHandle, header: ExportHeader, kept: string | null) {
  const read: ReadHashes = async (from, to) => {
    const bytes = Buffer.alloc((to - from) * HASH_BYTES)
    const { bytesRead } = await hashes.read(bytes, 0, bytes.length, from * HASH_BYTES)
    return bytes.subarray(0, bytesRead)
  }
  const checkpoint = checkpointIn(kept) ?? checkpointIn(header.checkpoint)
  return checkpoint?.origin === header.origin ? sealedTree(read, checkpoint) : null
}

async function run(found: readonly FsckLog[], kept: string | null, options: FsckOptions): Promise<FsckReports> {
  const keptOrigin = readCheckpoint(readNote(kept ?? '')?.text ?? '')?.origin
  if (kept !== null && found.every(({ source }) => source.end.origin !== keptOrigin))
    throw new UsageError('--checkpoint: no checkpoint of a log that is here')
  const logs = found.map((log) => {
    const { source } = log
    return source.end.origin === keptOrigin
      ? { ...log, source: { ...source, end: { ...source.end, checkpoint: kept } } }
      : log
  })
  const total = logs.reduce((sum, { source }) => sum + source.end.size, 0)
  const progress = createProgress({ label: 'checking', total, unit: 'entries' })
  try {
    const report = await fsck(logs, { ...options, progress: progress.update })
    progress.finish()
    return report
  } catch (error) {
    progress.fail()
    throw error
  }
}

function describeLog(logId: number, report: FsckReport): string {
  const { entries, checkpoint, cosignatures, findings } = report
  const lines = [
    `log ${logId}: ${entries} entries`,
    checkpoint === null
      ? 'no checkpoint was verified: what was not published can be rewritten by whoever has the database'
      : `checkpoint of ${checkpoint.size} entries, signed by ${checkpoint.signedBy.join(', ')}`,
    ...cosignatures.map(({ witness, state }) => `cosignature of ${witness}: ${state}`),
    ...findings.map((finding) => `WRONG: ${describeFinding(finding)}`),
  ]
  const unnamed = wrongIn(report) - findings.length
  if (unnamed > 0) lines.push(`and ${unnamed} more`)
  return `${lines.join('\n')}\n`
}

function describeAll({ details }: FsckReports, total: number): string {
  const seen =
    details === null ? 'details were not opened' : `${details.opened} details opened, ${details.erased} not there`
  return `${seen}\n${total === 0 ? 'all is as it was recorded' : `${total} things are wrong`}\n`
}

function wrongIn({ counts }: FsckReport): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

/** What is believed, from outside the database. */
type Trust = Pick<FsckOptions, 'policy'> & { readonly verifiers: NoteVerifier[] }

/** A policy (C2SP tlog-policy) says which cosignatures are wanted, too; any other text holds keys only. */
function trustIn(text: string): Trust {
  const verifiers = verifiersIn(text)
  if (!/^\s*quorum\s/m.test(text)) return { verifiers, policy: null }
  try {
    return { verifiers, policy: readPolicy(text) }
  } catch (error) {
    throw error instanceof PolicyInvalid ? new UsageError(`--keys: ${error.message}`) : error
  }
}

/** Whatever stands around them: lines, or the JSON of `GET /v1/log/keys`. */
function verifiersIn(text: string): NoteVerifier[] {
  return [...text.matchAll(/[^\s"',]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*/g)].flatMap(([each]) => {
    const key = readVerifierKey(each)
    return key?.type === ED25519 ? [ed25519Verifier(key.name, key.publicKey)] : []
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
