import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  date,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytea, instant } from './columns.ts'

/**
 * The tables (those of the log: `log-schema.ts`). Rules that hold from the first migration, so that the same SQL runs on Citus or YugabyteDB later:
 * every primary or unique key contains its distribution key (`subject`, `alias`, `log_id`), no sequence on a hot table.
 * Grants are in the migration after the tables: they are law, not decoration (`serve` refuses to start without them).
 */

/**
 * One version of one insurance record. `sealed` names the holder; the other columns name nobody. Of a day that falls on
 * the holder's birthday (a child's card holds from the day of birth) `valid_from`, `five_years_from` and `status_from`
 * have the first day of the month and `valid_to` the last; the day itself is in `sealed`. No SQL decides by them.
 */
export const coverage = pgTable(
  'coverage',
  {
    subject: uuid().notNull(),
    coverageNo: smallint('coverage_no').notNull(),
    group: text().notNull(),
    level: smallint().notNull(),
    province: text().notNull(),
    registeredFacility: text('registered_facility').notNull(),
    validFrom: date('valid_from').notNull(),
    validTo: date('valid_to'),
    fiveYearsFrom: date('five_years_from'),
    area: text(),
    status: text().notNull(),
    statusFrom: date('status_from'),
    /** Keyed digest of the plain row: two versions are equal when their tags are (sealed bytes never are). */
    tag: uuid().notNull(),
    sealed: bytea().notNull(),
    feedSequence: bigint('feed_sequence', { mode: 'number' }).notNull(),
    knownFrom: instant('known_from').notNull(),
    knownTo: instant('known_to').notNull().default('infinity'),
    /** The generation of the lookup key whose rotation named the row; null: it has the name it came with. */
    renamedTo: smallint('renamed_to'),
  },
  (t) => [primaryKey({ name: 'coverage_pkey', columns: [t.subject, t.coverageNo, t.knownFrom] })],
)

/** Insurance numbers and former numbers that lead to a subject. As large as `coverage`. */
export const alias = pgTable(
  'alias',
  { alias: uuid().notNull(), subject: uuid().notNull(), renamedTo: smallint('renamed_to') },
  (t) => [primaryKey({ name: 'alias_pkey', columns: [t.alias] })],
)

export const facility = pgTable('facility', {
  code: text().primaryKey(),
  name: text().notNull(),
  level: text().notNull(),
  points: integer(),
  formerTier: text('former_tier').notNull(),
  commune: text().notNull(),
  kind: text().notNull(),
  validFrom: date('valid_from').notNull(),
  validTo: date('valid_to'),
})

/** Who may ask for tokens: `facility:38001`, `auditor:<name>`, `feed:vss`, `ops:<name>`. */
export const client = pgTable('client', {
  clientId: text('client_id').primaryKey(),
  facility: text().references(() => facility.code),
  scopes: text().array().notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  disabledAt: instant('disabled_at'),
})

/** The public keys a client proves itself with. Revoking one ends the tokens it obtained. */
export const clientKey = pgTable(
  'client_key',
  {
    clientId: text('client_id')
      .notNull()
      .references(() => client.clientId),
    keyId: text('key_id').notNull(),
    publicJwk: jsonb('public_jwk').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    expiresAt: instant('expires_at').notNull(),
    revokedAt: instant('revoked_at'),
  },
  (t) => [
    primaryKey({ columns: [t.clientId, t.keyId] }),
    index('client_key_revoked').on(t.revokedAt).where(sql`${t.revokedAt} is not null`),
  ],
)

/**
 * A one-time code by which a client registers a key; one a client, a new one replaces the former. Only a keyed digest of
 * the code is here. The request role cannot read it: `enrol_client_key` (migration 0002) is all it may call.
 */
export const enrolment = pgTable('enrolment', {
  clientId: text('client_id')
    .primaryKey()
    .references(() => client.clientId),
  codeDigest: uuid('code_digest').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  expiresAt: instant('expires_at').notNull(),
  triesLeft: smallint('tries_left').notNull(),
  /** The key that was registered by it; null while it is unused. */
  usedByKey: text('used_by_key'),
})

/** Assertions already used; a row lives until its assertion would have expired anyway. */
export const jti = pgTable(
  'jti',
  { clientId: text('client_id').notNull(), jti: text().notNull(), expiresAt: instant('expires_at').notNull() },
  (t) => [primaryKey({ columns: [t.clientId, t.jti] }), index('jti_expires').on(t.expiresAt)],
)

/** How far our copy of a feed reaches. One row a feed, moved in the statement that applies the rows. */
export const feedWatermark = pgTable('feed_watermark', {
  feed: text().primaryKey(),
  sequence: bigint({ mode: 'number' }).notNull(),
  asOf: instant('as_of').notNull(),
  loadedAt: instant('loaded_at').notNull(),
  rows: bigint({ mode: 'number' }).notNull(),
  /** The newest generation of the lookup key that rows may be named under; null until its first rotation. */
  lookupGeneration: smallint('lookup_generation'),
})

/** A full load under way or done; `feed_chunk` says which parts of it are in, so that a killed load goes on. */
export const feedLoad = pgTable(
  'feed_load',
  {
    feed: text().notNull(),
    sequence: bigint({ mode: 'number' }).notNull(),
    source: text().notNull(),
    rows: bigint({ mode: 'number' }).notNull(),
    /** A load goes on only with chunks of this size and under the keys of this check; see `LoadPlan`. */
    chunkRows: integer('chunk_rows').notNull(),
    keyCheck: uuid('key_check').notNull(),
    asOf: instant('as_of').notNull(),
    startedAt: instant('started_at').notNull(),
    finishedAt: instant('finished_at'),
  },
  (t) => [primaryKey({ columns: [t.feed, t.sequence] })],
)

export const feedChunk = pgTable(
  'feed_chunk',
  {
    feed: text().notNull(),
    sequence: bigint({ mode: 'number' }).notNull(),
    chunk: integer().notNull(),
    rows: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.feed, t.sequence, t.chunk] })],
)

/**
 * Every state our copy of a feed was ever in, one row a state: a full load, a delta, a rollback. `applied_at` only grows
 * and is the `known_from` of what the batch opened and the `known_to` of what it closed: what was known at a state
 * is what was open at its `applied_at`.
 */
export const feedBatch = pgTable(
  'feed_batch',
  {
    feed: text().notNull(),
    appliedAt: instant('applied_at').notNull(),
    sequence: bigint({ mode: 'number' }).notNull(),
    kind: text({ enum: ['full', 'delta', 'rollback'] }).notNull(),
    /** SHA-256 of the data file, hex: tells a repeated batch from another one under its number. Null: the demo's own load. */
    digest: text(),
    asOf: instant('as_of').notNull(),
    /** Coverages in force in the copy after it. */
    rows: bigint({ mode: 'number' }).notNull(),
    opened: bigint({ mode: 'number' }).notNull(),
    closed: bigint({ mode: 'number' }).notNull(),
    quarantined: bigint({ mode: 'number' }).notNull(),
    /** Of a rollback: the state it went back to. */
    backTo: instant('back_to'),
  },
  (t) => [
    primaryKey({ name: 'feed_batch_pkey', columns: [t.feed, t.appliedAt] }),
    index('feed_batch_sequence').on(t.feed, t.sequence),
  ],
)

/** What an alias led to before a batch changed it, so that a rollback can lead it back. Null: it led nowhere. */
export const aliasChange = pgTable(
  'alias_change',
  {
    alias: uuid().notNull(),
    changedAt: instant('changed_at').notNull(),
    former: uuid(),
    renamedTo: smallint('renamed_to'),
  },
  (t) => [primaryKey({ name: 'alias_change_pkey', columns: [t.alias, t.changedAt] })],
)

/** Deltas that were pushed and wait for `kiemthe pull`, which alone changes coverages. A gap before one lets it wait longer. */
export const feedInbox = pgTable(
  'feed_inbox',
  {
    feed: text().notNull(),
    sequence: bigint({ mode: 'number' }).notNull(),
    /** Its parts. */
    upload: uuid().notNull(),
    /** As it was signed. */
    manifest: text().notNull(),
    digest: text().notNull(),
    receivedAt: instant('received_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ name: 'feed_inbox_pkey', columns: [t.feed, t.sequence] })],
)

/** A piece of a data file as it arrived, sealed. Parts that no row of `feed_inbox` names are of uploads that broke off. */
export const feedInboxPart = pgTable(
  'feed_inbox_part',
  {
    upload: uuid().notNull(),
    part: integer().notNull(),
    sealed: bytea().notNull(),
    receivedAt: instant('received_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ name: 'feed_inbox_part_pkey', columns: [t.upload, t.part] })],
)

/**
 * Where a full load waits for its merge. Unlogged: half the writing, and after a crash of PostgreSQL all four tables are
 * empty together, so that `stage_chunk` never names rows that are gone.
 */
export const coverageStage = pgTable('coverage_stage', {
  subject: uuid().notNull(),
  coverageNo: smallint('coverage_no').notNull(),
  group: text().notNull(),
  level: smallint().notNull(),
  province: text().notNull(),
  registeredFacility: text('registered_facility').notNull(),
  validFrom: date('valid_from').notNull(),
  validTo: date('valid_to'),
  fiveYearsFrom: date('five_years_from'),
  area: text(),
  status: text().notNull(),
  statusFrom: date('status_from'),
  tag: uuid().notNull(),
  sealed: bytea().notNull(),
  /** Of the row in its file, from 0. */
  position: bigint({ mode: 'number' }).notNull(),
})

export const aliasStage = pgTable('alias_stage', {
  alias: uuid().notNull(),
  subject: uuid().notNull(),
  position: bigint({ mode: 'number' }).notNull(),
})

export const quarantineStage = pgTable('quarantine_stage', {
  position: bigint({ mode: 'number' }).notNull(),
  reason: text().notNull(),
  sealed: bytea().notNull(),
})

/** Chunks of a load that are in; another load's name means that the stage is another load's. */
export const stageChunk = pgTable('stage_chunk', {
  load: text().notNull(),
  chunk: integer().notNull(),
  rows: integer().notNull(),
})

/** Rows of a feed that could not be taken: kept, never dropped. The row itself is sealed, it names a person. */
export const quarantine = pgTable(
  'quarantine',
  {
    feed: text().notNull(),
    sequence: bigint({ mode: 'number' }).notNull(),
    position: bigint({ mode: 'number' }).notNull(),
    reason: text().notNull(),
    sealed: bytea().notNull(),
    seenAt: instant('seen_at').notNull().defaultNow(),
    resolved: boolean().notNull().default(false),
  },
  (t) => [primaryKey({ columns: [t.feed, t.sequence, t.position] })],
)
