import { readRoot } from '../audit/store.ts'
import type { IsoDate } from '../calendar.ts'
import { type DataKeys, isRenaming, type LookupKey, type Names, nextName } from '../data-keys.ts'
import { instantText, readInstant, type Sql } from '../db/connect.ts'
import type { BenefitLevel } from './card-number.ts'
import type { Area, CopyRead, Coverage, CoverageFacts } from './coverage.ts'
import type { EarlierStatus } from './history.ts'
import { openHolder } from './holder.ts'
import { COVERAGE_STATUSES, type CoverageStatus } from './status.ts'

/** One version of a coverage as it stands in the database, its holder still sealed. */
export interface SealedRow {
  readonly subject: LookupKey
  readonly coverageNo: number
  readonly group: string
  readonly level: BenefitLevel
  readonly registeredFacility: string
  readonly validFrom: IsoDate
  readonly validTo: IsoDate | null
  readonly fiveYearsFrom: IsoDate | null
  readonly area: Area | null
  readonly status: string
  readonly statusFrom: IsoDate | null
  readonly knownFrom: string
  readonly sealed: Buffer
}

/** What stands behind one key, holders still sealed. */
export interface SealedRead {
  readonly watermark: CopyRead['watermark']
  readonly checkpoint: CopyRead['checkpoint']
  /** The newest generation that rows may be named under. */
  readonly lookupGeneration: number
  readonly rows: readonly SealedRow[]
}

const STATUSES: ReadonlySet<string> = new Set(COVERAGE_STATUSES)

/** Between columns and between rows (ASCII unit and record separator): no column of a coverage holds a control character. */
export const COLUMN_SEPARATOR = '\u001f'
export const ROW_SEPARATOR = '\u001e'

/**
 * The current coverages behind each number, in the order asked, and how far the copy reaches: one statement, one
 * snapshot. A key is a subject itself or an alias of one; both are always looked up, so that a known and an unknown
 * number cost the same. While the lookup key is rotated a number has two keys: all rows of a person are renamed by one
 * statement, so that in any snapshot one of the two leads to all of them and the other nowhere. Keys travel as one text: arrays cannot be bound without the type catalogue (Workers). So do the
 * rows on their way back: the driver takes about a microsecond a column, and a coverage has thirteen.
 */
export async function findSealed(sql: Sql, wanted: readonly Names[]): Promise<SealedRead[]> {
  const keys: LookupKey[] = []
  const askers: number[] = []
  wanted.forEach((names, asker) => {
    for (const name of names) {
      if (name === undefined) continue
      keys.push(name)
      askers.push(asker)
    }
  })
  const [found] = await sql<
    {
      sequence: number | null
      as_of: string | null
      loaded_at: string | null
      lookup_generation: number | null
      incomplete: boolean | null
      checkpoint: string | null
      coverages: string | null
    }[]
  >`
    select w.sequence, w.as_of, w.loaded_at, w.lookup_generation,
           greatest(w.held_sequence, w.refused_sequence) > w.sequence as incomplete, f.coverages,
           (select log_id || ' ' || split_part(note, chr(10), 2) || ' ' || split_part(note, chr(10), 3) from log_checkpoint
             where log_id = (select max(log_id) from log_head)) as checkpoint
      from (
        select string_agg(
                 array_to_string(array[
                   k.n::text, c.subject::text, c.coverage_no::text, c."group", c.level::text, c.registered_facility,
                   c.valid_from::text, c.valid_to::text, c.five_years_from::text, c.area, c.status,
                   c.status_from::text, c.known_from::text, encode(c.sealed, 'hex')
                 ], ${COLUMN_SEPARATOR}, ''), ${ROW_SEPARATOR}) as coverages
          from unnest(string_to_array(${keys.join(',')}, ',')::uuid[]) with ordinality as k(key, n)
          left join alias a on a.alias = k.key
          join coverage c on c.subject = coalesce(a.subject, k.key) and c.known_to = 'infinity'
      ) as f left join feed_watermark w on w.feed = 'vss'`
  if (found === undefined) throw new Error('an aggregate is one row')
  const watermark =
    found.sequence === null || found.as_of === null || found.loaded_at === null
      ? null
      : {
          feedSequence: found.sequence,
          asOf: readInstant(found.as_of),
          loadedAt: found.loaded_at,
          incomplete: found.incomplete === true,
        }
  const lookupGeneration = found.lookup_generation ?? 1
  const checkpoint = readRoot(found.checkpoint)
  const reads = wanted.map(() => ({ watermark, checkpoint, lookupGeneration, rows: [] as SealedRow[] }))
  for (const text of found.coverages?.split(ROW_SEPARATOR) ?? []) {
    const columns = text.split(COLUMN_SEPARATOR)
    reads[askers[Number(columns[0]) - 1] ?? -1]?.rows.push(rowOf(columns))
  }
  return reads
}

/** The columns in the order of the statement above; our own database's values, checked when they were loaded. */
export function rowOf(columns: readonly string[]): SealedRow {
  const at = (place: number) => columns[place] ?? ''
  return {
    subject: at(1).replaceAll('-', '') as LookupKey,
    coverageNo: Number(at(2)),
    group: at(3),
    level: Number(at(4)) as BenefitLevel,
    registeredFacility: at(5),
    validFrom: at(6) as IsoDate,
    validTo: (at(7) || null) as IsoDate | null,
    fiveYearsFrom: (at(8) || null) as IsoDate | null,
    area: (at(9) || null) as Area | null,
    status: at(10),
    statusFrom: (at(11) || null) as IsoDate | null,
    knownFrom: at(12),
    sealed: Buffer.from(at(13), 'hex'),
  }
}

/** Opens one person's rows. Apart from the shared statement: a row that does not open harms nobody else's answer. */
export function openRead(keys: DataKeys, read: SealedRead): CopyRead {
  refuseNewerNames(keys, read.lookupGeneration)
  return {
    subject: read.rows[0]?.subject ?? null,
    watermark: read.watermark,
    checkpoint: read.checkpoint,
    coverages: read.rows.map((row) => openCoverage(keys, row)),
  }
}

/** Known people would not be found: no answer from the copy rather than a wrong one. */
export function refuseNewerNames(keys: DataKeys, lookupGeneration: number): void {
  if (lookupGeneration > keys.lookup.length) throw new Error('the rows are named under a newer lookup key than ours')
}

export function openCoverage(keys: DataKeys, row: SealedRow): Coverage {
  const { holder, days } = openHolder(keys, row.subject, row.sealed, {
    validFrom: row.validFrom,
    validTo: row.validTo,
    fiveYearsFrom: row.fiveYearsFrom,
    statusFrom: row.statusFrom,
  })
  return {
    holder,
    facts: {
      coverageNo: row.coverageNo,
      group: row.group,
      level: row.level,
      registeredFacility: row.registeredFacility,
      validFrom: days.validFrom,
      validTo: days.validTo,
      fiveYearsFrom: days.fiveYearsFrom,
      area: row.area,
      status: statusOf(row.status),
      statusFrom: days.statusFrom,
      knownFrom: instantText(row.knownFrom),
      cardNumber: holder.cardNumber,
    },
  }
}

/**
 * What was known of a person's coverages before, the newest first. What a rollback took back was never so: versions that
 * began and ended between a state and the return to it say nothing of the person.
 */
export async function findEarlier(sql: Sql, keys: DataKeys, subject: LookupKey): Promise<EarlierStatus[]> {
  // whoever was read under the former name may have the next one by now
  const names = isRenaming(keys) ? [subject, nextName(keys, subject)] : [subject]
  const rows = await sql<EarlierRow[]>`
    select subject, coverage_no, status, status_from, valid_from, valid_to, five_years_from, sealed
      from coverage c
     where subject = any(string_to_array(${names.join(',')}, ',')::uuid[]) and known_to < 'infinity'
       and not exists (select from feed_batch b
                        where b.kind = 'rollback' and c.known_from > b.back_to and c.known_to <= b.applied_at)
     order by known_from desc`
  return rows.map((row) => {
    const { days } = openHolder(keys, row.subject.replaceAll('-', '') as LookupKey, row.sealed, {
      validFrom: row.valid_from,
      validTo: row.valid_to,
      fiveYearsFrom: row.five_years_from,
      statusFrom: row.status_from,
    })
    return { coverageNo: row.coverage_no, status: statusOf(row.status), statusFrom: days.statusFrom }
  })
}

interface EarlierRow {
  subject: string
  coverage_no: number
  status: string
  status_from: IsoDate | null
  valid_from: IsoDate
  valid_to: IsoDate | null
  five_years_from: IsoDate | null
  sealed: Uint8Array
}

function statusOf(status: string): CoverageFacts['status'] {
  return STATUSES.has(status) ? (status as CoverageStatus) : 'unknown'
}

/** Somebody who has a current coverage; null in an empty copy. For the check of the keys at start. */
export async function anySubject(sql: Sql): Promise<LookupKey | null> {
  const rows = await sql<{ subject: string }[]>`select subject from coverage where known_to = 'infinity' limit 1`
  return (rows[0]?.subject.replaceAll('-', '') as LookupKey | undefined) ?? null
}
