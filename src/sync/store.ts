import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import type { TransactionSql } from 'postgres'

import { type Fragment, readInstant, type Sql } from '../db/connect.ts'
import type { LoadPlan, PreparedChunk } from './load.ts'

/**
 * The SQL of a first full load, straight into empty tables. The owner's, in a command of its own: the only place
 * besides migrations where a transaction has more than one statement.
 * What a kill leaves: whole chunks, named by `feed_chunk`; tables without their primary keys; no watermark, so the
 * copy does not answer yet. `beginLoad` goes on from there.
 */

const COVERAGE_COLUMNS =
  'subject, coverage_no, "group", level, province, registered_facility, valid_from, valid_to, five_years_from, area, ' +
  'status, status_from, tag, sealed, feed_sequence, known_from, known_to'

/** 0x6b69656d ("kiem"), 4. */
const TURN = [0x6b69656d, 4] as const

/** One import at a time; the connection that took the turn holds it until it ends. False: another one has it. */
export async function takeTurn(sql: Sql): Promise<boolean> {
  const [turn] = await sql<{ taken: boolean }[]>`select pg_try_advisory_lock(${TURN[0]}::int, ${TURN[1]}::int) as taken`
  return turn?.taken === true
}

export type LoadStart =
  | { readonly state: 'done' }
  /** Another load stands in this database: of another source or, unfinished, of other chunks or under other keys. */
  | { readonly state: 'otherSource'; readonly source: string; readonly finished: boolean }
  | { readonly state: 'open'; readonly chunksDone: ReadonlySet<number>; readonly rowsDone: number; readonly asOf: Date }

/** Opens a load or finds it again. Indexes go first: they are built once, sorted, at the end. */
export async function beginLoad(sql: Sql, plan: LoadPlan): Promise<LoadStart> {
  // rows of another origin are never mixed in: a copy that answers is only changed by the stage or by deltas
  const [other] = await sql<{ sequence: number }[]>`
    select sequence from feed_watermark w
     where feed = ${plan.feed}
       and not exists (select from feed_load l where l.feed = w.feed and l.sequence = ${plan.sequence})`
  if (other !== undefined)
    return { state: 'otherSource', source: `batch ${other.sequence} of the feed`, finished: true }
  // nor chunks of a load under another number: their rows would stay for good
  const [half] = await sql<{ source: string }[]>`
    select source from feed_load where feed = ${plan.feed} and sequence <> ${plan.sequence} and finished_at is null`
  if (half !== undefined) return { state: 'otherSource', source: half.source, finished: false }
  await sql`
    insert into feed_load (feed, sequence, source, rows, chunk_rows, key_check, as_of, started_at)
    values (${plan.feed}, ${plan.sequence}, ${plan.source}, ${plan.rows}, ${plan.chunkRows}, ${plan.keyCheck},
            ${plan.asOf.toISOString()}, now())
    on conflict do nothing`
  const [load] = await sql<{ source: string; as_of: string; finished: boolean; same_parts: boolean }[]>`
    select source, as_of, finished_at is not null as finished,
           chunk_rows = ${plan.chunkRows} and key_check = ${plan.keyCheck} as same_parts
      from feed_load
     where feed = ${plan.feed} and sequence = ${plan.sequence}`
  if (load === undefined) throw new Error('a load that was just opened is gone')
  // a finished one has no parts to go on with, and whether its keys are ours the server checks when it starts
  if (load.source !== plan.source || !(load.finished || load.same_parts)) {
    return { state: 'otherSource', source: load.source, finished: load.finished }
  }
  if (load.finished) return { state: 'done' }
  await sql`alter table coverage drop constraint if exists coverage_pkey`
  await sql`alter table alias drop constraint if exists alias_pkey`
  const chunks = await sql<{ chunk: number; rows: number }[]>`
    select chunk, rows from feed_chunk where feed = ${plan.feed} and sequence = ${plan.sequence}`
  return {
    state: 'open',
    chunksDone: new Set(chunks.map((each) => each.chunk)),
    rowsDone: chunks.reduce((sum, each) => sum + each.rows, 0),
    asOf: readInstant(load.as_of),
  }
}

/** Whether the copy was ever whole. The tables may not be there yet. */
export async function holdsFinishedLoad(sql: Sql): Promise<boolean> {
  const tables = await sql`select to_regclass('public.feed_load') as name`
  if (tables[0]?.['name'] == null) return false
  const finished = await sql`select from feed_load where finished_at is not null limit 1`
  return finished.count > 0
}

/** Forgets an unfinished load that cannot be gone on with, so that this one starts from nothing. */
export async function discardLoad(sql: Sql, plan: LoadPlan): Promise<void> {
  await sql`truncate coverage, alias, feed_chunk`
  await sql`delete from quarantine where feed = ${plan.feed}`
  await sql`
    delete from feed_load where feed = ${plan.feed} and (sequence = ${plan.sequence} or finished_at is null)`
}

/** For a load by the stage into tables that a first load has left empty: it needs their keys. */
export async function restoreKeys(sql: Sql): Promise<void> {
  await sql`alter table coverage drop constraint if exists coverage_pkey`
  await sql`alter table alias drop constraint if exists alias_pkey`
  await sql`alter table coverage add constraint coverage_pkey primary key (subject, coverage_no, known_from)`
  await sql`alter table alias add constraint alias_pkey primary key (alias)`
}

/** One transaction: the rows and the note that they are in. A kill before its commit leaves neither. */
export async function copyChunk(sql: Sql, plan: LoadPlan, prepared: PreparedChunk): Promise<void> {
  await sql.begin(async (tx) => {
    await copyInto(tx, `copy coverage (${COVERAGE_COLUMNS}) from stdin (format binary)`, prepared.coverage)
    await copyInto(tx, 'copy alias (alias, subject) from stdin (format binary)', prepared.alias)
    for (const row of prepared.quarantine) {
      await tx`
        insert into quarantine (feed, sequence, position, reason, sealed)
        values (${plan.feed}, ${plan.sequence}, ${row.position}, ${row.reason}, ${row.sealed})`
    }
    await tx`
      insert into feed_chunk (feed, sequence, chunk, rows)
      values (${plan.feed}, ${plan.sequence}, ${prepared.chunk}, ${prepared.rows})`
  })
}

/** Pieces that the socket takes without the whole chunk waiting in memory twice. */
const COPY_PIECE_BYTES = 256 * 1024

export async function copyInto(tx: TransactionSql, statement: string, bytes: Buffer): Promise<void> {
  const stream = await tx.unsafe(statement).writable()
  for (let at = 0; at < bytes.length; at += COPY_PIECE_BYTES) {
    if (!stream.write(bytes.subarray(at, at + COPY_PIECE_BYTES))) await once(stream, 'drain')
  }
  stream.end()
  await finished(stream)
}

/** The feed contradicts itself, so its load cannot be finished. Says how, and names nobody. */
export class LoadRefused extends Error {}

/** Not the cause as well: PostgreSQL's detail of a unique violation names the key of a person. */
function refuse(what: string): (error: unknown) => never {
  return (error) => {
    const { code } = error as { code?: unknown }
    if (code !== UNIQUE_VIOLATION) throw error
    throw new LoadRefused(`${what}; the load is not finished and the copy does not answer from it`)
  }
}

const UNIQUE_VIOLATION = '23505'

/** Primary keys as the migration defines them, and statistics. */
export async function buildKeys(sql: Sql): Promise<void> {
  await sql`alter table coverage drop constraint if exists coverage_pkey`
  await sql`alter table alias drop constraint if exists alias_pkey`
  await sql`alter table coverage add constraint coverage_pkey primary key (subject, coverage_no, known_from)`.catch(
    refuse('the feed names one coverage of one person twice'),
  )
  await sql`alter table alias add constraint alias_pkey primary key (alias)`.catch(
    refuse('the feed gives one insurance number or former number to two people, or has one person in two places'),
  )
  await sql`analyze coverage, alias`
}

/** For `appendDeed`: the watermark, once the keys are there. From its commit on the copy answers. */
export function finishing(sql: Sql, plan: LoadPlan, digest: string | null): Fragment {
  return sql`
    done as (
      update feed_load set finished_at = now() where feed = ${plan.feed} and sequence = ${plan.sequence}
      returning feed, sequence, as_of
    ), taken as (
      select coalesce(sum(rows), 0) as rows from feed_chunk where feed = ${plan.feed} and sequence = ${plan.sequence}
    ), state as (
      insert into feed_batch (feed, applied_at, sequence, kind, digest, as_of, rows, opened, closed, quarantined)
      select feed, now(), sequence, 'full', ${digest}, as_of, rows, rows, 0,
             (select count(*) from quarantine q where q.feed = done.feed and q.sequence = done.sequence)
        from done, taken
    ), moved as (
      insert into feed_watermark (feed, sequence, as_of, loaded_at, rows)
      select feed, sequence, as_of, now(), rows from done, taken
      on conflict (feed) do update
        set sequence = excluded.sequence, as_of = excluded.as_of, loaded_at = excluded.loaded_at, rows = excluded.rows
      returning 1
    ), act as materialized (
      select case when exists (select from moved) then 'done' else 'none' end as result
    )`
}

/** The end of a load that is nobody's deed: the demo's own. */
export async function finishLoad(sql: Sql, plan: LoadPlan): Promise<void> {
  await buildKeys(sql)
  await sql`with ${finishing(sql, plan, null)} select result from act`
}
