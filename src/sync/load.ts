import { setImmediate as nextTurn } from 'node:timers/promises'
import { todayInVietnam } from '../calendar.ts'
import { type DataKeys, mac128 } from '../data-keys.ts'
import { seal } from '../seal.ts'
import { type CheckedRow, checkRow, type RowFault } from './check-row.ts'
import { CopyBuffer, fieldsOf } from './copy-buffer.ts'
import type { Lines } from './data-file.ts'
import type { FeedRow } from './feed.ts'
import { readRows } from './read-row.ts'
import { aliasesOf, sealRow } from './seal-row.ts'

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
const VERSION_FIELDS = 14

/** `copy`: straight into the empty tables, by a first load. `stage`: where a full load waits for its merge. */
export type ChunkTarget = 'copy' | 'stage'

/** Checks, keys and seals the rows of a chunk: all the work that needs no database, so that it runs on any thread. */
export function prepareChunk(
  keys: DataKeys,
  plan: LoadPlan,
  chunk: number,
  firstPosition: number,
  rows: readonly FeedRow[],
): PreparedChunk {
  const today = todayInVietnam(plan.asOf)
  const writer = new ChunkWriter(keys, plan, 'copy', rows.length)
  rows.forEach((row, i) => {
    const checked = checkRow(row, today)
    if (checked.ok) writer.take(firstPosition + i, checked.value)
    else writer.quarantine(firstPosition + i, checked.issue, JSON.stringify(row))
  })
  return writer.finish(chunk)
}

/**
 * Lines between two turns of the event loop, 4 ms of work: the former chunk is on its way to PostgreSQL meanwhile, and a
 * socket moves only in a turn. (In one go a thread worked and copied in turns, and stood still for a third of the time.)
 */
const LINES_A_TURN = 250

/** The same for lines of a full feed's data file. */
export async function prepareLines(
  keys: DataKeys,
  plan: LoadPlan,
  chunk: number,
  target: ChunkTarget,
  lines: Lines,
): Promise<PreparedChunk> {
  const writer = new ChunkWriter(keys, plan, target, lines.count)
  for (const { position, line, read } of readRows(lines, todayInVietnam(plan.asOf))) {
    if (!read.ok) writer.quarantine(position, read.issue, line)
    else if (read.value.op === 'put') writer.take(position, read.value.row)
    else writer.quarantine(position, 'row_shape', line) // a full feed names what is, it takes nothing away
    if (position % LINES_A_TURN === 0) await nextTurn()
  }
  return writer.finish(chunk)
}

export function sealQuarantined(
  keys: DataKeys,
  feed: string,
  sequence: number,
  position: number,
  line: string | Uint8Array,
): Buffer {
  return seal(keys, 'quarantine', `${feed}/${sequence}/${position}`, line)
}

class ChunkWriter {
  readonly #coverage: CopyBuffer
  readonly #alias: CopyBuffer
  readonly #aliases = new Map<string, string>()
  readonly #quarantine: QuarantinedRow[] = []
  readonly #versionFields: Buffer
  #taken = 0
  readonly #keys: DataKeys
  readonly #plan: LoadPlan
  readonly #target: ChunkTarget

  constructor(keys: DataKeys, plan: LoadPlan, target: ChunkTarget, rows: number) {
    this.#keys = keys
    this.#plan = plan
    this.#target = target
    this.#coverage = new CopyBuffer(rows * COVERAGE_BYTES_HINT + 64)
    this.#alias = new CopyBuffer(rows * ALIAS_BYTES_HINT + 64)
    this.#versionFields = fieldsOf((to) => {
      to.int64(plan.sequence)
      to.instant(plan.asOf)
      to.instant('infinity')
    })
  }

  take(position: number, row: CheckedRow): void {
    this.#taken++
    const subject = this.#writeVersion(position, row)
    for (const key of aliasesOf(this.#keys, subject, row)) {
      // the coverages of one person stand together in a feed and share their numbers
      if (this.#aliases.get(key) === subject) continue
      this.#aliases.set(key, subject)
      this.#alias.row(this.#target === 'stage' ? 3 : 2)
      this.#alias.uuid(key)
      this.#alias.uuid(subject)
      if (this.#target === 'stage') this.#alias.int64(position)
    }
  }

  quarantine(position: number, reason: RowFault, line: string | Uint8Array): void {
    const sealed = sealQuarantined(this.#keys, this.#plan.feed, this.#plan.sequence, position, line)
    this.#quarantine.push({ position, reason, sealed })
  }

  finish(chunk: number): PreparedChunk {
    return {
      chunk,
      rows: this.#taken,
      coverage: this.#coverage.finish(),
      alias: this.#alias.finish(),
      quarantine: this.#quarantine,
    }
  }

  /** In the order of the columns in `sync/store.ts` and `sync/full/store.ts`. */
  #writeVersion(position: number, row: CheckedRow) {
    const version = sealRow(this.#keys, row)
    const to = this.#coverage
    to.row(VERSION_FIELDS + (this.#target === 'stage' ? 1 : 3))
    to.uuid(version.subject)
    to.int16(version.coverageNo)
    to.text(version.group)
    to.int16(version.level)
    to.text(version.province)
    to.text(version.registeredFacility)
    to.date(version.days.validFrom)
    to.date(version.days.validTo)
    to.date(version.days.fiveYearsFrom)
    to.text(version.area)
    to.text(version.status)
    to.date(version.days.statusFrom)
    to.uuid(version.tag)
    to.bytea(version.sealed)
    if (this.#target === 'stage') to.int64(position)
    else to.fields(this.#versionFields)
    return version.subject
  }
}
