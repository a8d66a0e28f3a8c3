import { z } from 'zod'
import { visitChangesSchema } from '../../visit/answer-schema.ts'
import type { Contract } from '../route.ts'
import { EXAMPLE_COVERAGE } from './verifications.ts'

/** A hundred items are some 150 KB. */
export const limitSchema = z
  .string()
  .max(3)
  .regex(/^([1-9]\d?|100)$/)
export const LIMIT_DEFAULT = 50
export const cursorSchema = z
  .string()
  .max(400)
  .regex(/^[A-Za-z0-9_-]+$/)

export const listVisitChangesContract: Contract = {
  operationId: 'listVisitChanges',
  tag: 'Verifications',
  summary: 'Visits under way whose coverage changed after they were checked',
  description:
    'Of the own facility: each visit (`visit.visitId`) whose latest check, `arrival` or `during`, was answered otherwise than the copy would answer for today. A visit is under way until its `end` check; without one an outpatient until the end of the service date, an inpatient (`visit.inpatient`) for 30 days after the latest check. Poll with the last `nextCursor`: only what is new is told. A visit appears some seconds after its check (`through`).',
  parameters: [
    {
      in: 'query',
      name: 'limit',
      description: 'Items at the most, 1 to 100. A page may have fewer, or none, and `more` behind it.',
      required: false,
      schema: limitSchema,
      example: '50',
    },
    {
      in: 'query',
      name: 'cursor',
      description: 'A `nextCursor` of this list, unchanged. None: all that there is to tell now.',
      required: false,
      schema: cursorSchema,
      example: 'MTk0YTc3',
    },
  ],
  answers: {
    200: {
      description: 'What changed, and where to go on.',
      contentType: 'application/json',
      schema: visitChangesSchema,
      examples: {
        revoked: {
          summary: 'Revoked while the patient lies in bed',
          value: {
            items: [
              {
                visitId: '38001-2411-0042',
                verificationId: 'v1-0',
                checkedAt: '2026-11-02T01:15:02.120Z',
                atCheck: {
                  serviceDate: '2026-11-02',
                  decision: 'entitled',
                  code: 'valid',
                  cause: null,
                  coverages: [EXAMPLE_COVERAGE],
                },
                today: {
                  serviceDate: '2026-11-04',
                  decision: 'notEntitled',
                  code: 'revoked',
                  cause: null,
                  coverages: [
                    {
                      ...EXAMPLE_COVERAGE,
                      status: 'revoked',
                      statusFrom: '2026-11-03',
                      knownSince: '2026-11-03T20:00:00.000Z',
                      applies: false,
                    },
                  ],
                },
                knownSince: '2026-11-03T20:00:00.000Z',
                desk: 'Thẻ BHYT đã bị thu hồi. Hiệu lực từ ngày 03/11/2026.',
                integrator: 'Not entitled: revoked by VSS since `statusFrom`.',
              },
            ],
            nextCursor: 'MTk0YTc3',
            more: false,
            through: { log: '1', index: 812, syncedAt: '2026-11-03T20:00:00.000Z' },
          },
        },
      },
    },
  },
  problems: ['page_invalid', 'history_unavailable'],
  database: true,
}
