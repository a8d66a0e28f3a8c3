import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { exportHeaderSchema, exportSource } from '../audit/fsck/export.ts'
import { describeFinding } from '../audit/fsck/findings.ts'
import { type FsckReport, fsck } from '../audit/fsck/fsck.ts'
import type { FsckSource } from '../audit/fsck/source.ts'
import { databaseSource } from '../audit/fsck/store.ts'
import { LOG_ID } from '../audit/log.ts'
import { ED25519, ed25519Verifier, type NoteVerifier, readVerifierKey } from '../audit/signed-note.ts'
import { readLogKeys } from '../audit/tree/store.ts'
import type { DataKeys } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'fsck [--export FILE] [--keys FILE] [--without-details] [--data DIR]'
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
    'without-details': { type: 'boolean', default: false },
  })
  const given = values.keys === undefined ? null : verifiersIn(await readFile(values.keys, 'utf8'))
  if (given?.length === 0)
    throw new UsageError(`${values.keys} holds no verifier key (name+id+key, as GET /v1/log/keys)`)
  const report =
    values.export === undefined
      ? await checkDatabase(values.data, given, values['without-details'])
      : await checkExport(values.export, given)
  process.stdout.write(describe(report))
  if (report.findings.length > 0) process.exitCode = EXIT_FOUND
}

async function checkDatabase(data: string, given: NoteVerifier[] | null, blind: boolean): Promise<FsckReport> {
  const folder = dataFolder(data)
  const sql = connect(await ownerUrlOf(folder), {
    connectionsMax: 2, // entries and details of a page at once
    statementTimeoutMs: 0,
    applicationName: 'kiemthe fsck',
  })
  try {
    const keys = blind ? null : await ownerDataKeys(folder)
    const known = (await readLogKeys(sql)).find(({ logId }) => logId === LOG_ID)?.keys ?? []
    if (given === null && known.length > 0) {
      process.stderr.write('keys are taken from the database itself: bring them from outside with --keys\n')
    }
    const verifiers = given ?? known.flatMap(({ verifier }) => verifiersIn(verifier))
    return await run(await databaseSource(sql, LOG_ID, keys !== null), verifiers, keys)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function checkExport(path: string, given: NoteVerifier[] | null): Promise<FsckReport> {
  if (given === null) throw new UsageError(`${USAGE}\nan export is checked with keys from outside: --keys FILE`)
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })[
    Symbol.asyncIterator
  ]()
  const first = await lines.next()
  const header = exportHeaderSchema.safeParse(first.done === true ? null : jsonOf(first.value))
  if (!header.success) throw new UsageError(`${path} is no file of kiemthe export`)
  return run(exportSource(header.data, lines), given, null)
}

async function run(source: FsckSource, verifiers: NoteVerifier[], keys: DataKeys | null): Promise<FsckReport> {
  const progress = createProgress({ label: 'checking', total: source.end.size, unit: 'entries' })
  try {
    const report = await fsck(source, { verifiers, keys, progress: progress.update })
    progress.finish()
    return report
  } catch (error) {
    progress.fail()
    throw error
  }
}

function describe({ entries, details, checkpoint, findings, counts }: FsckReport): string {
  const lines = [
    `${entries} entries`,
    checkpoint === null
      ? 'no checkpoint was verified: what was not published can be rewritten by whoever has the database'
      : `checkpoint of ${checkpoint.size} entries, signed by ${checkpoint.signedBy.join(', ')}`,
    details === null ? 'details were not opened' : `${details.opened} details opened, ${details.erased} not there`,
    ...findings.map((finding) => `WRONG: ${describeFinding(finding)}`),
  ]
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  if (total > findings.length) lines.push(`and ${total - findings.length} more`)
  lines.push(total === 0 ? 'all is as it was recorded' : `${total} things are wrong`)
  return `${lines.join('\n')}\n`
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
