import { todayInVietnam } from '../calendar.ts'
import { sealHolder } from '../coverage/holder.ts'
import { type DataKeys, type LookupKey, lookupKey, mac128 } from '../data-keys.ts'
import { seal } from '../seal.ts'
import { type CheckedRow, checkRow, type RowFault } from './check-row.ts'
import { CopyBuffer, fieldsOf } from './copy-buffer.ts'
import type { FeedRow } from './feed.ts'

/** One full load: which feed, which state of it. */
export interface LoadPlan {
  readonly feed: string
  readonly sequence: number
  /** Where the rows come from, in words: a load of another source does not go on where this one stopped. */
  readonly source: string
  readonly rows: number
  /** Rows of a chunk: what `feed_chunk` says is in means other rows under another size. */
  readonly chunkRows: number
  /** `keyCheckOf` the data keys: rows under other keys are never found together with these. */
  readonly keyCheck: string
  /** When the rows were true at the insurer. */
  readonly asOf: Date
}

/** Says whether two loads have the same data keys, and nothing of the keys. No row's text is this: rows have separators. */
export function keyCheckOf(keys: DataKeys): string {
  const [generation] = keys.lookupGenerations
  return mac128(keys.rowTag, generation === 1 ? 'load' : `load/${generation}`)
}

/** A part of a load that goes in whole or not at all. */
export interface PreparedChunk {
  readonly chunk: number
  readonly rows: number
  readonly coverage: Buffer
  readonly alias: Buffer
  readonly quarantine: readonly QuarantinedRow[]
}

export interface QuarantinedRow {
  readonly position: number
  readonly reason: RowFault
  readonly sealed: Buffer
}

/** Measured on the demo province: a row takes 262 bytes in COPY's binary format, its aliases 50. */
const COVERAGE_BYTES_HINT = 300
const ALIAS_BYTES_HINT = 60
const COVERAGE_FIELDS = 17

/** Checks, keys and seals the rows of a chunk: all the work that needs no database, so that it runs on any thread. */
export function prepareChunk(
  keys: DataKeys,
  plan: LoadPlan,
  chunk: number,
  firstPosition: number,
  rows: readonly FeedRow[],
): PreparedChunk {
  const today = todayInVietnam(plan.asOf)
  const coverage = new CopyBuffer(rows.length * COVERAGE_BYTES_HINT + 64)
  const alias = new CopyBuffer(rows.length * ALIAS_BYTES_HINT + 64)
  const aliases = new Set<string>()
  const versionFields = fieldsOf((to) => {
    to.int64(plan.sequence)
    to.instant(plan.asOf)
    to.instant('infinity')
  })
  const quarantine: QuarantinedRow[] = []
  let taken = 0
  rows.forEach((row, i) => {
    const checked = checkRow(row, today)
    if (!checked.ok) {
      const position = firstPosition + i
      const sealed = seal(keys, 'quarantine', `${plan.feed}/${plan.sequence}/${position}`, JSON.stringify(row))
      quarantine.push({ position, reason: checked.issue, sealed })
      return
    }
    taken++
    const subject = subjectOf(keys, checked.value)
    writeCoverage(coverage, keys, versionFields, subject, checked.value)
    for (const number of [checked.value.card.insuranceNumber, ...checked.value.formerNumbers]) {
      const key = lookupKey(keys, number)
      // the coverages of one person stand together in a feed and share their numbers
      if (key === subject || aliases.has(key)) continue
      aliases.add(key)
      alias.row(2)
      alias.uuid(key)
      alias.uuid(subject)
    }
  })
  return { chunk, rows: taken, coverage: coverage.finish(), alias: alias.finish(), quarantine }
}

/** A person is known by the personal number; the few who have none by the insurance number. */
function subjectOf(keys: DataKeys, row: CheckedRow): LookupKey {
  return lookupKey(keys, row.holder.citizenId ?? row.card.insuranceNumber)
}

/** In the order of `coverageColumns` in `sync/store.ts`. */
function writeCoverage(
  to: CopyBuffer,
  keys: DataKeys,
  versionFields: Buffer,
  subject: LookupKey,
  row: CheckedRow,
): void {
  const { sealed, days } = sealHolder(keys, subject, row.holder, row)
  to.row(COVERAGE_FIELDS)
  to.uuid(subject)
  to.int16(row.coverageNo)
  to.text(row.card.group)
  to.int16(row.card.level)
  to.text(row.card.province)
  to.text(row.registeredFacility)
  to.date(days.validFrom)
  to.date(days.validTo)
  to.date(days.fiveYearsFrom)
  to.text(row.area)
  to.text(row.status)
  to.date(days.statusFrom)
  to.uuid(contentTag(keys, row))
  to.bytea(sealed)
  to.fields(versionFields)
}

/**
 * Keyed digest of all that a version says, its days as they came: two rows with one tag are one version. Parts are joined by a control
 * character that no part can hold (names and numbers were checked), so different rows give different texts.
 */
function contentTag(keys: DataKeys, row: CheckedRow): string {
  const { holder, formerNumbers, coverageNo, registeredFacility, validFrom, validTo, fiveYearsFrom } = row
  const { citizenId, fullName, dateOfBirth, sex, cardNumber } = holder
  const text =
    `${citizenId}\u001f${fullName}\u001f${dateOfBirth}\u001f${sex}\u001f${cardNumber}\u001f${formerNumbers.join(',')}\u001f` +
    `${coverageNo}\u001f${registeredFacility}\u001f${validFrom}\u001f${validTo}\u001f${fiveYearsFrom}\u001f` +
    `${row.area}\u001f${row.status}\u001f${row.statusFrom}`
  return mac128(keys.rowTag, text)
}
