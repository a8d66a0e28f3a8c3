import { z } from 'zod'
import { FLAG_RULES } from '../../audit/flag/rules.ts'
import { DELIVERIES, SHARE_KINDS, SHARE_STATUSES, SIGNATURE_OUTCOMES } from '../../claim-share/entry.ts'
import { text, verificationAnswerSchema } from '../../verification/answer-schema.ts'

/** What auditors are shown of a row; strict, so that a test notices what nobody meant to show. */
const { decision, code, cause } = verificationAnswerSchema.shape

const instant = z.iso.datetime({ precision: 3 }).max(24)
const facility = z
  .string()
  .max(5)
  .regex(/^\d{2}[0-9A-Z]{3}$/)
const index = z.int().min(0)
const log = z
  .string()
  .max(4)
  .regex(/^\d{1,4}$/)
const word = z.string().max(40).nullable()
const flags = z.array(z.enum(FLAG_RULES)).max(FLAG_RULES.length)

export const throughSchema = z
  .strictObject({
    log,
    index: z.int().min(-1).meta({ description: 'The last entry that is in the tables; -1: none is.' }),
    time: instant.nullable().meta({ description: 'When that entry was recorded.' }),
  })
  .meta({ id: 'IndexedThrough', description: 'How far the log was looked through. What is behind it is not told yet.' })

export const checkSchema = z
  .strictObject({
    kind: z.enum(['verification', 'unverifiedVisit']),
    id: z
      .string()
      .max(17)
      .regex(/^[uv][1-9]\d{0,3}-\d{1,11}$/),
    log,
    index,
    recordedAt: instant,
    facility,
    decision: decision.nullable(),
    code: code.nullable(),
    cause,
    method: word,
    assurance: word,
    purpose: word,
    serviceDate: z.iso.date().max(10).nullable(),
    route: word,
    inpatient: z.boolean().nullable(),
    erased: z.boolean().meta({ description: 'The details were erased: the entry and its proof stand.' }),
    flags,
  })
  .meta({ id: 'AuditVerification' })

const amount = z
  .string()
  .max(30)
  .regex(/^-?\d+(\.\d+)?$/)
  .nullable()
/** As a dossier has them, where they have the shape of what they should be. */
const given = z.string().max(12).nullable()

export const claimSchema = z
  .strictObject({
    kind: z.literal('claimShare'),
    id: z
      .string()
      .max(17)
      .regex(/^s[1-9]\d{0,3}-\d{1,11}$/),
    log,
    index,
    recordedAt: instant,
    facility,
    share: z.enum(SHARE_KINDS),
    version: z.int().min(1),
    delivery: z.enum(DELIVERIES),
    settlementMonth: z.string().max(7).nullable(),
    status: z.enum(SHARE_STATUSES),
    totalHospital: amount.meta({ description: 'T_TONGCHI_BV.' }),
    totalInsured: amount.meta({ description: 'T_TONGCHI_BH.' }),
    paidByPatient: amount.meta({ description: 'T_BNTT.' }),
    copayment: amount.meta({ description: 'T_BNCCT.' }),
    paidByInsurer: amount.meta({ description: 'T_BHTT.' }),
    findings: z.int().min(0),
    signature: z.enum(SIGNATURE_OUTCOMES),
    admitted: given.meta({ description: 'NGAY_VAO.' }),
    discharged: given.meta({ description: 'NGAY_RA.' }),
    careType: given.meta({ description: 'MA_LOAI_KCB.' }),
    route: given.meta({ description: 'MA_DOITUONG_KCB.' }),
    erased: z.boolean(),
    restricted: z.literal('hiv').nullable(),
    checks: z
      .array(z.string().max(17))
      .max(1_000)
      .meta({ description: 'Genuine checks that it quotes; an id with `u` is that of an unverified visit.' }),
    flags,
  })
  .meta({ id: 'AuditClaimShare' })

const said = z.strictObject({ vi: text, en: text })
const list = z.array(text).max(10).readonly()

export const flagSchema = z
  .strictObject({
    rule: z.enum(FLAG_RULES),
    log,
    index,
    recordedAt: instant,
    facility,
    otherLog: log.nullable(),
    otherIndex: index.nullable().meta({ description: 'The other entry that it is about.' }),
    facts: z.record(z.string().max(40), z.union([z.string().max(40), z.number()])),
    explanation: said,
    innocent: z.strictObject({ vi: list, en: list }).meta({ description: 'What else it may be.' }),
  })
  .meta({ id: 'AuditFlag' })

/** A page of flags ends behind the last one of its last entry. */
const PAGE_MAX = 1_000 + FLAG_RULES.length

export function pageSchema(id: string, item: z.ZodType) {
  return z
    .strictObject({
      items: z.array(item).max(PAGE_MAX),
      nextCursor: z.string().max(400).nullable().meta({ description: 'For the next page; null behind the last one.' }),
      indexedThrough: throughSchema,
    })
    .meta({ id })
}

export const EXAMPLE_CHECK = {
  ...{ kind: 'verification', id: 'v1-790', log: '1', index: 790, recordedAt: '2026-11-02T01:15:02.120Z' },
  ...{ facility: '38001', decision: 'entitled', code: 'valid', cause: null, method: 'chipIdQr', assurance: 'unsigned' },
  ...{ purpose: 'arrival', serviceDate: '2026-11-02', route: '1.1', inpatient: false, erased: false, flags: [] },
}

export const EXAMPLE_CLAIM = {
  ...{ kind: 'claimShare', id: 's1-812', log: '1', index: 812, recordedAt: '2026-11-02T03:40:00.000Z' },
  ...{
    facility: '38001',
    share: 'claim',
    version: 1,
    delivery: 'forward',
    settlementMonth: '2026-11',
    status: 'received',
  },
  ...{ totalHospital: '512000.00', totalInsured: '480000.00', paidByPatient: '32000.00', copayment: '96000.00' },
  ...{ paidByInsurer: '384000.00', findings: 0, signature: 'valid', admitted: '202611020810' },
  ...{ discharged: '202611021030', careType: '01', route: '1.1', erased: false, restricted: null },
  ...{ checks: ['v1-790'], flags: [] },
}
