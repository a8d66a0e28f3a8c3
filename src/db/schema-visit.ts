import { sql } from 'drizzle-orm'
import { bigint, boolean, index, jsonb, pgTable, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from './column.ts'

/** Tables that are made from the log and can be made again; the rules of `schema.ts` hold. */

/**
 * Visits whose look-up failed, one row an entry of kind `unverifiedVisit`: the queue of `kiemthe recheck`, made from the
 * log. Only the attempts are not in the log; without them the waiting starts again.
 */
export const unverifiedVisit = pgTable(
  'unverified_visit',
  {
    logId: smallint('log_id').notNull(),
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    facility: text().notNull(),
    /** Keyed digest of facility and visit id: a later entry of one visit stands for the former. */
    visit: uuid().notNull(),
    /** It came with evidence, so that it can be looked up. */
    checkable: boolean().notNull(),
    state: text({ enum: ['open', 'checked', 'gaveUp', 'superseded'] }).notNull(),
    /** Times of the attempts that found nothing, RFC 3339. */
    attempts: jsonb().$type<string[]>().notNull().default([]),
    lastCode: text('last_code'),
    nextCheckAt: instant('next_check_at').notNull(),
    /** The entry that ended it: a verification, a closing, or a later entry of the same visit. */
    outcomeIndex: bigint('outcome_index', { mode: 'number' }),
    updatedAt: instant('updated_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'unverified_visit_pkey', columns: [t.logId, t.leafIndex] }),
    index('unverified_visit_due').on(t.logId, t.nextCheckAt).where(sql`${t.state} = 'open'`),
    index('unverified_visit_visit').on(t.logId, t.visit).where(sql`${t.state} = 'open'`),
  ],
)

/**
 * Visits that are under way, one row a visit: the latest check of each, made from the log by `kiemthe recheck`. Gone with
 * the check that ends it, or when `closes_at` has passed. Whom it is about is sealed, so that a dump joins no visit
 * to a coverage, nor two visits of one person.
 */
export const openVisit = pgTable(
  'open_visit',
  {
    logId: smallint('log_id').notNull(),
    /** Keyed digest of facility and visit id. */
    visit: uuid().notNull(),
    facility: text().notNull(),
    /** Of the check. */
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    /** The state of the copy that the check read; `-infinity`: none could be read. */
    seen: instant('seen').notNull(),
    closesAt: instant('closes_at').notNull(),
    /** The lookup key of who was checked, and its generation. */
    sealed: bytea().notNull(),
  },
  (t) => [
    primaryKey({ name: 'open_visit_pkey', columns: [t.logId, t.visit] }),
    index('open_visit_facility').on(t.logId, t.facility, t.leafIndex),
    index('open_visit_closes').on(t.logId, t.closesAt),
  ],
)
