import { instantText, type Sql } from '../../db/connect.ts'
import { standingAt } from '../cursor/store.ts'
import { EMERGENCY, RULES_WITHOUT_PERSON, STAY_DAYS_MAX } from '../flag/rules.ts'
import { entryAt, placeOf } from '../log-id.ts'
import { hex } from '../store.ts'
import type { ClaimRow, Transition } from './claim-rows.ts'
import type { Before, FacilityDay, Noticed, Stay } from './notice.ts'
import type { BeforeClaims } from './notice-claims.ts'
import type { RawEntry } from './raw-entry.ts'
import type { CheckRow } from './rows.ts'

/** Entries of one stretch: some 1 KB and 20 µs to open each, so 2 MB and 40 ms. */
const ENTRIES_MAX = 2_000
/** Rows of a former generation that go with one statement. */
const FORMER_ROWS_MAX = 10_000
/** Stays told with one stretch; the rest with the next. */
const OVERDUE_MAX = 2_000
const DAYS_LOOKED_BACK = 29

export interface Generation {
  readonly generation: number
  readonly state: 'serving' | 'filling' | 'former'
  readonly nextIndex: number
}

/** The first one is made where there is none. */
export async function readGenerations(sql: Sql, logId: number): Promise<Generation[]> {
  await sql`
    insert into audit_projection (log_id, generation, state, next_index)
    select log_id, 1, 'serving', 0 from log_head h
     where log_id = ${logId}::smallint and not exists (select from audit_projection p where p.log_id = h.log_id)
    on conflict do nothing`
  const rows = await sql<{ generation: number; state: Generation['state']; next_index: number }[]>`
    select generation, state, next_index from audit_projection where log_id = ${logId}::smallint order by generation`
  return rows.map(({ generation, state, next_index: nextIndex }) => ({ generation, state, nextIndex }))
}

/** One that is filling already goes on. */
export async function beginGeneration(sql: Sql, logId: number): Promise<void> {
  await sql`
    insert into audit_projection (log_id, generation, state, next_index)
    select log_id, max(generation) + 1, 'filling', 0 from audit_projection
     where log_id = ${logId}::smallint group by log_id having not bool_or(state = 'filling')
    on conflict do nothing`
}

/** The filled one serves from now on, once it has seen what the other has. One statement: whoever reads sees one or the other. */
export async function switchGeneration(sql: Sql, logId: number): Promise<boolean> {
  const switched = await sql`
    update audit_projection p set state = case p.state when 'filling' then 'serving' else 'former' end
      from audit_projection f, audit_projection s
     where f.log_id = ${logId}::smallint and s.log_id = f.log_id and p.log_id = f.log_id
       and f.state = 'filling' and s.state = 'serving' and f.next_index >= s.next_index
       and p.generation in (f.generation, s.generation)`
  return switched.count > 0
}

const TABLES = ['audit_check', 'audit_claim', 'audit_flag', 'audit_facility_day', 'audit_stay'] as const

/** A former generation goes bit by bit, its place in `audit_projection` last. True: there is more. */
export async function dropFormer(sql: Sql, logId: number, generation: number): Promise<boolean> {
  for (const table of TABLES) {
    const gone = await sql`
      delete from ${sql(table)} where ctid = any(array(
        select ctid from ${sql(table)} where log_id = ${logId}::smallint and generation = ${generation}::smallint
         limit ${FORMER_ROWS_MAX}))`
    if (gone.count > 0) return true
  }
  await sql`
    delete from audit_projection
     where log_id = ${logId}::smallint and generation = ${generation}::smallint and state = 'former'`
  return false
}

export interface Stretch {
  readonly from: number
  /** The first place after it: in the next log, where that one has ended. */
  readonly to: number
  /** How many entries of the log it has. */
  readonly length: number
  /** When the last entry before its end was recorded; null: that log is empty. */
  readonly through: string | null
  /** Those that become something. */
  readonly entries: readonly RawEntry[]
}

/** The next entries that this generation has not seen, those that become something; see `readOn` of unverified visits. */
export async function readStretch(sql: Sql, logId: number, generation: number): Promise<Stretch> {
  const rows = await sql<
    {
      from: number
      to: number
      length: number
      through: string | null
      leaf_index: number | null
      body: string
      subject: string | null
      sealed: Uint8Array | null
    }[]
  >`
    with ${standingAt(sql, sql`audit_projection where log_id = ${logId}::smallint and generation = ${generation}::smallint`, ENTRIES_MAX)}
    select c.next_index as from, c.to_place as to, c.to_index - c.at_index as length,
           (select l.body::json ->> 'recordedAt' from log_entry l
             where l.log_id = c.at_log and l.leaf_index = c.to_index - 1) as through,
           e.leaf_index, e.body, d.subject, d.sealed
      from cursor_at c
      left join log_entry e on e.log_id = c.at_log and e.leaf_index >= c.at_index and e.leaf_index < c.to_index
                           and (e.body like '%"kind":"verification"%' or e.body like '%"kind":"unverifiedVisit"%'
                                or e.body like '%"kind":"erasure"%' or e.body like '%"kind":"claimShare"%'
                                or e.body like '%"kind":"claimDelivery"%')
      left join entry_detail d on d.log_id = e.log_id and d.leaf_index = e.leaf_index
     order by e.leaf_index`
  const [first] = rows
  if (first === undefined) return { from: 0, to: 0, length: 0, through: null, entries: [] } // the generation is gone
  const { from, to, length, through } = first
  const { logId: atLog } = entryAt(from)
  const entries = rows.flatMap(({ leaf_index: index, body, subject, sealed }) =>
    index === null ? [] : [{ index: placeOf({ logId: atLog, index }), body, subject, sealed }],
  )
  return { from, to, length, through, entries }
}

/** What rules look back at; nothing of it is in the stretch. */
export async function readBefore(
  sql: Sql,
  logId: number,
  generation: number,
  rows: readonly CheckRow[],
  logTime: string,
): Promise<Before> {
  const [first] = rows
  const persons = [...new Set(rows.flatMap(({ person }) => person ?? []))].join(',')
  const facilities = [...new Set(rows.map(({ facility }) => facility))].join(',')
  const visits = [...new Set(rows.flatMap(({ visit }) => visit ?? []))].join(',')
  const since = first?.recordedAt ?? logTime
  const checks = await sql<
    {
      leaf_index: number
      recorded_at: string
      facility: string
      route: string | null
      purpose: string | null
      person: string
    }[]
  >`
    select c.leaf_index, c.recorded_at, c.facility, c.route, c.purpose, p.person
      from unnest(string_to_array(${persons}, ',')::uuid[]) as p(person),
           lateral (
             select leaf_index, recorded_at, facility, route, purpose from audit_check
              where log_id = ${logId}::smallint and generation = ${generation}::smallint and person = p.person
                and kind = 'verification' and route is distinct from ${EMERGENCY}
                and purpose is distinct from 'appointment' and leaf_index < ${first?.index ?? 0}::bigint
                and recorded_at >= ${since}::timestamptz - interval '2 hours'
              order by recorded_at desc, leaf_index desc limit 1
           ) as c
     order by c.leaf_index`
  const days = await sql<
    {
      facility: string
      day: FacilityDay['day']
      checks: number
      misses: number
      flagged_misses: boolean
      flagged_volume: boolean
    }[]
  >`
    select facility, day, checks, misses, flagged_misses, flagged_volume from audit_facility_day
     where log_id = ${logId}::smallint and generation = ${generation}::smallint
       and facility = any(string_to_array(${facilities}, ','))
       and day >= (${since}::timestamptz - ${DAYS_LOOKED_BACK} * interval '1 day')::date`
  const stays = await sql<StayRow[]>`
    select facility, visit, leaf_index, recorded_at, true as touched from audit_stay
     where log_id = ${logId}::smallint and generation = ${generation}::smallint
       and facility = any(string_to_array(${facilities}, ',')) and visit = any(string_to_array(${visits}, ',')::uuid[])
    union all
    (select facility, visit, leaf_index, recorded_at, false from audit_stay
      where log_id = ${logId}::smallint and generation = ${generation}::smallint
        and recorded_at <= ${logTime}::timestamptz - ${STAY_DAYS_MAX} * interval '1 day'
        and visit <> all(string_to_array(${visits}, ',')::uuid[])
      order by recorded_at limit ${OVERDUE_MAX})
    order by leaf_index`
  return {
    checks: checks.map(({ leaf_index: index, recorded_at, person, facility, route, purpose }) => ({
      ...{ index, facility, route, purpose, person: hex(person) },
      recordedAt: instantText(recorded_at),
    })),
    days: days.map(({ flagged_misses: flaggedMisses, flagged_volume: flaggedVolume, ...day }) => ({
      ...{ facility: day.facility, day: day.day, checks: day.checks, misses: day.misses },
      flaggedMisses,
      flaggedVolume,
    })),
    stays: stays.filter(({ touched }) => touched).map(stay),
    overdue: stays.filter(({ touched }) => !touched).map(stay),
  }
}

/** The checks that claims quote or share a visit with, and other claims of their people; none of it in the stretch. */
export async function readBeforeClaims(
  sql: Sql,
  logId: number,
  generation: number,
  claims: readonly ClaimRow[],
): Promise<BeforeClaims> {
  const quoted = [...new Set(claims.flatMap(({ checks }) => checks ?? []))].join(',')
  const visits = [...new Set(claims.flatMap(({ visit }) => visit ?? []))].join(',')
  const persons = [...new Set(claims.flatMap(({ person }) => person ?? []))].join(',')
  const first = claims[0]?.index ?? 0
  const checks = await sql<CheckOfClaim[]>`
    select leaf_index as index, facility, visit, decision, code, purpose, service_date as "serviceDate" from audit_check
     where log_id = ${logId}::smallint and generation = ${generation}::smallint and kind = 'verification'
       and (leaf_index = any(string_to_array(${quoted}, ',')::bigint[])
            or visit = any(string_to_array(${visits}, ',')::uuid[]))
     order by leaf_index`
  const formers = await sql<BeforeClaims['claims'][number][]>`
    select leaf_index as index, facility, visit, person, admitted, total_insured as "totalInsured", restricted, status
      from audit_claim
     where log_id = ${logId}::smallint and generation = ${generation}::smallint and share = 'claim'
       and person = any(string_to_array(${persons}, ',')::uuid[]) and leaf_index < ${first}::bigint
     order by leaf_index`
  const bare = (uuid: string | null) => uuid && hex(uuid)
  return {
    checks: checks.map((row) => ({ ...row, visit: bare(row.visit) })),
    claims: formers.map((row) => ({ ...row, visit: bare(row.visit), person: bare(row.person) })),
  }
}

type CheckOfClaim = BeforeClaims['checks'][number]

interface StayRow {
  facility: string
  visit: string
  leaf_index: number
  recorded_at: string
  touched: boolean
}

function stay({ facility, visit, leaf_index: index, recorded_at }: StayRow): Stay {
  return { facility, visit: hex(visit), index, recordedAt: instantText(recorded_at) }
}

/** What a stretch came to. */
export interface Kept {
  readonly checks: readonly CheckRow[]
  readonly claims: readonly ClaimRow[]
  readonly transitions: readonly Transition[]
  /** Places of entries whose details are gone. */
  readonly erased: readonly number[]
}

/**
 * One statement: rows, flags and counts are kept and the cursor moves, all or nothing, and only from where it was read. Of
 * two projectors the later one changes nothing; a kill leaves the stretch to be read again. What was erased since it was
 * projected goes by the entry that says so, in the log's order: a row that was written a moment after its details went too.
 */
export async function keepStretch(
  sql: Sql,
  logId: number,
  generation: number,
  stretch: Pick<Stretch, 'from' | 'to' | 'through'>,
  { checks, claims, transitions, erased }: Kept,
  noticed: Noticed,
): Promise<boolean> {
  const json = (value: unknown) => JSON.stringify(value)
  const latest = new Map(transitions.map((each) => [each.index, each])) // in the log's order: the last one stays
  const shares = claims.map(({ terms: _, reasonGiven: __, ...row }) => {
    const moved = latest.get(row.index)
    latest.delete(row.index)
    return { ...row, status: moved?.status ?? 'recorded', statusIndex: moved?.by ?? null }
  })
  const [done] = await sql<{ moved: boolean }[]>`
    with moved as materialized (
      update audit_projection set next_index = ${stretch.to}::bigint, through = coalesce(${stretch.through}::timestamptz, through)
       where log_id = ${logId}::smallint and generation = ${generation}::smallint and next_index = ${stretch.from}::bigint
      returning log_id, generation
    ), checks as (
      insert into audit_check (log_id, generation, leaf_index, recorded_at, facility, kind, decision, code, cause, assurance,
                               method, erased, purpose, service_date, route, inpatient, person, visit)
      select log_id, generation, index, "recordedAt", facility, kind, decision, code, cause, assurance,
             method, erased, purpose, "serviceDate", route, inpatient, person, visit
        from moved, jsonb_to_recordset(${json(checks)}::text::jsonb) as r(
          index bigint, "recordedAt" timestamptz, facility text, kind text, decision text, code text, cause text,
          assurance text, method text, erased boolean, purpose text, "serviceDate" date, route text, inpatient boolean,
          person uuid, visit uuid)
    ), claims as (
      insert into audit_claim (log_id, generation, leaf_index, recorded_at, facility, share, version, delivery,
                               settlement_month, status, status_index, total_hospital, total_insured, paid_by_patient,
                               copayment, paid_by_insurer, findings, signature, erased, restricted, person, visit, admitted,
                               discharged, care_type, route, checks)
      select log_id, generation, index, "recordedAt", facility, share, version, delivery,
             "settlementMonth", status, "statusIndex", "totalHospital", "totalInsured", "paidByPatient",
             copayment, "paidByInsurer", findings, signature, erased, restricted, person, visit, admitted,
             discharged, "careType", route, checks
        from moved, jsonb_to_recordset(${json(shares)}::text::jsonb) as r(
          index bigint, "recordedAt" timestamptz, facility text, share text, version int, delivery text,
          "settlementMonth" text, status text, "statusIndex" bigint, "totalHospital" numeric, "totalInsured" numeric,
          "paidByPatient" numeric, copayment numeric, "paidByInsurer" numeric, findings int, signature text,
          erased boolean, restricted boolean, person uuid, visit uuid, admitted text, discharged text, "careType" text,
          route text, checks bigint[])
    ), transitions as (
      update audit_claim c set status = r.status, status_index = r.by
        from moved, jsonb_to_recordset(${json([...latest.values()])}::text::jsonb) as r(index bigint, status text, by bigint)
       where c.log_id = moved.log_id and c.generation = moved.generation and c.leaf_index = r.index
         and (c.status_index is null or c.status_index < r.by)
         -- a row is changed once in a statement: what is erased with this stretch keeps its status too
         and r.index <> all(string_to_array(${erased.join(',')}, ',')::bigint[])
    ), flags as (
      insert into audit_flag (log_id, generation, leaf_index, rule, facility, recorded_at, other_index, restricted, facts)
      select log_id, generation, index, rule, facility, "recordedAt", "otherIndex", restricted, facts
        from moved, jsonb_to_recordset(${json(noticed.flags)}::text::jsonb) as r(
          index bigint, rule text, facility text, "recordedAt" timestamptz, "otherIndex" bigint, restricted boolean,
          facts jsonb)
      on conflict do nothing
    ), days as (
      insert into audit_facility_day (log_id, generation, facility, day, checks, misses, flagged_misses, flagged_volume)
      select log_id, generation, facility, day, checks, misses, "flaggedMisses", "flaggedVolume"
        from moved, jsonb_to_recordset(${json(noticed.days)}::text::jsonb) as r(
          facility text, day date, checks int, misses int, "flaggedMisses" boolean, "flaggedVolume" boolean)
      on conflict (log_id, generation, facility, day) do update
        set checks = excluded.checks, misses = excluded.misses, flagged_misses = excluded.flagged_misses,
            flagged_volume = excluded.flagged_volume
    ), stays as (
      insert into audit_stay (log_id, generation, facility, visit, leaf_index, recorded_at)
      select log_id, generation, facility, visit, index, "recordedAt"
        from moved, jsonb_to_recordset(${json(noticed.stays)}::text::jsonb) as r(
          facility text, visit uuid, index bigint, "recordedAt" timestamptz)
      on conflict (log_id, generation, facility, visit) do update
        set leaf_index = excluded.leaf_index, recorded_at = excluded.recorded_at
    ), ended as (
      delete from audit_stay s using moved, jsonb_to_recordset(${json(noticed.ended)}::text::jsonb) as r(facility text, visit uuid)
       where s.log_id = moved.log_id and s.generation = moved.generation and s.facility = r.facility and s.visit = r.visit
    ), ${forget(sql, 'moved', erased, [...latest.values()])}
    select true as moved from moved`
  return done?.moved === true
}

/**
 * Common table expressions that take what is known of a person out of the rows of these entries. `among` has the generations;
 * the same statement may be inserting others.
 */
export function forget(
  sql: Sql,
  among: 'moved' | 'projections',
  erased: readonly number[],
  transitions: readonly Transition[] = [],
) {
  const list = erased.join(',')
  const stays = RULES_WITHOUT_PERSON.join(',')
  return sql`
    forgotten as (
      update audit_check c set erased = true, purpose = null, service_date = null, route = null, inpatient = null,
             person = null, visit = null
        from ${sql(among)} g
       where c.log_id = g.log_id and c.generation = g.generation
         and c.leaf_index = any(string_to_array(${list}, ',')::bigint[])
    ), unclaimed as (
      update audit_claim c set erased = true, restricted = true, person = null, visit = null, admitted = null,
             discharged = null, care_type = null, route = null, checks = null,
             status = coalesce(r.status, c.status), status_index = coalesce(r.by, c.status_index)
        from ${sql(among)} g, unnest(string_to_array(${list}, ',')::bigint[]) as e(index)
        left join jsonb_to_recordset(${JSON.stringify(transitions)}::text::jsonb) as r(index bigint, status text, by bigint)
          on r.index = e.index
       where c.log_id = g.log_id and c.generation = g.generation and c.leaf_index = e.index
    ), untold as (
      delete from audit_flag f using ${sql(among)} g
       where f.log_id = g.log_id and f.generation = g.generation and f.rule <> all(string_to_array(${stays}, ','))
         and (f.leaf_index = any(string_to_array(${list}, ',')::bigint[])
              or f.other_index = any(string_to_array(${list}, ',')::bigint[]))
    ), unsaid as (
      update audit_flag f set restricted = true from ${sql(among)} g
       where f.log_id = g.log_id and f.generation = g.generation and f.rule = 'amountsContradict'
         and f.leaf_index = any(string_to_array(${list}, ',')::bigint[])
    ), unwatched as (
      delete from audit_stay s using ${sql(among)} g
       where s.log_id = g.log_id and s.generation = g.generation
         and s.leaf_index = any(string_to_array(${list}, ',')::bigint[])
    )`
}

/** For the start: the newest details of all logs, to be opened with the keys at hand; null: there are none. */
export async function newestDetails(sql: Sql): Promise<Pick<RawEntry, 'subject' | 'sealed'> | null> {
  const [row] = await sql<{ subject: string | null; sealed: Uint8Array }[]>`
    select subject, sealed from entry_detail order by log_id desc, leaf_index desc limit 1`
  return row ?? null
}

/** Whether this role may keep what it reads. */
export async function mayProject(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ may: boolean }[]>`
    select has_table_privilege('audit_check', 'INSERT') and has_table_privilege('audit_projection', 'UPDATE') as may`
  return row?.may === true
}
