import type { DataKeys } from '../../data-keys.ts'
import { open } from '../../seal.ts'
import { commitment } from '../entry.ts'
import { type EntryAt, entryAt, placeOf } from '../log-id.ts'
import type { Finding } from './findings.ts'
import type { FsckDetail } from './source.ts'

/** A body as `buildEntry` writes it ends with its commitment: 32 bytes in base64. */
const COMMITMENT_END = /"details":"([A-Za-z0-9+/]{43}=)"\}$/
const ERASURE = '"kind":"erasure"'

export interface DetailsCheck {
  readonly see: (at: EntryAt, body: string, detail: FsckDetail | undefined, found: (finding: Finding) => void) => void
  /** Once all entries were seen: an erasure stands after what it took, maybe in a later log. Findings are of the log named. */
  readonly end: (found: (logId: number, finding: Finding) => void) => DetailsSeen
}

export interface DetailsSeen {
  readonly opened: number
  readonly erased: number
}

/** Whether details are what their entries commit to, where they still are, and where not, whether an erasure says so. */
export function checkDetails(keys: DataKeys): DetailsCheck {
  const missing = new Set<number>()
  const erased = new Set<number>()
  let opened = 0

  return {
    see: (at, body, detail, found) => {
      const { index } = at
      if (detail === undefined) {
        missing.add(placeOf(at))
        return
      }
      let text: string
      try {
        text = open(keys, 'entry_detail', detail.subject, detail.sealed)
      } catch {
        found({ what: 'detailDoesNotOpen', index })
        return
      }
      opened++
      if (COMMITMENT_END.exec(body.slice(-60))?.[1] !== commitment(detail.salt, text)) {
        found({ what: 'detailDiffers', index })
        return
      }
      // proven by its commitment: our own text
      if (body.includes(ERASURE)) for (const each of entriesOf(text)) erased.add(each)
    },
    end: (found) => {
      const tell = (what: 'detailMissing' | 'detailNotErased', place: number) => {
        const { logId, index } = entryAt(place)
        found(logId, { what, index })
      }
      for (const place of [...missing].toSorted((a, b) => a - b)) if (!erased.has(place)) tell('detailMissing', place)
      for (const place of [...erased].toSorted((a, b) => a - b)) if (!missing.has(place)) tell('detailNotErased', place)
      return { opened, erased: missing.size }
    },
  }
}

function entriesOf(details: string): number[] {
  const { entries }: { entries?: unknown } = JSON.parse(details)
  return Array.isArray(entries) ? entries.filter((each) => typeof each === 'number') : []
}
