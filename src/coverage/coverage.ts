import type { IsoDate } from '../calendar.ts'
import type { LookupKey } from '../data-keys.ts'
import type { BenefitLevel } from './card-number.ts'
import type { CoverageStatus } from './status.ts'

/** K1–K3: hard areas, minority areas, islands (domain §5.3). */
export type Area = 'K1' | 'K2' | 'K3'

/** What decides: one insurance record without its holder. */
export interface CoverageFacts {
  readonly coverageNo: number
  readonly group: string
  readonly level: BenefitLevel
  readonly registeredFacility: string
  readonly validFrom: IsoDate
  /** Last day of the term; null where the card has no end. */
  readonly validTo: IsoDate | null
  readonly fiveYearsFrom: IsoDate | null
  readonly area: Area | null
  /** `unknown`: a status this release does not know. It is guarded, never guessed. */
  readonly status: CoverageStatus | 'unknown'
  readonly statusFrom: IsoDate | null
  /** Since when our copy has known this version: RFC 3339, UTC. */
  readonly knownFrom: string
  readonly cardNumber: string
}

/** Who holds it, as the insurer wrote it: sealed in the database, opened for one answer. */
export interface Holder {
  readonly citizenId: string | null
  readonly fullName: string
  readonly dateOfBirth: string
  readonly sex: 'male' | 'female' | 'unknown'
  readonly cardNumber: string
}

export interface Coverage {
  readonly facts: CoverageFacts
  readonly holder: Holder
}

/** How far our copy reaches; null while nothing was loaded. */
export interface Watermark {
  readonly feedSequence: number
  readonly asOf: Date
  /** The instant of the state that was read, as PostgreSQL writes it: a `Date` would cut it to milliseconds. */
  readonly loadedAt: string
  /** A batch of the feed is known to be missing. */
  readonly incomplete: boolean
}

export interface CopyRead {
  /** Whom the key led to; null when nothing is here. */
  readonly subject: LookupKey | null
  readonly watermark: Watermark | null
  /** What was published of the log in force at that moment: a receipt hands it on. Null before the first. */
  readonly checkpoint: { readonly logId: number; readonly size: number; readonly rootHash: string } | null
  readonly coverages: readonly Coverage[]
}
