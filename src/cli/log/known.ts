import { readFile } from 'node:fs/promises'
import { readCheckpoint } from '../../audit/checkpoint.ts'
import { databaseSource } from '../../audit/fsck/store.ts'
import { growingRoot } from '../../audit/growing-root.ts'
import { hashLeaf } from '../../audit/merkle.ts'
import { readSealState } from '../../audit/seal/store.ts'
import { ed25519Verifier, type NoteVerifier, openNote, readNote, readVerifierKey } from '../../audit/signed-note.ts'
import { readLogEnd } from '../../audit/store.ts'
import { readLogs } from '../../audit/succession/store.ts'
import { numberIn } from '../../audit/succession/successor.ts'
import { latestOf } from '../../audit/witness/client.ts'
import type { Policy } from '../../audit/witness/policy.ts'
import type { Sql } from '../../db/connect.ts'
import { isBehind, type LogMark, readMark } from '../../host/log-mark.ts'
import { readPolicyFile } from '../../host/witness-policy.ts'
import { createProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'

/** A witness that does not answer in this time is silent: an operator waits. */
const WITNESS_DEADLINE_MS = 10_000
const PAGE = 8_192
/** Where a checkpoint was found that went back with the backup. */
export const IN_DATABASE = 'the database'

/** Where it is known, outside the database, how far the log had come; null: not set. */
export interface Outside {
  readonly logMarkFile: string | null
  readonly sealMarkFile: string | null
  readonly policyFile: string | null
}

/** A checkpoint that this log signed. */
export interface Signed {
  readonly size: number
  readonly root: Uint8Array
  readonly note: string
  /** Where it was found. */
  readonly at: string
}

export interface KnownLog {
  readonly logId: number
  readonly origin: string
  readonly size: number
  /** Of all entries that are here, computed from their bodies. */
  readonly root: Buffer
  /** The largest first. */
  readonly signed: readonly Signed[]
  /** Those that are not how the log begins: of more entries than there are, or of others. */
  readonly contradicting: readonly Signed[]
  readonly mark: LogMark | null
  readonly isBehindMark: boolean
  /** The highest number of a log of this service that anybody knows of. */
  readonly highestLog: number
  readonly silent: readonly string[]
}

/** What the log in force is, and what is known of it outside: by the two marks, and by what witnesses show. */
export async function knowLog(sql: Sql, outside: Outside): Promise<KnownLog> {
  const logs = await readLogs(sql)
  const inForce = logs.at(-1)
  if (inForce === undefined) throw new Error('there is no log')
  const { logId, origin } = inForce
  const state = await readSealState(sql, logId)
  const policy = outside.policyFile === null ? null : await readPolicyFile(outside.policyFile)
  const keys = keysOf(state.keys, policy, origin)

  const signed: Signed[] = []
  const add = (note: string | null, at: string) => {
    const opened = note === null ? null : openNote(note, keys)
    const checkpoint = opened === null ? null : readCheckpoint(opened.text)
    if (note !== null && checkpoint?.origin === origin) signed.push({ ...checkpoint, note, at })
  }
  add(state.published?.note ?? null, IN_DATABASE)
  const sealMark = outside.sealMarkFile === null ? null : await readText(outside.sealMarkFile)
  add(sealMark, 'the sealer’s mark')
  const { shown, silent, laterLogs } = await askWitnesses(policy, origin, keys)
  for (const { note, at } of shown) add(note, at)
  // of one size, the one that most have signed
  signed.sort((a, b) => b.size - a.size || b.note.length - a.note.length)

  const mark = outside.logMarkFile === null ? null : await readMark(outside.logMarkFile)
  const end = await readLogEnd(sql, (mark?.size ?? 0) - 1)
  const sizes = [...new Set(signed.map(({ size }) => size).filter((size) => size <= end.size))]
  const roots = await rootsAt(sql, logId, end.size, sizes)
  const contradicting = signed.filter(({ size, root }) => !roots.get(size)?.equals(root))
  const markedOrigin = readCheckpoint(readNote(sealMark ?? '')?.text ?? '')?.origin
  const highestLog = Math.max(
    logId,
    mark?.logId ?? 0,
    ...laterLogs,
    markedOrigin === undefined ? 0 : (numberIn(markedOrigin, origin) ?? 0),
  )
  const root = roots.get(end.size) ?? Buffer.alloc(0)
  const isBehindMark = mark !== null && isBehind(mark, end)
  return { logId, origin, size: end.size, root, signed, contradicting, mark, isBehindMark, highestLog, silent }
}

/** Those that the database knows, and those of the policy: an older backup may lack the newest. */
function keysOf(texts: readonly string[], policy: Policy | null, origin: string): NoteVerifier[] {
  const own = texts.flatMap((text) => {
    const key = readVerifierKey(text)
    return key === null ? [] : [ed25519Verifier(key.name, key.publicKey)]
  })
  const known = new Set(own.map(({ keyId }) => keyId))
  const others = policy?.logs.filter(({ name, keyId }) => name === origin && !known.has(keyId)) ?? []
  return [...own, ...others]
}

async function askWitnesses(policy: Policy | null, origin: string, keys: readonly NoteVerifier[]) {
  const shown: { readonly note: string; readonly at: string }[] = []
  const silent: string[] = []
  // a policy of later than the backup knows of logs that this database does not
  const laterLogs = policy?.logs.flatMap(({ name }) => numberIn(name, origin) ?? []) ?? []
  const ask = async (name: string, url: string) => {
    try {
      const latest = await latestOf(url, origin, keys, AbortSignal.timeout(WITNESS_DEADLINE_MS))
      if (latest !== null) shown.push({ note: latest.note, at: `witness ${name}` })
    } catch {
      silent.push(name)
    }
  }
  await Promise.all(policy?.witnesses.map(({ name, url }) => (url === null ? null : ask(name, url))) ?? [])
  return { shown, silent, laterLogs }
}

async function readText(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}

/** From the bodies, not from tiles: what is left of the log is what its successor will vouch for. */
async function rootsAt(sql: Sql, logId: number, size: number, sizes: readonly number[]): Promise<Map<number, Buffer>> {
  const source = await databaseSource(sql, logId, false)
  const wanted = new Set([...sizes, size])
  const growing = growingRoot()
  const roots = new Map<number, Buffer>()
  const progress = createProgress({ label: 'hashing', total: size, unit: 'entries' })
  if (wanted.has(0)) roots.set(0, growing.root())
  for (let from = 0; from < size; from += PAGE) {
    const to = Math.min(size, from + PAGE)
    const { bodies, indexes } = await source.page(from, to)
    if (indexes !== null) throw new UsageError('entries are missing: see kiemthe fsck')
    bodies.forEach((body, i) => {
      growing.push(hashLeaf(body))
      if (wanted.has(from + i + 1)) roots.set(from + i + 1, growing.root())
    })
    progress.update(to)
  }
  progress.finish()
  return roots
}
