import { sql } from 'drizzle-orm'
import { bigint, check, index, pgTable, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from './column.ts'

/** The log, what is made from it, and who wrote to it: the rules are those of `schema.ts`. */

/** The next index of each log. Its row lock is what makes the index dense. The newest log is in force. */
export const logHead = pgTable(
  'log_head',
  {
    logId: smallint('log_id').primaryKey(),
    origin: text().notNull(),
    size: bigint({ mode: 'number' }).notNull(),
    /** Its size when its successor was opened: whoever would append to it, of whatever release, fails here. */
    endsAt: bigint('ends_at', { mode: 'number' }),
  },
  (t) => [check('log_head_ended', sql`${t.endsAt} is null or ${t.size} = ${t.endsAt}`)],
)

/** The log. Insert only; `body` is the exact text that is hashed. */
export const logEntry = pgTable(
  'log_entry',
  {
    logId: smallint('log_id').notNull(),
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    body: text().notNull(),
    leafHash: bytea('leaf_hash').notNull(),
  },
  (t) => [primaryKey({ name: 'log_entry_pkey', columns: [t.logId, t.leafIndex] })],
)

/** How many entries of each log are in its tiles. Moved by compare-and-swap: of two sealers the later one looks again. */
export const logTree = pgTable('log_tree', {
  logId: smallint('log_id').primaryKey(),
  size: bigint({ mode: 'number' }).notNull(),
})

/** Hash tiles of C2SP tlog-tiles, made from `log_entry`. A tile only grows: a narrower one is its beginning. */
export const logTile = pgTable(
  'log_tile',
  {
    logId: smallint('log_id').notNull(),
    level: smallint().notNull(),
    tileIndex: bigint('tile_index', { mode: 'number' }).notNull(),
    hashes: bytea().notNull(),
  },
  (t) => [primaryKey({ name: 'log_tile_pkey', columns: [t.logId, t.level, t.tileIndex] })],
)

/** The published checkpoint of each log: replaced by compare-and-swap, never taken back. */
export const logCheckpoint = pgTable('log_checkpoint', {
  logId: smallint('log_id').primaryKey(),
  size: bigint({ mode: 'number' }).notNull(),
  /** The signed note, byte for byte. */
  note: text().notNull(),
  publishedAt: instant('published_at').notNull().defaultNow(),
  /** Size of the last one that bore all cosignatures wanted; null while the sealer wants none. */
  cosignedSize: bigint('cosigned_size', { mode: 'number' }),
})

/** Keys that sign checkpoints, public halves. A key that no longer signs stays: what it signed is still to be verified. */
export const logKey = pgTable(
  'log_key',
  {
    logId: smallint('log_id').notNull(),
    keyId: text('key_id').notNull(),
    /** `name+id+base64`, as C2SP signed-note writes verifier keys. */
    verifier: text().notNull(),
    usedSince: instant('used_since').notNull().defaultNow(),
  },
  (t) => [primaryKey({ name: 'log_key_pkey', columns: [t.logId, t.keyId] })],
)

/** What the entry commits to, sealed and erasable: written in the statement that writes its entry. */
export const entryDetail = pgTable(
  'entry_detail',
  {
    logId: smallint('log_id').notNull(),
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    /** Pseudonym of the person under the key of the year; null where the entry is about nobody. */
    subject: uuid(),
    client: text().notNull(),
    /** Keyed digest of client and Idempotency-Key: callers put anything into that header. */
    idempotencyKey: uuid('idempotency_key'),
    salt: bytea().notNull(),
    sealed: bytea().notNull(),
  },
  (t) => [
    primaryKey({ name: 'entry_detail_pkey', columns: [t.logId, t.leafIndex] }),
    index('entry_detail_idempotency').on(t.logId, t.idempotencyKey).where(sql`${t.idempotencyKey} is not null`),
  ],
)

/** Who came first with an Idempotency-Key. Claimed in the append statement, free again after 14 days. */
export const idempotency = pgTable(
  'idempotency',
  {
    logId: smallint('log_id').notNull(),
    key: uuid().notNull(),
    requestDigest: uuid('request_digest').notNull(),
    claimedAt: instant('claimed_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'idempotency_pkey', columns: [t.logId, t.key] }),
    index('idempotency_claimed').on(t.claimedAt),
  ],
)

/** How far a reader of the log has come: the first index it has not seen. What it made of the log can be made again. */
export const logCursor = pgTable(
  'log_cursor',
  {
    logId: smallint('log_id').notNull(),
    reader: text().notNull(),
    nextIndex: bigint('next_index', { mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ name: 'log_cursor_pkey', columns: [t.logId, t.reader] })],
)
