import { bigint, date, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'

/** One version of one row of the catalogue of facilities; names no person. `known_to` of a current one is `infinity`. */
export const facilityVersion = pgTable(
  'facility_version',
  {
    code: text().notNull(),
    name: text().notNull(),
    formerTier: text('former_tier'),
    commune: text().notNull(),
    province: text().notNull(),
    validFrom: date('valid_from').notNull(),
    validTo: date('valid_to'),
    mergedInto: text('merged_into'),
    /** `[{ from, level, points }]`, in order. */
    periods: jsonb().notNull(),
    feedSequence: bigint('feed_sequence', { mode: 'number' }).notNull(),
    knownFrom: timestamp('known_from', { withTimezone: true, mode: 'string' }).notNull(),
    knownTo: timestamp('known_to', { withTimezone: true, mode: 'string' }).notNull().default('infinity'),
  },
  (t) => [primaryKey({ name: 'facility_version_pkey', columns: [t.code, t.knownFrom] })],
)
