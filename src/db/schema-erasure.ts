import { index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { bytea, instant } from './column.ts'

/**
 * What may not be erased, and in which case: one row for each thing it covers (`src/erasure/hold.ts`). A person stands here
 * by keyed digests of their numbers, which no rotation changes. Lifting removes the rows; the log keeps both deeds.
 */
export const legalHold = pgTable(
  'legal_hold',
  {
    /** Number of the case. */
    hold: text().notNull(),
    target: text().notNull(),
    placedAt: instant('placed_at').notNull(),
    /** Why, in the operator's words. */
    sealed: bytea().notNull(),
  },
  (t) => [
    primaryKey({ name: 'legal_hold_pkey', columns: [t.hold, t.target] }),
    index('legal_hold_target').on(t.target),
  ],
)
