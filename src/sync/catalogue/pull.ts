import { countFacilities } from '../../facility/store.ts'
import type { Manifest } from '../manifest.ts'
import { FeedShrank, listOffered, noted, type OfferedBatch, type PullJob } from '../pull.ts'
import { hasShrunk, SHRINK_MAX_PERCENT } from '../shrink.ts'
import type { SequenceRange } from '../status.ts'
import { readFeedState } from '../watermark/store.ts'
import { applyCatalogue } from './apply.ts'
import { prepareCatalogue } from './prepare.ts'

/**
 * Asks the insurer for catalogues above ours and brings the newest in, which holds what those between said; nothing can be
 * missing. The first one is imported, as the first full feed is, and so is one that lost more than its share, with a reason.
 */
export async function pullCatalogue(job: PullJob, feedUrl: string | null): Promise<SequenceRange[]> {
  const held = await readFeedState(job.sql, job.feed)
  if (feedUrl === null || held === null) return []
  const offered = await noted(job, held.sequence + 1, listOffered(job, feedUrl, 'full', held.sequence))
  const newest = offered.toSorted((a, b) => a.manifest.sequence - b.manifest.sequence).at(-1)
  if (newest !== undefined) await noted(job, newest.manifest.sequence, take(job, newest))
  return []
}

async function take(job: PullJob, { manifest, bytes }: OfferedBatch): Promise<void> {
  const held = await countFacilities(job.sql)
  refuseShrunk(manifest, held, manifest.rows) // before it is fetched: it is offered again each time
  const prepared = await prepareCatalogue(job.keys, manifest, bytes())
  refuseShrunk(manifest, held, prepared.facilities.length)
  // false: an operator imported another one meanwhile; the next pass judges by that
  if (!(await applyCatalogue(job.sql, manifest, prepared, job.deed, { shrink: null }))) return
  await job.onCatalogue(manifest.sequence, prepared.facilities.length, prepared.quarantine.length)
}

function refuseShrunk({ sequence }: Manifest, held: number, rows: number): void {
  if (!hasShrunk(held, rows, SHRINK_MAX_PERCENT)) return
  throw new FeedShrank(
    `catalogue ${sequence} has ${rows} usable rows, ours ${held}: over ${SHRINK_MAX_PERCENT} % fewer. If that is right: kiemthe import, with --accept-shrink "why"`,
  )
}
