import type { Context } from 'hono'
import { type Checkpoint, readCheckpoint } from '../audit/checkpoint.ts'
import { readNote } from '../audit/signed-note.ts'
import { readTilePath, tileWidth } from '../audit/tile.ts'
import { proofText } from '../audit/tlog-proof.ts'
import { proveConsistency, proveInclusion, type ReadTiles, TileMissing } from '../audit/tree/prove.ts'
import { readLogKeys, readPublished, readTiles } from '../audit/tree/store.ts'
import { instantText } from '../db/connect.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { Answer } from './endpoint.ts'

/**
 * What anyone may ask of the log, without a token: hashes and signatures. No body of an entry is among it: a body names
 * nobody, but it tells when a facility checked somebody and how that ended, and whoever stood at that desk knows whom.
 */
const TEXT = 'text/plain; charset=utf-8'
const NUMBER = /^(?:0|[1-9]\d{0,15})$/
/** A checkpoint a second at the most: who polls through a cache sees one that is 2 s old. */
const BRIEFLY = 'public, max-age=2'
const FOR_EVER = 'public, max-age=31536000, immutable'
const A_WHILE = 'public, max-age=60'

/** `GET /v1/log/keys`: for a first look. Whoever verifies takes a key from here once, by another way, and keeps it. */
export async function showLogKeys(_c: Context, scope: Scope): Promise<Answer> {
  const logs = await scope.query(readLogKeys)
  const shown = logs.map(({ logId, origin, keys }) => ({
    log: String(logId),
    origin,
    keys: keys.map(({ verifier, usedSince }, place) => ({
      key: verifier,
      state: place === keys.length - 1 ? 'current' : 'past',
      usedSince: instantText(usedSince),
    })),
  }))
  const headers = { 'cache-control': A_WHILE }
  return { status: 200, body: JSON.stringify({ logs: shown }), headers }
}

/** `GET /v1/log/{log}/checkpoint`: C2SP tlog-checkpoint, byte for byte as it was signed. */
export async function showCheckpoint(c: Context, scope: Scope): Promise<Answer> {
  const { note } = await published(c, scope)
  return text(note, BRIEFLY)
}

/** `GET /v1/log/{log}/proof/{index}`: C2SP tlog-proof to the published checkpoint. */
export async function showProof(c: Context, scope: Scope): Promise<Answer> {
  const index = wholeNumber(c.req.param('index'), 'index')
  const { read, note, checkpoint } = await published(c, scope)
  if (index >= checkpoint.size) throw notPublished(checkpoint)
  const { path } = await whileThere(proveInclusion(read, index, checkpoint))
  return text(proofText({ index, path, checkpoint: note }), BRIEFLY)
}

/** `GET /v1/log/{log}/consistency?from=&to=`: the hashes of RFC 9162 §2.1.4, a line each. */
export async function showConsistency(c: Context, scope: Scope): Promise<Answer> {
  const from = wholeNumber(c.req.query('from'), 'from')
  const to = wholeNumber(c.req.query('to'), 'to')
  if (from > to) throw new ServiceError('log_place_invalid', { detail: 'from is after to' })
  const { read, checkpoint } = await published(c, scope)
  if (to > checkpoint.size) throw notPublished(checkpoint)
  // the root of the checkpoint is held against what is proven, where it is about that
  const later = to === checkpoint.size ? checkpoint : { size: to }
  const path = await whileThere(proveConsistency(read, { size: from }, later))
  return text(path.map((hash) => `${hash.toString('base64')}\n`).join(''), FOR_EVER)
}

/** `GET /v1/log/{log}/tile/{tile}`: a hash tile of C2SP tlog-tiles, of what is published. */
export async function showTile(c: Context, scope: Scope): Promise<Answer> {
  const tile = readTilePath(`tile/${c.req.param('tile')}`)
  if (tile === null) throw new ServiceError('route_not_found')
  const { read, checkpoint } = await published(c, scope)
  if (tile.width > tileWidth(tile.level, tile.index, checkpoint.size)) throw notPublished(checkpoint)
  const [bytes] = await whileThere(read([tile]))
  if (bytes === undefined) throw new Error('one was asked for')
  // full or not, what it holds never changes
  return {
    status: 200,
    body: bytes,
    headers: { 'content-type': 'application/octet-stream', 'cache-control': FOR_EVER },
  }
}

interface Published {
  readonly read: ReadTiles
  readonly note: string
  readonly checkpoint: Checkpoint
}

async function published(c: Context, scope: Scope): Promise<Published> {
  const logId = Number(c.req.param('log'))
  const found = await scope.query((sql) => readPublished(sql, isLogId(logId) ? logId : 0))
  if (found === null) throw new ServiceError('log_not_found')
  if (found.note === null) throw new ServiceError('log_not_published')
  const checkpoint = readCheckpoint(readNote(found.note)?.text ?? '')
  if (checkpoint === null) throw new Error('what is published is no checkpoint')
  return { read: (tiles) => scope.query((sql) => readTiles(sql, logId, tiles)), note: found.note, checkpoint }
}

function isLogId(n: number): boolean {
  return Number.isInteger(n) && n > 0 && n < 2 ** 15 // smallint
}

function wholeNumber(given: string | undefined, name: string): number {
  const n = NUMBER.test(given ?? '') ? Number(given) : Number.NaN
  if (!Number.isSafeInteger(n)) throw new ServiceError('log_place_invalid', { detail: `${name} is not a whole number` })
  return n
}

function notPublished({ size }: Checkpoint): ServiceError {
  return new ServiceError('log_not_published', { detail: `the checkpoint is of ${size} entries` })
}

/** Tiles that are being made anew are there again in a while. */
function whileThere<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw error instanceof TileMissing ? new ServiceError('log_not_published', { cause: error }) : error
  })
}

function text(body: string, cached: string): Answer {
  return { status: 200, body, headers: { 'content-type': TEXT, 'cache-control': cached } }
}
