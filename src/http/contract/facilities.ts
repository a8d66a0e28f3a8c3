import { z } from 'zod'
import { parseIsoDate } from '../../calendar.ts'
import { CURSOR_CHARACTERS_MAX, readCursor } from '../../facility/cursor.ts'
import { CARE_LEVELS, FORMER_TIERS } from '../../facility/facility.ts'
import type { Contract, Parameter } from '../route.ts'

/** 500 facilities of 0.5 KB are 250 KB; the country is 26 such pages. */
const PAGE_MAX = 500
const PAGE_DEFAULT = 100
const FACILITY_CODE = /^\d{2}[0-9A-Z]{3}$/
const DAY = /^[1-9]\d{3}-\d\d-\d\d$/

const limitSchema = z.int().min(1).max(PAGE_MAX)
const cursorSchema = z
  .string()
  .max(CURSOR_CHARACTERS_MAX)
  .regex(/^[\w-]+$/)
const onSchema = z.string().max(10).regex(DAY)
const provinceSchema = z
  .string()
  .max(2)
  .regex(/^\d{2}$/)

/** A text that its parser does not take is `member_value`. */
function parsed<T>(schema: z.ZodType<string>, parse: (text: string) => T | null) {
  return schema.transform((text, context): T => {
    const value = parse(text)
    if (value !== null) return value
    context.addIssue('is not one of ours')
    return z.NEVER
  })
}

function readLimit(text: string): number | null {
  return /^\d+$/.test(text) && limitSchema.safeParse(Number(text)).success ? Number(text) : null
}

const on = parsed(onSchema, parseIsoDate).optional()

export const facilityQuerySchema = z.strictObject({ on })
export const facilityListQuerySchema = z.strictObject({
  limit: parsed(z.string().max(9), readLimit).default(PAGE_DEFAULT),
  cursor: parsed(cursorSchema, readCursor).optional(),
  on,
  province: provinceSchema.optional(),
})

const code = z.string().max(5).regex(FACILITY_CODE)
const day = z.string().max(10).regex(DAY)
const level = z.enum(CARE_LEVELS)
const points = z.int().min(0).max(100).nullable()

const facilitySchema = z
  .strictObject({
    code,
    name: z.string().max(255),
    formerTier: z.enum(FORMER_TIERS).nullable().meta({ description: 'Tuyến before 1/1/2025; null: founded later.' }),
    commune: z.string().max(255),
    province: provinceSchema,
    validFrom: day,
    validTo: day.nullable().meta({ description: 'Last day of the code; null: without an end.' }),
    mergedInto: code.nullable().meta({ description: 'Whose code is used after `validTo`.' }),
    periods: z
      .array(z.strictObject({ from: day, to: day.nullable(), level, points }))
      .max(40)
      .meta({ description: 'Level of care and points by day, without a gap.' }),
    standing: z.strictObject({ on: day, inForce: z.boolean(), level: level.nullable(), points }).meta({
      description: 'On the day asked for, or today: level and points are null when the code was not in force.',
    }),
    knownSince: z.iso.datetime().max(24),
  })
  .meta({ id: 'Facility' })

const listSchema = z
  .strictObject({
    items: z.array(facilitySchema).max(PAGE_MAX),
    nextCursor: z
      .string()
      .max(CURSOR_CHARACTERS_MAX)
      .nullable()
      .meta({ description: 'For the next page; null behind the last one.' }),
  })
  .meta({ id: 'FacilityPage' })

const EXAMPLE = {
  code: '38004',
  name: 'Bệnh viện Ung bướu Thanh Hóa',
  formerTier: 'provincial',
  commune: 'Quảng Phú',
  province: '38',
  validFrom: '2025-07-01',
  validTo: null,
  mergedInto: null,
  periods: [
    { from: '2025-07-01', to: '2026-06-30', level: 'basic', points: 66 },
    { from: '2026-07-01', to: null, level: 'specialised', points: 71 },
  ],
  standing: { on: '2026-03-01', inForce: true, level: 'basic', points: 66 },
  knownSince: '2026-11-23T17:00:00.000Z',
}

const ENDED = {
  code: '38802',
  name: 'Phòng khám đa khoa khu vực Sầm Sơn (cũ)',
  formerTier: 'district',
  commune: 'Sầm Sơn',
  province: '38',
  validFrom: '2025-01-01',
  validTo: '2025-12-31',
  mergedInto: '38062',
  periods: [{ from: '2025-01-01', to: '2025-12-31', level: 'primary', points: null }],
  standing: { on: '2026-03-01', inForce: false, level: null, points: null },
  knownSince: '2026-11-23T17:00:00.000Z',
}

const onParameter = (description: string): Parameter => ({
  in: 'query',
  name: 'on',
  description,
  required: false,
  schema: onSchema,
  example: '2026-03-01',
})

const WHO =
  'For every client with a token: a facility asks who a merged code became, an auditor how a facility was ranked on a day, the feed what arrived. It names no person.'

export const showFacilitiesContract: Contract = {
  operationId: 'listFacilities',
  tag: 'Facilities',
  summary: 'The catalogue of facilities',
  description: `By code, codes that ended too. All pages behind one first page are of the catalogue as it was known then. ${WHO}`,
  parameters: [
    {
      in: 'query',
      name: 'limit',
      description: `Facilities of a page, ${PAGE_DEFAULT} unless told.`,
      required: false,
      schema: limitSchema,
      example: 50,
    },
    {
      in: 'query',
      name: 'cursor',
      description: 'The `nextCursor` of the page before, with the same other parameters.',
      required: false,
      schema: cursorSchema,
      example: 'MzgwMDQgMjAyNi0xMS0yMyAxNzowMDowMC4xMjM0NTYrMDA',
    },
    onParameter('Only codes in force on that day; `standing` is of it.'),
    {
      in: 'query',
      name: 'province',
      description: 'Only facilities of that province, two digits (QĐ 19/2025/QĐ-TTg).',
      required: false,
      schema: provinceSchema,
      example: '38',
    },
  ],
  answers: {
    200: {
      description: 'A page.',
      contentType: 'application/json',
      schema: listSchema,
      examples: {
        last: { summary: 'The last page', value: { items: [EXAMPLE], nextCursor: null } },
      },
    },
  },
  problems: ['invalid_request'],
  database: true,
}

export const getFacilityContract: Contract = {
  operationId: 'getFacility',
  tag: 'Facilities',
  summary: 'A facility, by its code',
  description: `Also of a code that ended: \`validTo\` is its last day, \`mergedInto\` its successor. ${WHO}`,
  parameters: [
    {
      in: 'path',
      name: 'code',
      description: 'Mã CSKCB. Any other text is a 404.',
      required: true,
      schema: code,
      example: '38004',
    },
    onParameter('The day `standing` is of; today unless told.'),
  ],
  answers: {
    200: {
      description: 'The facility.',
      contentType: 'application/json',
      schema: facilitySchema,
      examples: {
        ranked: { summary: 'Its level changed', value: EXAMPLE },
        merged: { summary: 'Merged into another one', value: ENDED },
      },
    },
  },
  problems: ['invalid_request', 'facility_not_found'],
  database: true,
}
