import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { operatorDeed } from '../../src/cli/operator-deed.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { applyDelta } from '../../src/sync/delta/apply.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import type { Manifest } from '../../src/sync/manifest.ts'
import type { World } from './service.ts'

/** What a delta says: a record that holds, or one that is no more. */
export type Told = FeedRow | { readonly removed: FeedRow }

/** The next delta of the feed, applied as `kiemthe pull` does; unsigned. Returns the instant of the state that it made. */
export async function applyNext(world: World, told: readonly Told[]): Promise<string> {
  const [held] = await world.owner<{ sequence: number }[]>`select sequence from feed_watermark where feed = 'vss'`
  const sequence = (held?.sequence ?? 0) + 1
  const bytes = Buffer.from(told.map((each) => `${JSON.stringify(lineOf(each))}\n`).join(''))
  const now = new Date().toISOString()
  const manifest: Manifest = {
    ...({ v: 1, feed: 'vss', sequence, kind: 'delta', previous: sequence - 1, rows: told.length, file: 'x' } as const),
    ...({ encoding: 'plain', bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') } as const),
    ...{ created: now, asOf: now },
  }
  const keys = deriveDataKeys(world.dataKeys)
  const { state } = await applyDelta(
    world.owner,
    keys,
    manifest,
    Readable.from([bytes], { objectMode: false }),
    (...of) => operatorDeed(keys, of[0], null, of[1], of[2]),
  )
  if (state !== 'applied') throw new Error(`a next delta: ${state}`)
  return stateNow(world)
}

/** RFC 3339, to the microsecond. */
export async function stateNow(world: World): Promise<string> {
  const [row] = await world.owner<
    { at: string }[]
  >`select replace(loaded_at::text, ' ', 'T') as at from feed_watermark where feed = 'vss'`
  return (row?.at ?? '').replace('+00', 'Z')
}

function lineOf(told: Told) {
  if (!('removed' in told)) return { op: 'put', ...told }
  const { citizenId, insuranceNumber, coverageNo } = told.removed
  return { op: 'remove', citizenId, insuranceNumber, coverageNo }
}
