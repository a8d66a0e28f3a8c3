import { appendDeed } from '../../audit/log.ts'
import { todayInVietnam } from '../../calendar.ts'
import type { Sql } from '../../db/connect.ts'
import { CATALOGUE_FEED, standingOn } from '../../facility/facility.ts'
import type { MakeDeed } from '../delta/apply.ts'
import type { Manifest } from '../manifest.ts'
import { readFeedState } from '../watermark/store.ts'
import type { PreparedCatalogue } from './prepare.ts'
import { readCatalogueLine } from './read-row.ts'
import { applying, loadFirst } from './store.ts'

/** Brings a catalogue in: all of it with the watermark and its entry, or nothing. False: another one came in meanwhile. */
export async function applyCatalogue(
  sql: Sql,
  manifest: Manifest,
  prepared: PreparedCatalogue,
  makeDeed: MakeDeed,
  accepted: { readonly shrink: string | null },
): Promise<boolean> {
  const { feed, sequence, kind, sha256 } = manifest
  const { shrink } = accepted
  const asOf = new Date(manifest.asOf)
  const outcome = {
    feed,
    sequence,
    kind,
    rows: prepared.facilities.length,
    ...(shrink === null ? {} : { shrink: 'accepted' }),
  }
  const deed = makeDeed('feedApplied', outcome, { sha256, ...(shrink === null ? {} : { shrinkReason: shrink }) })
  const held = await readFeedState(sql, feed)
  const merge = { feed, sequence, digest: sha256, asOf, expected: held?.sequence ?? null }
  return (await appendDeed(sql, deed, (with_) => applying(with_, merge, rowsAsOf(prepared, asOf)))) === 'done'
}

/** The first catalogue of a demo or a test, from rows as a feed has them: nobody's deed. One that came by a feed stays. */
export async function loadFirstCatalogue(sql: Sql, rows: readonly unknown[], asOf: Date): Promise<void> {
  if ((await readFeedState(sql, CATALOGUE_FEED)) !== null) return
  const facilities = rows.map((row) => {
    const { read } = readCatalogueLine(Buffer.from(JSON.stringify(row)))
    if (!read.ok) throw new Error(`a made-up facility cannot be taken: ${read.issue}`)
    return read.value
  })
  const prepared = { facilities, named: new Set(facilities.map((each) => each.code)), quarantine: [] }
  const merge = { feed: CATALOGUE_FEED, sequence: 1, digest: null, asOf, expected: null }
  await loadFirst(sql, merge, rowsAsOf(prepared, asOf))
}

/** How each stands on the catalogue's own day, for the table of the release before. */
function rowsAsOf({ facilities, named, quarantine }: PreparedCatalogue, asOf: Date) {
  const day = todayInVietnam(asOf)
  const rows = facilities.map((each) => ({ ...each, now: standingOn(each, day) ?? each.periods.at(-1) }))
  return { rows, named: [...named], quarantine }
}
