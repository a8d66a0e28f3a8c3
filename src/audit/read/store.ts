import type { Pseudonym } from '../../data-keys.ts'
import type { Fragment, Sql } from '../../db/connect.ts'
import { indexAt, logAt, placeAt } from '../cursor/store.ts'
import type { FlagRule } from '../flag/rules.ts'
import type { EntryAt } from '../log-id.ts'

import type { ListCursor } from './cursor.ts'

/** Rows looked at for one page: some 15 ms of an index, whatever is asked for; only what the page shows is read from the table. */
export const SCANNED_MAX = 20_000

export interface Through {
  /** Of the last entry that is projected; -1: none is. */
  readonly place: number
  /** When it was recorded, as PostgreSQL writes it. */
  readonly recordedAt: string | null
}

/** How far the auditors' tables reach; -1 where nobody made them yet. */
export async function readThrough(sql: Sql, logId: number): Promise<Through> {
  // before a successor's first entry comes the last one of the log before it
  const [row] = await sql<{ place: number; through: string | null }[]>`
    select case when ${indexAt(sql, sql`next_index`)} > 0 then next_index - 1
                else (select ${placeAt(sql, sql`h.log_id`, sql`h.size`)} - 1 from log_head h
                       where h.log_id < ${logAt(sql, sql`next_index`)} and h.size > 0 order by h.log_id desc limit 1) end as place,
           through
      from audit_projection where log_id = ${logId}::smallint and state = 'serving'`
  return { place: row?.place ?? -1, recordedAt: row?.through ?? null }
}

/** Both ends are instants, RFC 3339; `after` and `through` are a page's. */
export interface Span {
  readonly facility: string | null
  readonly from: string | null
  readonly to: string | null
  readonly after: Pick<ListCursor, 'recordedAt' | 'index'> | null
  readonly through: number
}

export interface CheckFilter {
  readonly flag: FlagRule | null
  readonly decision: string | null
  readonly code: string | null
  readonly assurance: string | null
  /** The checks of a claim: those it quotes, and those of its visit. */
  readonly claim: ClaimPlace | null
}

export interface CheckItem {
  readonly place: number
  readonly recordedAt: string
  readonly facility: string
  readonly kind: 'verification' | 'unverifiedVisit'
  readonly decision: string | null
  readonly code: string | null
  readonly cause: string | null
  readonly method: string | null
  readonly assurance: string | null
  readonly purpose: string | null
  readonly serviceDate: string | null
  readonly route: string | null
  readonly inpatient: boolean | null
  readonly erased: boolean
  /** With commas. */
  readonly flags: string | null
}

const serving = (sql: Sql, logId: number) => sql`
  (select generation from audit_projection where log_id = ${logId}::smallint and state = 'serving')`

/** Rows of `k` (a table with the columns of a place) in their order of time, from after the last one. */
function span(sql: Sql, logId: number, of: Span): Fragment {
  return sql`k.log_id = ${logId}::smallint and k.generation = ${serving(sql, logId)} and k.leaf_index <= ${of.through}::bigint
    ${of.facility === null ? sql`` : sql`and k.facility = ${of.facility}`}
    ${of.from === null ? sql`` : sql`and k.recorded_at >= ${of.from}::timestamptz`}
    ${of.to === null ? sql`` : sql`and k.recorded_at <= ${of.to}::timestamptz`}
    ${of.after === null ? sql`` : sql`and (k.recorded_at, k.leaf_index) > (${of.after.recordedAt}::timestamptz, ${of.after.index}::bigint)`}`
}

const checkColumns = (sql: Sql) => sql`
  c.leaf_index as place, c.recorded_at as "recordedAt", c.facility, c.kind, c.decision, c.code, c.cause, c.method, c.assurance,
  c.purpose, c.service_date as "serviceDate", c.route, c.inpatient, c.erased,
  (select string_agg(f.rule, ',' order by f.rule) from audit_flag f
    where f.log_id = c.log_id and f.generation = c.generation and f.leaf_index = c.leaf_index) as flags`

/** A page, and where it goes on: behind its last row, or behind what was looked at for it. Null: the list ends here. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: Pick<ListCursor, 'recordedAt' | 'index'> | null
}

type Placed = { readonly place: number; readonly recordedAt: string }

async function pageOf<Item extends Placed>(
  items: readonly Item[],
  max: number,
  isFiltered: boolean,
  scanEnd: () => Promise<readonly Placed[]>,
): Promise<Page<Item>> {
  const last = items[max - 1]
  if (items.length > max && last !== undefined) return { items: items.slice(0, max), next: standing(last) }
  const [end] = isFiltered ? await scanEnd() : []
  return { items, next: end === undefined ? null : standing(end) }
}

const standing = ({ place, recordedAt }: Placed) => ({ index: place, recordedAt })

export async function listChecks(
  sql: Sql,
  logId: number,
  of: Span,
  { flag, decision, code, assurance, claim }: CheckFilter,
  max: number,
): Promise<Page<CheckItem>> {
  const table = flag === null ? sql`audit_check` : sql`audit_flag`
  // across facilities the index of codes leads; in one facility its own
  const byCode = flag === null && code !== null && of.facility === null
  // a flag's row does not say what its check says; of a check, what is filtered by stands in the index that is looked through
  const said = flag === null ? sql`k` : sql`c`
  // what is not asked for is not in the statement: a column of no use would have the table read
  const fits = sql`true ${decision === null ? sql`` : sql`and ${said}.decision = ${decision}`}
    ${code === null || byCode ? sql`` : sql`and ${said}.code = ${code}`}
    ${assurance === null ? sql`` : sql`and ${said}.assurance = ${assurance}`}`
  const keys = sql`
    select k.log_id, k.generation, k.leaf_index, k.recorded_at ${flag === null ? sql`, k.decision, k.code, k.assurance` : sql``}
      from ${table} k
     where ${span(sql, logId, of)}
       ${flag === null ? sql`` : sql`and k.rule = ${flag} and not k.restricted`} ${byCode ? sql`and k.code = ${code}` : sql``}
       ${claim === null ? sql`` : sql`and (k.leaf_index = any(string_to_array(${claim.checks}, ',')::bigint[]) or k.visit = ${claim.visit}::uuid and k.facility = ${claim.facility})`}
     order by k.recorded_at, k.leaf_index`
  const looked = sql`(${keys} limit ${SCANNED_MAX}) k`
  const shown =
    flag === null
      ? sql`(select k.* from ${looked} where ${fits} order by k.recorded_at, k.leaf_index limit ${max + 1}) k`
      : looked
  const items = await sql<CheckItem[]>`
    select ${checkColumns(sql)}
      from ${shown}
      join audit_check c on c.log_id = k.log_id and c.generation = k.generation and c.leaf_index = k.leaf_index
     where ${flag === null ? sql`true` : fits}
     order by k.recorded_at, k.leaf_index limit ${max + 1}`
  return pageOf(
    items,
    max,
    decision !== null || code !== null || assurance !== null || flag !== null,
    () => sql<Placed[]>`
      select leaf_index as place, recorded_at as "recordedAt" from (${keys}) k offset ${SCANNED_MAX - 1} limit 1`,
  )
}

/** Of these people or this visit, or these entries. */
export interface About {
  readonly persons: readonly Pseudonym[]
  readonly visit: string | null
  readonly places: readonly number[] | null
  readonly facility: string | null
}

/** One condition, so one index. */
const about = (sql: Sql, logId: number, { persons, visit, places, facility }: About, byPlace: Fragment) => sql`
  c.log_id = ${logId}::smallint and c.generation = ${serving(sql, logId)}
  ${facility === null ? sql`` : sql`and c.facility = ${facility}`}
  and ${
    places !== null
      ? byPlace
      : visit !== null
        ? sql`c.visit = ${visit}::uuid`
        : sql`c.person = any(string_to_array(${persons.join(',')}, ',')::uuid[])`
  }`

const placesOf = (sql: Sql, { places }: About) => sql`string_to_array(${(places ?? []).join(',')}, ',')::bigint[]`

export async function findChecks(sql: Sql, logId: number, of: About, max: number): Promise<readonly CheckItem[]> {
  return sql<CheckItem[]>`
    select ${checkColumns(sql)} from audit_check c
     where ${about(sql, logId, of, sql`c.leaf_index = any(${placesOf(sql, of)})`)}
     order by c.recorded_at desc, c.leaf_index desc limit ${max}`
}

export interface ClaimItem {
  readonly place: number
  readonly recordedAt: string
  readonly facility: string
  readonly share: string
  readonly version: number
  readonly delivery: string
  readonly settlementMonth: string | null
  readonly status: string
  readonly totalHospital: string | null
  readonly totalInsured: string | null
  readonly paidByPatient: string | null
  readonly copayment: string | null
  readonly paidByInsurer: string | null
  readonly findings: number
  readonly signature: string
  readonly admitted: string | null
  readonly discharged: string | null
  readonly careType: string | null
  readonly route: string | null
  readonly erased: boolean
  readonly restricted: boolean
  readonly flags: string | null
  /** Places, each behind `v`, or `u` for an unverified visit; with commas. */
  readonly checks: string | null
}

const claimColumns = (sql: Sql, hiv: boolean) => sql`
  c.leaf_index as place, c.recorded_at as "recordedAt", c.facility, c.share, c.version, c.delivery,
  c.settlement_month as "settlementMonth", c.status, c.total_hospital as "totalHospital", c.total_insured as "totalInsured",
  c.paid_by_patient as "paidByPatient", c.copayment, c.paid_by_insurer as "paidByInsurer", c.findings, c.signature,
  c.admitted, c.discharged, c.care_type as "careType", c.route, c.erased, c.restricted,
  (select string_agg(case k.kind when 'unverifiedVisit' then 'u' else 'v' end || q.place, ',' order by q.n)
     from unnest(c.checks) with ordinality as q(place, n)
     left join audit_check k on k.log_id = c.log_id and k.generation = c.generation and k.leaf_index = q.place) as checks,
  (select string_agg(f.rule, ',' order by f.rule) from audit_flag f
    where f.log_id = c.log_id and f.generation = c.generation and f.leaf_index = c.leaf_index
      and (${hiv}::boolean or not f.restricted)) as flags`

export interface ClaimFilter {
  readonly flag: FlagRule | null
  readonly status: string | null
  /** Who may see dossiers with HIV data; for others they are not there. */
  readonly hiv: boolean
}

export async function listClaims(
  sql: Sql,
  logId: number,
  of: Span,
  { flag, status, hiv }: ClaimFilter,
  max: number,
): Promise<Page<ClaimItem>> {
  const table = flag === null ? sql`audit_claim` : sql`audit_flag`
  const byStatus = flag === null && status !== null && of.facility === null
  const keys = sql`
    select k.log_id, k.generation, k.leaf_index, k.recorded_at from ${table} k
     where ${span(sql, logId, of)} and (${hiv}::boolean or not k.restricted)
       ${flag === null ? sql`` : sql`and k.rule = ${flag}`} ${byStatus ? sql`and k.status = ${status}` : sql``}
     order by k.recorded_at, k.leaf_index`
  const items = await sql<ClaimItem[]>`
    select ${claimColumns(sql, hiv)}
      from (${keys} limit ${SCANNED_MAX}) k
      join audit_claim c on c.log_id = k.log_id and c.generation = k.generation and c.leaf_index = k.leaf_index
     where (${status}::text is null or c.status = ${status}) and (${hiv}::boolean or not c.restricted)
     order by k.recorded_at, k.leaf_index limit ${max + 1}`
  return pageOf(
    items,
    max,
    status !== null || flag !== null,
    () => sql<Placed[]>`
      select leaf_index as place, recorded_at as "recordedAt" from (${keys}) k offset ${SCANNED_MAX - 1} limit 1`,
  )
}

export async function findClaims(
  sql: Sql,
  logId: number,
  of: About,
  hiv: boolean,
  max: number,
): Promise<readonly ClaimItem[]> {
  return sql<ClaimItem[]>`
    select ${claimColumns(sql, hiv)} from audit_claim c
     where ${about(sql, logId, of, sql`c.checks && ${placesOf(sql, of)}`)} and (${hiv}::boolean or not c.restricted)
     order by c.recorded_at desc, c.leaf_index desc limit ${max}`
}

export interface ClaimPlace {
  readonly facility: string
  readonly visit: string | null
  /** With commas. */
  readonly checks: string
}

/** Null where there is none that the caller may see. */
export async function findClaimPlace(sql: Sql, logId: number, place: number, hiv: boolean): Promise<ClaimPlace | null> {
  const [row] = await sql<{ facility: string; visit: string | null; checks: string | null }[]>`
    select c.facility, c.visit, array_to_string(c.checks, ',') as checks from audit_claim c
     where c.log_id = ${logId}::smallint and c.generation = ${serving(sql, logId)} and c.leaf_index = ${place}::bigint
       and (${hiv}::boolean or not c.restricted)`
  return row === undefined ? null : { ...row, checks: row.checks ?? '' }
}

export interface FlagItem {
  readonly place: number
  readonly recordedAt: string
  readonly facility: string
  readonly rule: FlagRule
  readonly otherPlace: number | null
  readonly facts: Readonly<Record<string, string | number>>
}

/** More than one entry can have: there are fewer rules. */
const RULES_MAX = 16

/** An entry may have several flags: a page ends behind the last of an entry, so it may have a few more than asked for. */
export async function listFlags(
  sql: Sql,
  logId: number,
  of: Span,
  { rule, hiv }: { readonly rule: FlagRule | null; readonly hiv: boolean },
  max: number,
): Promise<Page<FlagItem>> {
  const items = await sql<FlagItem[]>`
    select k.leaf_index as place, k.recorded_at as "recordedAt", k.facility, k.rule, k.other_index as "otherPlace", k.facts
      from audit_flag k
     where ${span(sql, logId, of)} and (${hiv}::boolean or not k.restricted)
       ${rule === null ? sql`` : sql`and k.rule = ${rule}`}
     order by k.recorded_at, k.leaf_index, k.rule limit ${max + RULES_MAX}`
  const last = items[max - 1]
  if (last === undefined) return { items, next: null }
  const whole = items.filter(({ place }, n) => n < max || place === last.place)
  return { items: whole, next: items.length > whole.length ? standing(last) : null }
}

/** An entry with all that its commitment is made of; null the details were erased. */
export interface WholeEntry {
  readonly body: string
  readonly leafHash: Uint8Array
  readonly client: string | null
  readonly subject: string | null
  readonly salt: Uint8Array | null
  readonly sealed: Uint8Array | null
}

export interface EntryInLog extends EntryAt {
  readonly body: string
  readonly subject: string | null
}

/** The entries that have this index, one of each log that is as long. */
export async function findInEachLog(sql: Sql, index: number): Promise<EntryInLog[]> {
  return sql<EntryInLog[]>`
    select e.log_id as "logId", e.leaf_index as index, e.body, d.subject
      from log_head h join log_entry e on e.log_id = h.log_id and e.leaf_index = ${index}::bigint
      left join entry_detail d on d.log_id = e.log_id and d.leaf_index = e.leaf_index
     order by e.log_id`
}

export async function findWhole(sql: Sql, { logId, index }: EntryAt): Promise<WholeEntry | null> {
  const [row] = await sql<WholeEntry[]>`
    select e.body, e.leaf_hash as "leafHash", d.client, d.subject, d.salt, d.sealed
      from log_entry e left join entry_detail d on d.log_id = e.log_id and d.leaf_index = e.leaf_index
     where e.log_id = ${logId}::smallint and e.leaf_index = ${index}::bigint`
  return row ?? null
}
