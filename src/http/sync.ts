import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { receiveBatch } from '../sync/inbox/receive.ts'
import { readSyncStatus } from '../sync/status.ts'
import type { Answer } from './endpoint.ts'
import { readStream } from './request.ts'

/** `POST /v1/sync/batches`: a delta, its manifest in a header, its data file streamed. In the lane: single checks never wait for it. */
export async function postSyncBatch(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  if (!/^application\/octet-stream\s*(;|$)/i.test(c.req.header('content-type') ?? '')) {
    throw new ServiceError('unsupported_media_type', { detail: 'application/octet-stream' })
  }
  const manifest = c.req.header('feed-manifest') ?? ''
  const receipt = await scope.inLane((lane) => receiveBatch(lane, caller, manifest, readStream(c)))
  return { status: receipt.state === 'applied' ? 200 : 202, body: JSON.stringify(receipt) }
}

/** `GET /v1/sync/status`: how far the copy reaches, what waits, what is missing. */
export async function showSyncStatus(_c: Context, scope: Scope): Promise<Answer> {
  return { status: 200, body: JSON.stringify(await readSyncStatus(scope.query, scope.now())) }
}
