import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, pgTable, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from './column.ts'

/**
 * What stands beside the entries of claim shares; the rules of `schema.ts` hold. No column names a person or a visit.
 * `log_id` is the first log's in all rows; `leaf_index`, `last_index` and `transitions` are places among the entries of all logs.
 */

/** The signed bytes as they came, sealed: written in the statement that writes the entry, erased with its details. */
export const claimDossier = pgTable(
  'claim_dossier',
  {
    logId: smallint('log_id').notNull(),
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    /** Keyed digest of facility and bytes; what `sealed` is bound to, since the index is not known before the statement. */
    dossierKey: uuid('dossier_key').notNull(),
    sealed: bytea().notNull(),
  },
  (t) => [primaryKey({ name: 'claim_dossier_pkey', columns: [t.logId, t.leafIndex] })],
)

/**
 * The versions of each visit's shares. Its key is what makes two writers of one version one of them: the later statement
 * fails whole. Insert only; it outlives an erasure, so that erased bytes are not recorded anew by a retry.
 */
export const claimVisit = pgTable(
  'claim_visit',
  {
    logId: smallint('log_id').notNull(),
    facility: text().notNull(),
    /** `visitDigest` of facility and MA_LK. */
    visitKey: uuid('visit_key').notNull(),
    /** A visit's check-in and its claim have versions of their own. */
    share: text({ enum: ['claim', 'checkIn'] }).notNull(),
    version: integer().notNull(),
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    dossierKey: uuid('dossier_key').notNull(),
  },
  (t) => [
    primaryKey({ name: 'claim_visit_pkey', columns: [t.logId, t.facility, t.visitKey, t.share, t.version] }),
    // by entry: how the rows of `claim_delivery` are made again
    index('claim_visit_entry').on(t.logId, t.leafIndex),
  ],
)

/**
 * Where each share stands on its way to the insurer, one row a version: inserted with the entry, moved by `kiemthe send`
 * and by receipts that a facility attaches. Made from the log and can be made again, but for the attempts.
 */
export const claimDelivery = pgTable(
  'claim_delivery',
  {
    logId: smallint('log_id').notNull(),
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    facility: text().notNull(),
    /** For the order within a visit; see `claim_visit`. */
    visitKey: uuid('visit_key').notNull(),
    share: text({ enum: ['claim', 'checkIn'] }).notNull(),
    version: integer().notNull(),
    delivery: text({ enum: ['recordOnly', 'forward'] }).notNull(),
    /** `YYYY-MM` of NAM_QT and THANG_QT; null where the dossier has none. */
    settlementMonth: text('settlement_month'),
    status: text({ enum: ['recorded', 'sent', 'received', 'returned', 'held', 'withdrawn', 'deadLetter'] }).notNull(),
    attempts: integer().notNull().default(0),
    /** Of these, those that speak against the file itself; see `src/claim-share/send/backoff.ts`. */
    strikes: smallint().notNull().default(0),
    /** Why the last attempt failed, a code of ours. */
    lastFailure: text('last_failure'),
    /** Null: nothing to be done (`recordOnly`, delivered, given up). */
    nextAttemptAt: instant('next_attempt_at'),
    leaseUntil: instant('lease_until'),
    /** The entry of kind `claimDelivery` that says the status; null while it is `recorded`. */
    lastIndex: bigint('last_index', { mode: 'number' }),
    /** Places of all entries of kind `claimDelivery` of the share, in order: whoever appends one adds it in that statement. */
    transitions: jsonb().$type<number[]>().notNull().default([]),
  },
  (t) => [
    primaryKey({ name: 'claim_delivery_pkey', columns: [t.logId, t.leafIndex] }),
    index('claim_delivery_facility').on(t.logId, t.facility, t.leafIndex),
    index('claim_delivery_month').on(t.logId, t.facility, t.settlementMonth, t.leafIndex),
    index('claim_delivery_visit').on(t.logId, t.visitKey, t.share, t.version),
    // the sender's queue: by facility, from its oldest or its newest end; whole, for what is to be held and its age
    index('claim_delivery_queue').on(t.logId, t.facility, t.leafIndex).where(sql`${t.nextAttemptAt} is not null`),
    index('claim_delivery_oldest').on(t.logId, t.leafIndex).where(sql`${t.nextAttemptAt} is not null`),
    index('claim_delivery_dead').on(t.logId, t.leafIndex).where(sql`${t.status} = 'deadLetter'`),
  ],
)

/** Each facility's own account at the insurer's portal, sealed: read by `kiemthe send` alone, set by its owner. */
export const insurerLogin = pgTable('insurer_login', {
  facility: text().primaryKey(),
  sealed: bytea().notNull(),
  setAt: instant('set_at').notNull(),
})
