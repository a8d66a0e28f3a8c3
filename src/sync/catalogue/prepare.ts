import type { FacilityCode } from '../../access/principal.ts'
import type { DataKeys } from '../../data-keys.ts'
import type { Facility } from '../../facility/facility.ts'
import { readLines } from '../data-file.ts'
import { sealQuarantined } from '../load.ts'
import type { Manifest } from '../manifest.ts'
import { type CatalogueFault, readCatalogueLine } from './read-row.ts'

export interface QuarantinedLine {
  readonly position: number
  readonly reason: CatalogueFault
  readonly sealed: Buffer
}

export interface PreparedCatalogue {
  readonly facilities: readonly Facility[]
  /** Every code that a line names, also one that cannot be taken otherwise. */
  readonly named: ReadonlySet<FacilityCode>
  readonly quarantine: readonly QuarantinedLine[]
}

/** Reads a catalogue to its end. It is small (`CATALOGUE_ROWS_MAX`), memory holds it. Throws unless the bytes are those of the manifest. */
export async function prepareCatalogue(
  keys: DataKeys,
  manifest: Manifest,
  source: AsyncIterable<Uint8Array>,
): Promise<PreparedCatalogue> {
  const facilities = new Map<FacilityCode, Facility>()
  const named = new Set<FacilityCode>()
  const quarantine: QuarantinedLine[] = []
  for await (const lines of readLines(manifest, source, 1_000)) {
    for (let i = 0, from = 0; i < lines.count; i++) {
      const end = lines.bytes.indexOf(0x0a, from)
      const line = lines.bytes.subarray(from, end < 0 ? lines.bytes.length : end)
      from = end + 1
      const { code, read } = readCatalogueLine(line)
      const position = lines.position + i
      const repeated = code !== null && named.has(code)
      if (code !== null) named.add(code)
      if (read.ok && !repeated) facilities.set(read.value.code, read.value)
      else {
        const reason = read.ok ? 'row_repeated' : read.issue
        quarantine.push({
          position,
          reason,
          sealed: sealQuarantined(keys, manifest.feed, manifest.sequence, position, line),
        })
      }
    }
  }
  return { facilities: [...facilities.values()], named, quarantine }
}
