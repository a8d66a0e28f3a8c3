import type { Sql } from '../../db/connect.ts'
import type { CatalogueFault } from '../catalogue/read-row.ts'
import type { RowFault } from '../check-row.ts'

export interface QuarantinedLine {
  readonly feed: string
  readonly sequence: number
  readonly position: number
  readonly reason: RowFault | CatalogueFault
  readonly sealed: Uint8Array
  readonly seenAt: string
}

/** Open ones, by place, a page at a time. */
export async function listQuarantined(
  sql: Sql,
  after: Pick<QuarantinedLine, 'feed' | 'sequence' | 'position'>,
  limit: number,
): Promise<QuarantinedLine[]> {
  return sql<QuarantinedLine[]>`
    select feed, sequence, position, reason, sealed, seen_at as "seenAt"
      from quarantine
     where not resolved and (feed, sequence, position) > (${after.feed}, ${after.sequence}::bigint, ${after.position}::bigint)
     order by feed, sequence, position limit ${limit}`
}

/** By reason, with the number of rows. */
export async function countQuarantined(
  sql: Sql,
): Promise<{ readonly feed: string; readonly sequence: number; readonly reason: string; readonly rows: number }[]> {
  return sql<{ feed: string; sequence: number; reason: string; rows: number }[]>`
    select feed, sequence, reason, count(*) as rows from quarantine where not resolved group by 1, 2, 3 order by 1, 2, 3`
}

export async function resolve(sql: Sql, line: Pick<QuarantinedLine, 'feed' | 'sequence' | 'position'>): Promise<void> {
  await sql`
    update quarantine set resolved = true, resolved_at = now()
     where feed = ${line.feed} and sequence = ${line.sequence} and position = ${line.position}`
}

/**
 * Whether the copy heard of this coverage since that batch: then the row is overtaken. A version may have been closed by a
 * later batch without another one; closings have the later instant.
 */
export async function isOvertaken(
  sql: Sql,
  feed: string,
  sequence: number,
  subject: string,
  coverageNo: number,
): Promise<boolean> {
  const [found] = await sql<{ overtaken: boolean }[]>`
    select exists (
      select from coverage c
       where c.subject = ${subject}::uuid and c.coverage_no = ${coverageNo}::smallint
         and (c.feed_sequence > ${sequence}::bigint
              or c.known_to < 'infinity'
                 and c.known_to > (select max(applied_at) from feed_batch b
                                    where b.feed = ${feed} and b.sequence = ${sequence}::bigint and kind <> 'rollback'))
    ) as overtaken`
  return found?.overtaken === true
}
