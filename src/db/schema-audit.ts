import {
  bigint,
  boolean,
  date,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  smallint,
  text,
  uuid,
} from 'drizzle-orm/pg-core'
import { instant } from './column.ts'

/**
 * What auditors search: made from the log by `kiemthe project`, and can be made again. `generation` is in every key, so
 * that a rebuild fills a second one from nothing while the first is served. Nothing here names a person: `person` is the
 * pseudonym of the year that stands in `entry_detail` too, `visit` a keyed digest.
 */

/** A generation and how far it has come. One of them serves; one more may be filling. */
export const auditProjection = pgTable(
  'audit_projection',
  {
    logId: smallint('log_id').notNull(),
    generation: smallint().notNull(),
    state: text({ enum: ['serving', 'filling', 'former'] }).notNull(),
    /** The first index of the log that it has not seen. */
    nextIndex: bigint('next_index', { mode: 'number' }).notNull(),
    /** When the last entry that it has seen was recorded; null before the first. */
    through: instant('through'),
  },
  (t) => [primaryKey({ name: 'audit_projection_pkey', columns: [t.logId, t.generation] })],
)

/** One row a verification, and one a visit that could not be looked up. What came from details is null once they are erased. */
export const auditCheck = pgTable(
  'audit_check',
  {
    logId: smallint('log_id').notNull(),
    generation: smallint().notNull(),
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    recordedAt: instant('recorded_at').notNull(),
    facility: text().notNull(),
    kind: text({ enum: ['verification', 'unverifiedVisit'] }).notNull(),
    /** These are null of an unverified visit: nothing was decided. */
    decision: text(),
    code: text(),
    cause: text(),
    assurance: text(),
    method: text(),
    erased: boolean().notNull(),
    purpose: text(),
    serviceDate: date('service_date', { mode: 'string' }),
    route: text(),
    inpatient: boolean(),
    person: uuid(),
    /** Keyed digest of the visit id alone: MA_LK is one visit's wherever it is quoted. */
    visit: uuid(),
  },
  (t) => [
    primaryKey({ name: 'audit_check_pkey', columns: [t.logId, t.generation, t.leafIndex] }),
    // what a list is filtered by stands behind what it is ordered by: the 20,000 rows looked at for a page are an index's alone
    index('audit_check_facility_filters').on(
      t.logId,
      t.generation,
      t.facility,
      t.recordedAt,
      t.leafIndex,
      t.decision,
      t.code,
      t.assurance,
    ),
    index('audit_check_time_filters').on(t.logId, t.generation, t.recordedAt, t.leafIndex, t.decision, t.assurance),
    index('audit_check_code').on(t.logId, t.generation, t.code, t.recordedAt, t.leafIndex),
    index('audit_check_person').on(t.logId, t.generation, t.person, t.recordedAt),
    index('audit_check_visit').on(t.logId, t.generation, t.visit),
  ],
)

/** What a rule noticed about an entry. `facts` are codes and numbers of ours, nothing of a person. */
export const auditFlag = pgTable(
  'audit_flag',
  {
    logId: smallint('log_id').notNull(),
    generation: smallint().notNull(),
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    rule: text().notNull(),
    facility: text().notNull(),
    recordedAt: instant('recorded_at').notNull(),
    /** The other entry that it is about; null: there is none. */
    otherIndex: bigint('other_index', { mode: 'number' }),
    /** It is about a dossier that only `audit:hiv` may see, or may be. */
    restricted: boolean().notNull(),
    facts: jsonb().$type<Record<string, string | number>>().notNull(),
  },
  (t) => [
    primaryKey({ name: 'audit_flag_pkey', columns: [t.logId, t.generation, t.leafIndex, t.rule] }),
    index('audit_flag_rule').on(t.logId, t.generation, t.rule, t.recordedAt, t.leafIndex),
    index('audit_flag_facility').on(t.logId, t.generation, t.facility, t.recordedAt, t.leafIndex),
    index('audit_flag_other').on(t.logId, t.generation, t.otherIndex),
  ],
)

/** Checks of a facility on a day of Viet Nam, for rules about what is usual there. */
export const auditFacilityDay = pgTable(
  'audit_facility_day',
  {
    logId: smallint('log_id').notNull(),
    generation: smallint().notNull(),
    facility: text().notNull(),
    day: date({ mode: 'string' }).notNull(),
    checks: integer().notNull(),
    misses: integer().notNull(),
    /** A rule of a day speaks once. */
    flaggedMisses: boolean('flagged_misses').notNull(),
    flaggedVolume: boolean('flagged_volume').notNull(),
  },
  (t) => [primaryKey({ name: 'audit_facility_day_pkey', columns: [t.logId, t.generation, t.facility, t.day] })],
)

/** Inpatient stays whose check at the end is still to come. */
export const auditStay = pgTable(
  'audit_stay',
  {
    logId: smallint('log_id').notNull(),
    generation: smallint().notNull(),
    facility: text().notNull(),
    visit: uuid().notNull(),
    /** Of the latest check. */
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    recordedAt: instant('recorded_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'audit_stay_pkey', columns: [t.logId, t.generation, t.facility, t.visit] }),
    index('audit_stay_recorded').on(t.logId, t.generation, t.recordedAt),
  ],
)

/** One row a version of a claim share, with the status that its deliveries left. Amounts and codes are those of the entry. */
export const auditClaim = pgTable(
  'audit_claim',
  {
    logId: smallint('log_id').notNull(),
    generation: smallint().notNull(),
    leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
    recordedAt: instant('recorded_at').notNull(),
    facility: text().notNull(),
    share: text().notNull(),
    version: integer().notNull(),
    delivery: text().notNull(),
    settlementMonth: text('settlement_month'),
    status: text().notNull(),
    /** The transition that said so; null: it is as it was recorded. */
    statusIndex: bigint('status_index', { mode: 'number' }),
    totalHospital: numeric('total_hospital'),
    totalInsured: numeric('total_insured'),
    paidByPatient: numeric('paid_by_patient'),
    copayment: numeric('copayment'),
    paidByInsurer: numeric('paid_by_insurer'),
    findings: integer().notNull(),
    signature: text().notNull(),
    erased: boolean().notNull(),
    /** Of details that only `audit:hiv` may see, or of which it is not known any more. */
    restricted: boolean().notNull(),
    person: uuid(),
    visit: uuid(),
    /** NGAY_VAO, NGAY_RA as the dossier has them. */
    admitted: text(),
    discharged: text(),
    /** MA_LOAI_KCB. */
    careType: text('care_type'),
    route: text(),
    /** Leaf indexes of the genuine checks that it quotes. */
    checks: bigint({ mode: 'number' }).array(),
  },
  (t) => [
    primaryKey({ name: 'audit_claim_pkey', columns: [t.logId, t.generation, t.leafIndex] }),
    index('audit_claim_facility').on(t.logId, t.generation, t.facility, t.recordedAt, t.leafIndex),
    index('audit_claim_time').on(t.logId, t.generation, t.recordedAt, t.leafIndex),
    index('audit_claim_status').on(t.logId, t.generation, t.status, t.recordedAt, t.leafIndex),
    index('audit_claim_person').on(t.logId, t.generation, t.person, t.recordedAt),
    index('audit_claim_visit').on(t.logId, t.generation, t.visit),
    index('audit_claim_checks').using('gin', t.checks),
  ],
)
