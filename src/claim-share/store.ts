import {
  type Acted,
  appendWithAct,
  claimingKey,
  type Fragment,
  hex,
  keyHolder,
  type PendingRow,
} from '../audit/store.ts'
import type { Sql } from '../db/connect.ts'
import type { Delivery, ShareKind } from './entry.ts'

/** What says which visit it is, in the database: see `claim_visit`. */
export interface VisitOf {
  readonly facility: string
  /** `visitDigest`. */
  readonly visitKey: string
  readonly share: ShareKind
}

export interface KnownVisit {
  /** Digest of the request that holds the Idempotency-Key; null: nobody does. */
  readonly keyHeldBy: string | null
  readonly latest: { readonly version: number; readonly index: number } | null
  /** Leaf index of the version that has these very bytes. */
  readonly same: number | null
}

/** What is recorded of a visit. What came in between is found by `appendShare`. */
export async function findVisit(
  sql: Sql,
  logId: number,
  { facility, visitKey, share }: VisitOf,
  dossierKey: string,
  idempotencyKey: string | null,
): Promise<KnownVisit> {
  const [row] = await sql<
    { held: string | null; version: number | null; leaf_index: number | null; same: number | null }[]
  >`
    with version as (
      select version, leaf_index, dossier_key from claim_visit
       where log_id = ${logId}::smallint and facility = ${facility} and visit_key = ${visitKey}::uuid
         and share = ${share}
    )
    select ${keyHolder(sql, logId, idempotencyKey)} as held, latest.version, latest.leaf_index,
           (select leaf_index from version where dossier_key = ${dossierKey}::uuid order by version limit 1) as same
      from (values (1)) as one
      left join (select * from version order by version desc limit 1) as latest on true`
  if (row === undefined) throw new Error('one row was asked for')
  const { held, version, leaf_index: index, same } = row
  return {
    keyHeldBy: held === null ? null : hex(held),
    latest: version === null || index === null ? null : { version, index },
    same,
  }
}

export interface ShareRow extends VisitOf {
  readonly version: number
  readonly dossierKey: string
  /** Base64. */
  readonly dossier: string
  readonly delivery: Delivery
  readonly settlementMonth: string | null
}

/**
 * The entry, its version, its bytes and its place on the way to the insurer: one statement. `keyTaken`: somebody holds the
 * Idempotency-Key, nothing is written. Of two writers of one version the later one breaks `claim_visit_pkey`, so that its
 * statement leaves nothing (the caller looks again); it takes the head of the log first and the version then, as all do.
 */
export async function appendShare(sql: Sql, logId: number, row: PendingRow, share: ShareRow): Promise<Acted> {
  const act: Fragment = sql`${claimingKey(sql, logId, row)}, act as materialized (
      select case when ${row.idempotencyKey}::uuid is null or exists (select from claimed)
                  then 'done' else 'keyTaken' end as result
    )`
  const then: Fragment = sql`, version as (
      insert into claim_visit (log_id, facility, visit_key, share, version, leaf_index, dossier_key)
      select ${logId}::smallint, ${share.facility}, ${share.visitKey}::uuid, ${share.share}, ${share.version}::integer,
             leaf_index, ${share.dossierKey}::uuid
        from deed
    ), dossier as (
      insert into claim_dossier (log_id, leaf_index, dossier_key, sealed)
      select ${logId}::smallint, leaf_index, ${share.dossierKey}::uuid, decode(${share.dossier}, 'base64') from deed
    ), delivery as (
      insert into claim_delivery
        (log_id, leaf_index, facility, visit_key, share, version, delivery, settlement_month, status, next_attempt_at)
      select ${logId}::smallint, leaf_index, ${share.facility}, ${share.visitKey}::uuid, ${share.share},
             ${share.version}::integer, ${share.delivery}, ${share.settlementMonth}, 'recorded',
             case when ${share.delivery} = 'forward' then now() end
        from deed
    )`
  return appendWithAct(sql, logId, row, act, then)
}

/** Whether another writer came first with this version. */
export function isVersionTaken(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || !('constraint_name' in error)) return false
  return error.code === '23505' && error.constraint_name === 'claim_visit_pkey'
}
