import { randomUUID } from 'node:crypto'
import type { Principal } from '../../access/principal.ts'
import { ServiceError } from '../../errors.ts'
import type { Scope } from '../../scope.ts'
import { type Manifest, readManifest } from '../manifest.ts'
import { missingBefore, type SequenceRange } from '../status.ts'
import { verified } from '../verified-bytes.ts'
import { refuseOther } from '../watermark/refuse-other.ts'
import { readFeedState } from '../watermark/store.ts'
import { saveParts } from './parts.ts'
import { findWaiting, forgetUpload, keep, listWaiting } from './store.ts'

/** What a pushed delta may have (contract), as it is transferred. */
export const BATCH_FILE_BYTES_MAX = 32 * 1024 * 1024

export interface BatchReceipt {
  readonly feed: string
  readonly sequence: number
  /** `applied`: in the copy. `waiting`: kept, applied next. `held`: kept until what is missing is here. */
  readonly state: 'applied' | 'waiting' | 'held'
  readonly missing: readonly SequenceRange[]
}

/** Keeps a delta, whole and as it was signed, for `kiemthe pull`. The same one again is answered the same, unread. */
export async function receiveBatch(
  scope: Scope,
  caller: Principal,
  manifestText: string,
  body: AsyncIterable<Uint8Array>,
): Promise<BatchReceipt> {
  const manifest = await readManifest(scope.query, manifestText, scope.now())
  if (caller.clientId !== `feed:${manifest.feed}`) {
    throw new ServiceError('feed_signature', { detail: 'the token is of another feed' })
  }
  if (manifest.kind === 'full')
    throw new ServiceError('feed_sequence', { detail: 'a full feed is imported by command' })
  if (manifest.bytes > BATCH_FILE_BYTES_MAX) {
    throw new ServiceError('body_too_large', { detail: `at most ${BATCH_FILE_BYTES_MAX} bytes` })
  }
  const { feed, sequence } = manifest
  const state = await scope.query((sql) => readFeedState(sql, feed))
  if (state === null) throw new ServiceError('feed_sequence', { detail: 'the copy is empty: a full feed comes first' })
  if (sequence <= state.sequence) {
    await scope.query((sql) => refuseOther(sql, manifest))
    return { feed, sequence, state: 'applied', missing: [] }
  }
  await keepBatch(scope, manifest, manifestText, body)
  const waiting = await scope.query((sql) => listWaiting(sql, feed))
  const missing = missingBefore(
    state.sequence,
    waiting.map((each) => each.sequence).filter((each) => each <= sequence),
  )
  if (missing.length === 0) return { feed, sequence, state: 'waiting', missing }
  scope.report('feedBatchHeld', { name: 'FeedGap', sqlState: null, frames: [] })
  return { feed, sequence, state: 'held', missing }
}

async function keepBatch(
  scope: Scope,
  manifest: Manifest,
  manifestText: string,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  if (await isKept(scope, manifest)) return
  const upload = randomUUID().replaceAll('-', '')
  const batch = { sequence: manifest.sequence, upload, manifest: manifestText, digest: manifest.sha256 }
  try {
    await saveParts(scope.query, scope.service.dataKeys, upload, verified(manifest, body))
    if (await scope.query((sql) => keep(sql, manifest.feed, batch))) return
  } catch (error) {
    // what cannot be taken away now is swept later
    scope.background(scope.query((sql) => forgetUpload(sql, upload)).catch(() => {}))
    throw error
  }
  // somebody else brought that number at the same moment
  await scope.query((sql) => forgetUpload(sql, upload))
  await isKept(scope, manifest)
}

async function isKept(scope: Scope, { feed, sequence, sha256 }: Manifest): Promise<boolean> {
  const known = await scope.query((sql) => findWaiting(sql, feed, sequence))
  if (known !== null && known.digest !== sha256) {
    throw new ServiceError('feed_sequence', {
      detail: `batch ${sequence} waits already, from a file with another SHA-256`,
    })
  }
  return known !== null
}
