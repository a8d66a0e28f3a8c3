import type { IsoDate } from '../calendar.ts'
import type { DataKeys, LookupKey } from '../data-keys.ts'
import { instantText, readInstant, type Sql } from '../db/connect.ts'
import type { BenefitLevel } from './card-number.ts'
import type { Area, CopyRead, Coverage } from './coverage.ts'
import { openHolder } from './holder.ts'
import { COVERAGE_STATUSES, type CoverageStatus } from './status.ts'

interface Row {
  n: number
  sequence: number | null
  as_of: string | null
  subject: string | null
  coverage_no: number
  group: string
  level: BenefitLevel
  registered_facility: string
  valid_from: IsoDate
  valid_to: IsoDate | null
  five_years_from: IsoDate | null
  area: Area | null
  status: string
  status_from: IsoDate | null
  known_from: string
  sealed: Uint8Array
}

interface SealedRow extends Row {
  readonly subject: LookupKey
}

/** What stands behind one key, holders still sealed. */
export interface SealedRead {
  readonly watermark: CopyRead['watermark']
  readonly rows: readonly SealedRow[]
}

const STATUSES: ReadonlySet<string> = new Set(COVERAGE_STATUSES)

/**
 * The current coverages behind each key, in the order of the keys, and how far the copy reaches: one statement, one
 * snapshot. A key is a subject itself or an alias of one; both are always looked up, so that a known and an unknown
 * number cost the same. Keys travel as one text: arrays cannot be bound without the type catalogue (Workers).
 */
export async function findSealed(sql: Sql, wanted: readonly LookupKey[]): Promise<SealedRead[]> {
  const rows = await sql<Row[]>`
    select k.n::int, w.sequence, w.as_of, c.subject, c.coverage_no, c."group", c.level, c.registered_facility,
           c.valid_from, c.valid_to, c.five_years_from, c.area, c.status, c.status_from, c.known_from, c.sealed
      from unnest(string_to_array(${wanted.join(',')}, ',')::uuid[]) with ordinality as k(key, n)
      left join feed_watermark w on w.feed = 'vss'
      left join alias a on a.alias = k.key
      left join coverage c on c.subject = coalesce(a.subject, k.key) and c.known_to = 'infinity'`
  const reads = wanted.map(() => ({ watermark: null as CopyRead['watermark'], rows: [] as SealedRow[] }))
  for (const row of rows) {
    const read = reads[row.n - 1]
    if (read === undefined) continue
    if (read.watermark === null && row.sequence !== null && row.as_of !== null) {
      read.watermark = { feedSequence: row.sequence, asOf: readInstant(row.as_of) }
    }
    if (row.subject !== null) read.rows.push({ ...row, subject: row.subject.replaceAll('-', '') as LookupKey })
  }
  return reads
}

/** Opens one person's rows. Apart from the shared statement: a row that does not open harms nobody else's answer. */
export function openRead(keys: DataKeys, read: SealedRead): CopyRead {
  return {
    subject: read.rows[0]?.subject ?? null,
    watermark: read.watermark,
    coverages: read.rows.map((row) => openCoverage(keys, row)),
  }
}

function openCoverage(keys: DataKeys, row: SealedRow): Coverage {
  const { holder, days } = openHolder(keys, row.subject, row.sealed, {
    validFrom: row.valid_from,
    validTo: row.valid_to,
    fiveYearsFrom: row.five_years_from,
    statusFrom: row.status_from,
  })
  return {
    holder,
    facts: {
      coverageNo: row.coverage_no,
      group: row.group,
      level: row.level,
      registeredFacility: row.registered_facility,
      validFrom: days.validFrom,
      validTo: days.validTo,
      fiveYearsFrom: days.fiveYearsFrom,
      area: row.area,
      status: STATUSES.has(row.status) ? (row.status as CoverageStatus) : 'unknown',
      statusFrom: days.statusFrom,
      knownFrom: instantText(row.known_from),
      cardNumber: holder.cardNumber,
    },
  }
}

/** Somebody who has a current coverage; null in an empty copy. For the check of the keys at start. */
export async function anySubject(sql: Sql): Promise<LookupKey | null> {
  const rows = await sql<{ subject: string }[]>`select subject from coverage where known_to = 'infinity' limit 1`
  return (rows[0]?.subject.replaceAll('-', '') as LookupKey | undefined) ?? null
}
