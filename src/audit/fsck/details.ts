import type { DataKeys } from '../../data-keys.ts'
import { open } from '../../seal.ts'
import { commitment } from '../entry.ts'
import type { Finding } from './findings.ts'
import type { FsckDetail } from './source.ts'

/** A body as `buildEntry` writes it ends with its commitment: 32 bytes in base64. */
const COMMITMENT_END = /"details":"([A-Za-z0-9+/]{43}=)"\}$/
const ERASURE = '"kind":"erasure"'

export interface DetailsCheck {
  readonly see: (index: number, body: string, detail: FsckDetail | undefined) => void
  /** Once all entries were seen: an erasure stands after what it took. */
  readonly end: () => DetailsSeen
}

export interface DetailsSeen {
  readonly opened: number
  readonly erased: number
}

/** Whether details are what their entries commit to, where they still are, and where not, whether an erasure says so. */
export function checkDetails(keys: DataKeys, found: (finding: Finding) => void): DetailsCheck {
  const missing = new Set<number>()
  const erased = new Set<number>()
  let opened = 0

  function openOne(index: number, detail: FsckDetail): string | null {
    try {
      return open(keys, 'entry_detail', detail.subject, detail.sealed)
    } catch {
      found({ what: 'detailDoesNotOpen', index })
      return null
    }
  }

  return {
    see: (index, body, detail) => {
      if (detail === undefined) {
        missing.add(index)
        return
      }
      const text = openOne(index, detail)
      if (text === null) return
      opened++
      if (COMMITMENT_END.exec(body.slice(-60))?.[1] !== commitment(detail.salt, text)) {
        found({ what: 'detailDiffers', index })
        return
      }
      // proven by its commitment: our own text
      if (body.includes(ERASURE)) for (const each of entriesOf(text)) erased.add(each)
    },
    end: () => {
      for (const index of [...missing].toSorted((a, b) => a - b)) {
        if (!erased.has(index)) found({ what: 'detailMissing', index })
      }
      for (const index of [...erased].toSorted((a, b) => a - b)) {
        if (!missing.has(index)) found({ what: 'detailNotErased', index })
      }
      return { opened, erased: missing.size }
    },
  }
}

function entriesOf(details: string): number[] {
  const { entries }: { entries?: unknown } = JSON.parse(details)
  return Array.isArray(entries) ? entries.filter((each) => typeof each === 'number') : []
}
