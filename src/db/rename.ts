import type { LookupKey } from '../data-keys.ts'
import type { Sql } from './connect.ts'

/** The SQL of giving people new names: the only writer of `renamed_to`, and no load runs beside it. */

/** A text of uuids and base64 has none. */
const SEPARATOR = ','
/** Generation and nonce: no two sealed values have the same. */
const HEAD_BYTES = 13

export interface NamedRow {
  readonly name: LookupKey
  /** It has its new name already. */
  readonly isRenamed: boolean
}

/** The next rows in the order of their names, whatever their generation: each statement is short, however few are left. */
export async function readNames(
  sql: Sql,
  table: 'coverage' | 'alias' | 'alias_change',
  generation: number,
  after: LookupKey,
  rowsMax: number,
): Promise<NamedRow[]> {
  const column = table === 'coverage' ? 'subject' : 'alias'
  const rows = await sql.unsafe<{ name: string; renamed: boolean }[]>(
    `select ${column}::text as name, renamed_to is not distinct from $1::smallint as renamed
       from ${table} where ${column} > $2::uuid order by ${column} limit $3::int`,
    [generation, after, rowsMax],
  )
  return rows.map(({ name, renamed }) => ({ name: hex(name), isRenamed: renamed }))
}

export interface CoverageRow {
  readonly subject: LookupKey
  readonly coverageNo: number
  /** As PostgreSQL writes it. */
  readonly knownFrom: string
  readonly sealed: Buffer
}

export interface AliasRow {
  readonly alias: LookupKey
  readonly subject: LookupKey
}

/** All versions of all coverages of these people. */
export async function readCoverages(sql: Sql, subjects: readonly LookupKey[]): Promise<CoverageRow[]> {
  const rows = await sql<{ subject: string; coverage_no: number; known_from: string; sealed: Buffer }[]>`
    select subject::text, coverage_no, known_from::text, sealed
      from coverage where subject = any(string_to_array(${subjects.join(SEPARATOR)}, ${SEPARATOR})::uuid[])`
  return rows.map((row) => ({
    subject: hex(row.subject),
    coverageNo: row.coverage_no,
    knownFrom: row.known_from,
    sealed: row.sealed,
  }))
}

/** By the index that `indexAliases` made. */
export async function readAliasesOf(sql: Sql, subjects: readonly LookupKey[]): Promise<AliasRow[]> {
  const rows = await sql<{ alias: string; subject: string }[]>`
    select alias::text, subject::text
      from alias where subject = any(string_to_array(${subjects.join(SEPARATOR)}, ${SEPARATOR})::uuid[])`
  return rows.map((row) => ({ alias: hex(row.alias), subject: hex(row.subject) }))
}

export interface RenamedCoverage {
  readonly row: CoverageRow
  readonly subject: LookupKey
  readonly sealed: Buffer
}

export interface RenamedAlias {
  readonly row: AliasRow
  readonly alias: LookupKey
  readonly subject: LookupKey
}

/**
 * One statement: whoever reads beside it sees each person under the former name or the new one, with all coverages and
 * all numbers that lead there. A person with a row that somebody changed or holds stays whole as it is, for the next pass.
 */
export async function writeRenamed(
  sql: Sql,
  generation: number,
  coverages: readonly RenamedCoverage[],
  aliases: readonly RenamedAlias[],
): Promise<number> {
  const column = (values: readonly (string | number)[]) => values.join(SEPARATOR)
  const [done] = await sql<{ rows: number }[]>`
    with input as (
      select * from unnest(
        string_to_array(${column(coverages.map(({ row }) => row.subject))}, ',')::uuid[],
        string_to_array(${column(coverages.map(({ row }) => row.coverageNo))}, ',')::smallint[],
        string_to_array(${column(coverages.map(({ row }) => row.knownFrom))}, ',')::timestamptz[],
        string_to_array(${column(coverages.map(({ row }) => row.sealed.subarray(0, HEAD_BYTES).toString('base64')))}, ','),
        string_to_array(${column(coverages.map(({ sealed }) => sealed.toString('base64')))}, ','),
        string_to_array(${column(coverages.map(({ subject }) => subject))}, ',')::uuid[]
      ) as r(subject, coverage_no, known_from, head, fresh, name)
    ), leads as (
      select * from unnest(
        string_to_array(${column(aliases.map(({ row }) => row.alias))}, ',')::uuid[],
        string_to_array(${column(aliases.map(({ alias }) => alias))}, ',')::uuid[],
        string_to_array(${column(aliases.map(({ subject }) => subject))}, ',')::uuid[]
      ) as r(alias, name, subject_name)
    ), free as (
      select t.subject, t.coverage_no, t.known_from, input.name, decode(input.fresh, 'base64') as fresh
        from coverage t join input
          on t.subject = input.subject and t.coverage_no = input.coverage_no and t.known_from = input.known_from
       where substring(t.sealed from 1 for ${HEAD_BYTES}::int) = decode(input.head, 'base64')
         for update of t skip locked
    ), counted as (
      select free.*, count(*) over (partition by free.subject) as rows from free
    ), whole as (
      select * from counted where rows = (select count(*) from coverage c where c.subject = counted.subject)
    ), led as (
      update alias a set alias = leads.name, subject = leads.subject_name, renamed_to = ${generation}::smallint
        from leads
       where a.alias = leads.alias and (a.subject in (select subject from whole)) is true -- hashed, not joined row by row
    ), renamed as (
      update coverage t set subject = whole.name, sealed = whole.fresh, renamed_to = ${generation}::smallint
        from whole
       where t.subject = whole.subject and t.coverage_no = whole.coverage_no and t.known_from = whole.known_from
      returning 1
    )
    select count(*)::int as rows from renamed`
  return done?.rows ?? 0
}

/** Aliases that lead nowhere: nobody finds anything by them, but their names would tell the former key. */
export async function readStrays(sql: Sql, generation: number, names: readonly LookupKey[]): Promise<AliasRow[]> {
  const rows = await sql<{ alias: string; subject: string }[]>`
    select alias::text, subject::text
      from alias where alias = any(string_to_array(${names.join(SEPARATOR)}, ${SEPARATOR})::uuid[])
       and renamed_to is distinct from ${generation}::smallint
       and not exists (select from coverage c where c.subject = alias.subject)`
  return rows.map((row) => ({ alias: hex(row.alias), subject: hex(row.subject) }))
}

export async function writeStrays(sql: Sql, generation: number, strays: readonly RenamedAlias[]): Promise<void> {
  await sql`
    update alias a set alias = r.name, subject = r.subject, renamed_to = ${generation}::smallint
      from unnest(
        string_to_array(${strays.map(({ row }) => row.alias).join(SEPARATOR)}, ',')::uuid[],
        string_to_array(${strays.map(({ alias }) => alias).join(SEPARATOR)}, ',')::uuid[],
        string_to_array(${strays.map(({ subject }) => subject).join(SEPARATOR)}, ',')::uuid[]
      ) as r(alias, name, subject)
     where a.alias = r.alias`
}

export interface AliasChangeRow {
  readonly alias: LookupKey
  /** As PostgreSQL writes it. */
  readonly changedAt: string
  readonly former: LookupKey | null
}

export interface RenamedAliasChange {
  readonly row: AliasChangeRow
  readonly alias: LookupKey
  readonly former: LookupKey | null
}

/** What these aliases led to before: only rollbacks read it, and none runs beside a rotation. */
export async function readAliasChanges(
  sql: Sql,
  generation: number,
  names: readonly LookupKey[],
): Promise<AliasChangeRow[]> {
  const rows = await sql<{ alias: string; changed_at: string; former: string | null }[]>`
    select alias::text, changed_at::text, former::text
      from alias_change where alias = any(string_to_array(${names.join(SEPARATOR)}, ${SEPARATOR})::uuid[])
       and renamed_to is distinct from ${generation}::smallint`
  return rows.map((row) => ({
    alias: hex(row.alias),
    changedAt: row.changed_at,
    former: row.former === null ? null : hex(row.former),
  }))
}

export async function writeAliasChanges(
  sql: Sql,
  generation: number,
  changes: readonly RenamedAliasChange[],
): Promise<void> {
  await sql`
    update alias_change c
       set alias = r.name, former = nullif(r.former, '')::uuid, renamed_to = ${generation}::smallint
      from unnest(
        string_to_array(${changes.map(({ row }) => row.alias).join(SEPARATOR)}, ',')::uuid[],
        string_to_array(${changes.map(({ row }) => row.changedAt).join(SEPARATOR)}, ',')::timestamptz[],
        string_to_array(${changes.map(({ alias }) => alias).join(SEPARATOR)}, ',')::uuid[],
        string_to_array(${changes.map(({ former }) => former ?? '').join(SEPARATOR)}, ',')
      ) as r(alias, changed_at, name, former)
     where c.alias = r.alias and c.changed_at = r.changed_at`
}

/** Before the first row is renamed: from now on a process that does not know the generation gives no answer from the copy. */
export async function tellGeneration(sql: Sql, generation: number): Promise<void> {
  await sql`update feed_watermark set lookup_generation = ${generation}::smallint where lookup_generation is distinct from ${generation}::smallint`
}

/** Only while people are renamed: nobody else asks what leads to a person. One that was killed while it grew is made again. */
export async function indexAliases(sql: Sql): Promise<void> {
  const whole = await sql`
    select from pg_index where indexrelid = to_regclass('alias_subject') and indisvalid`
  if (whole.count > 0) return
  await withoutDeadline(sql, async () => {
    await sql`drop index concurrently if exists alias_subject`
    await sql`create index concurrently alias_subject on alias (subject)`
    await sql`analyze alias`
  })
}

export async function dropAliasIndex(sql: Sql): Promise<void> {
  await withoutDeadline(sql, () => sql`drop index concurrently if exists alias_subject`)
}

/** For progress only: what PostgreSQL last counted. */
export async function estimateCoverages(sql: Sql): Promise<number> {
  const [row] = await sql<{ rows: number }[]>`
    select greatest(reltuples, 0)::bigint as rows from pg_class where oid = 'coverage'::regclass`
  return row?.rows ?? 0
}

/** An index of many rows takes as long as it takes; `concurrently` holds nobody up meanwhile. The one connection is ours. */
async function withoutDeadline(sql: Sql, run: () => Promise<unknown>): Promise<void> {
  await sql`set statement_timeout = 0`
  await run()
  await sql`reset statement_timeout`
}

function hex(uuid: string): LookupKey {
  return uuid.replaceAll('-', '') as LookupKey
}
