import { z } from 'zod'
import { FLAG_RULES } from '../../audit/flag/rules.ts'
import { FLAG_TEXTS } from '../../audit/flag/texts.ts'
import { placeOf } from '../../audit/log-id.ts'
import { parseIsoDate } from '../../calendar.ts'
import { SHARE_STATUSES } from '../../claim-share/entry.ts'
import { CLAIM_SHARE_ID, readClaimShareId } from '../../claim-share/id.ts'
import { DECISION_CODES, type DecisionCode } from '../../entitlement/decision-code.ts'
import { ASSURANCES } from '../../identity/assurance.ts'
import { AUDIT_REASON } from '../audit-reason.ts'
import { BODY_BYTES_MAX } from '../request.ts'
import type { Contract, Parameter } from '../route.ts'
import {
  checkSchema,
  claimSchema,
  EXAMPLE_CHECK,
  EXAMPLE_CLAIM,
  flagSchema,
  pageSchema,
  throughSchema,
} from './audit-items.ts'

/** A chunk: some 400 KB. */
const PAGE_MAX = 1_000
const PAGE_DEFAULT = 100

const limitSchema = z
  .string()
  .max(4)
  .regex(/^([1-9]\d{0,2}|1000)$/)
const cursorSchema = z
  .string()
  .max(400)
  .regex(/^[A-Za-z0-9_-]+$/)
const facilitySchema = z
  .string()
  .max(5)
  .regex(/^\d{2}[0-9A-Z]{3}$/)
const daySchema = z
  .string()
  .max(10)
  .regex(/^[1-9]\d{3}-\d\d-\d\d$/)
const day = daySchema.transform((text, context) => {
  const date = parseIsoDate(text)
  if (date !== null) return date
  context.addIssue('not a day')
  return z.NEVER
})
const codes = z.enum(Object.keys(DECISION_CODES) as [DecisionCode, ...DecisionCode[]])
const decisions = z.enum(['entitled', 'notEntitled', 'undetermined'])
const flagRule = z.enum(FLAG_RULES)
const claimId = z.string().max(17).regex(CLAIM_SHARE_ID)

/** Of every list: members that a stream does not know are refused there. */
const listed = {
  limit: limitSchema.default(String(PAGE_DEFAULT)).transform(Number),
  cursor: cursorSchema.optional(),
  facility: facilitySchema.optional(),
  from: day.optional(),
  to: day.optional(),
}

export const auditVerificationsQuery = z.strictObject({
  ...listed,
  decision: decisions.optional(),
  code: codes.optional(),
  assurance: z.enum(ASSURANCES).optional(),
  flag: flagRule.optional(),
  claim: claimId
    .transform((id) => {
      const at = readClaimShareId(id)
      return at === null ? -1 : placeOf(at)
    })
    .optional(),
})

export const auditClaimsQuery = z.strictObject({
  ...listed,
  status: z.enum(SHARE_STATUSES).optional(),
  flag: flagRule.optional(),
})

export const auditFlagsQuery = z.strictObject({ ...listed, rule: flagRule.optional() })

export const auditSearchSchema = z
  .strictObject({
    visitId: z.string().min(1).max(100).optional().meta({ description: 'MA_LK, of whatever facility.' }),
    citizenId: z
      .string()
      .max(12)
      .regex(/^\d{12}$/)
      .optional()
      .meta({ description: 'Needs an Audit-Case. Looked for under the name of each year.' }),
    checkCode: z.string().min(10).max(11).optional(),
    facility: facilitySchema.optional().meta({ description: 'Only entries of this one.' }),
  })
  .refine(({ visitId, citizenId, checkCode }) => {
    return [visitId, citizenId, checkCode].filter((each) => each !== undefined).length === 1
  }, 'exactly one of visitId, citizenId, checkCode')
  .meta({ id: 'AuditSearch' })

function query(name: string, description: string, schema: z.ZodType, example: string): Parameter {
  return { in: 'query', name, description, required: false, schema, example }
}

const LISTED: readonly Parameter[] = [
  ...AUDIT_REASON,
  query('facility', 'Only entries of this facility.', facilitySchema, '38001'),
  query('from', 'First day (of Viet Nam) that is looked at.', daySchema, '2026-11-01'),
  query('to', 'Last day.', daySchema, '2026-11-30'),
  query(
    'limit',
    'Entries at the most, 1 to 1000. A page may have fewer, or none, with another behind it.',
    limitSchema,
    '100',
  ),
  query('cursor', 'A `nextCursor` of this list, unchanged, with the same filters.', cursorSchema, 'MTk0YTc3'),
]

const STREAMS = {
  'application/x-ndjson':
    'All of the list, a JSON text a line, in chunks of at most 1,000 entries. A transfer that breaks off is not all there is. `Audit-Indexed-Through` says how far the list reaches.',
  'text/csv': 'The same as CSV (RFC 4180) with a header line, in UTF-8 with its mark.',
}

const READS = ['audit_purpose_missing', 'log_unavailable', 'log_outcome_unknown'] as const
const ORDER =
  'In the order of time, stable under writes: what is recorded after the first page is in no later one. Each page and each chunk of a stream is an entry of the log before it leaves.'

export const listAuditVerificationsContract: Contract = {
  operationId: 'listAuditVerifications',
  tag: 'Audit',
  summary: 'Checks of a facility, or of all with a flag, a claim or a case',
  description: `Codes and days; nobody is named. Without \`facility\` one of \`flag\`, \`claim\` and Audit-Case is needed. ${ORDER}`,
  parameters: [
    ...LISTED,
    query('decision', 'Only these.', decisions, 'entitled'),
    query('code', 'Only these.', codes, 'valid'),
    query('assurance', 'Only these.', z.enum(ASSURANCES), 'unsigned'),
    query('flag', 'Only those that this rule has noticed.', flagRule, 'twoFacilities'),
    query('claim', 'Only those that this claim quotes, and those of its visit. Not with `flag`.', claimId, 's1-42'),
  ],
  answers: {
    200: {
      description: 'A page of checks.',
      contentType: 'application/json',
      schema: pageSchema('AuditVerificationPage', checkSchema),
      examples: { one: { summary: 'One check', value: page(EXAMPLE_CHECK) } },
      streams: STREAMS,
    },
  },
  problems: ['invalid_request', 'page_invalid', 'audit_facility_missing', ...READS],
  database: true,
}

export const listAuditClaimsContract: Contract = {
  operationId: 'listAuditClaimShares',
  tag: 'Audit',
  summary: 'Claim shares, with the status that their delivery left',
  description: `Amounts, codes and days; nobody is named. Dossiers with HIV data are not there without \`audit:hiv\`. Without \`facility\` one of \`flag\` and Audit-Case is needed. ${ORDER}`,
  parameters: [
    ...LISTED,
    query('status', 'Only these.', z.enum(SHARE_STATUSES), 'returned'),
    query('flag', 'Only those that this rule has noticed.', flagRule, 'claimWithoutCheck'),
  ],
  answers: {
    200: {
      description: 'A page of claim shares.',
      contentType: 'application/json',
      schema: pageSchema('AuditClaimSharePage', claimSchema),
      examples: { one: { summary: 'One claim', value: page(EXAMPLE_CLAIM) } },
      streams: STREAMS,
    },
  },
  problems: ['invalid_request', 'page_invalid', 'audit_facility_missing', ...READS],
  database: true,
}

export const listAuditFlagsContract: Contract = {
  operationId: 'listAuditFlags',
  tag: 'Audit',
  summary: 'What rules have noticed, with its innocent explanations',
  description: `Worth a look, never more: each says what else it may be. "No check recorded here" does not say that there was none. An entry with several flags stands whole on one page. ${ORDER}`,
  parameters: [...LISTED, query('rule', 'Only flags of this rule.', flagRule, 'twoFacilities')],
  answers: {
    200: {
      description: 'A page of flags.',
      contentType: 'application/json',
      schema: pageSchema('AuditFlagPage', flagSchema),
      examples: {
        one: {
          summary: 'One person at two facilities',
          value: page({
            ...{ rule: 'twoFacilities', log: '1', index: 812, recordedAt: '2026-11-02T01:35:02.120Z' },
            ...{ facility: '38001', otherLog: '1', otherIndex: 790, facts: { otherFacility: '38002', minutes: 20 } },
            ...FLAG_TEXTS.twoFacilities,
          }),
        },
      },
      streams: STREAMS,
    },
  },
  problems: ['invalid_request', 'page_invalid', ...READS],
  database: true,
}

export const searchAuditContract: Contract = {
  operationId: 'searchAudit',
  tag: 'Audit',
  summary: 'Entries about one visit, person or check',
  description:
    'The newest first, 500 of checks and 500 of claim shares at the most. A check code that was made up leads nowhere. The search is an entry of the log, also when it finds nothing.',
  parameters: AUDIT_REASON,
  body: {
    contentType: 'application/json',
    bytesMax: BODY_BYTES_MAX,
    schema: auditSearchSchema,
    examples: {
      visit: { summary: 'By visit', value: { visitId: '38001-2411-0042' }, status: 200 },
      check: { summary: 'By check code', value: { checkCode: '00000-00QDJ' }, status: 200 },
      person: { summary: 'By person, in a case', value: { citizenId: '038090001234' }, status: 200 },
    },
  },
  answers: {
    200: {
      description: 'What was found.',
      contentType: 'application/json',
      schema: z
        .strictObject({
          items: z.array(z.discriminatedUnion('kind', [checkSchema, claimSchema])).max(PAGE_MAX),
          more: z.boolean().meta({ description: 'There are more than are shown.' }),
          indexedThrough: throughSchema,
        })
        .meta({ id: 'AuditFound' }),
      examples: {
        found: {
          summary: 'A check and the claim that quotes it',
          value: {
            items: [EXAMPLE_CLAIM, EXAMPLE_CHECK],
            more: false,
            indexedThrough: page(EXAMPLE_CHECK).indexedThrough,
          },
        },
      },
    },
  },
  problems: ['audit_case_missing', ...READS],
  database: true,
}

function page(item: unknown) {
  return {
    items: [item],
    nextCursor: null,
    indexedThrough: { log: '1', index: 1204, time: '2026-11-02T01:40:00.000Z' },
  }
}
