import { z } from 'zod'
import { recordedVisitSchema, visitAnswerSchema } from '../../unverified-visit/answer-schema.ts'
import { VISIT_ID } from '../../unverified-visit/id.ts'
import { unverifiedVisitRequestSchema } from '../../unverified-visit/request.ts'
import { BODY_BYTES_MAX, idempotencyKeySchema } from '../request.ts'
import type { Contract } from '../route.ts'

const RECORDED = {
  id: 'u1-0',
  recordedAt: '2026-11-02T01:15:02.120Z',
  status: 'open',
  nextCheckAt: '2026-11-02T01:16:02.120Z',
  closesAt: '2026-11-16T01:10:00.000Z',
  desk: 'Đã ghi nhận lượt khám chưa tra cứu được thẻ. Vẫn tiếp nhận người bệnh. Hệ thống tự tra cứu lại.',
  integrator: 'Recorded and looked up again automatically. GET this id for the outcome; see `nextCheckAt`.',
  receipt: {
    checkCode: '00000-00QDJ',
    log: '1',
    index: 0,
    leafHash: 'AbN8qQgfrsGvq4XGm4xRIdjTrNTJYhzTKyKi7AnmU6I=',
  },
}

const presentedAt = '2026-11-02T01:10:00Z'
const failures = [{ at: '2026-11-02T01:12:00Z', code: 'timeout' }]

export const postUnverifiedVisitContract: Contract = {
  operationId: 'recordUnverifiedVisit',
  tag: 'Unverified visits',
  summary: 'The desk could not look somebody up, and admitted them',
  description:
    'Recorded in the log before it is answered, and looked up again until a decision is known or `closesAt` (NĐ 188/2025 Đ38 k2). A number without `evidence` is recorded only: whether it exists is told to nobody.',
  parameters: [
    {
      in: 'header',
      name: 'Idempotency-Key',
      description: 'As for verifications: the same key and bytes within 14 days are one entry.',
      required: false,
      schema: idempotencyKeySchema,
      example: '38001-2411-0042-u',
    },
  ],
  body: {
    contentType: 'application/json',
    bytesMax: BODY_BYTES_MAX,
    schema: unverifiedVisitRequestSchema,
    examples: {
      withEvidence: {
        summary: 'With what the patient showed, so that it can be looked up',
        value: {
          visitId: '38001-2411-0042',
          claimedNumber: 'GD4383800012345',
          presentedAt,
          failures,
          evidence: {
            kind: 'chipIdTyped',
            number: '038090001234',
            fullName: 'Nguyễn Văn An',
            dateOfBirth: '1990-01-15',
          },
        },
        status: 201,
      },
      numberOnly: {
        summary: 'With the number only',
        value: { visitId: '38001-2411-0043', claimedNumber: 'GD4383800012345', presentedAt, failures },
        status: 201,
      },
      invalid: {
        summary: 'Refused: told more than 60 days later',
        value: { visitId: '38001-2411-0044', presentedAt: '2026-01-05T01:10:00Z', failures },
        status: 400,
      },
    },
  },
  answers: {
    201: {
      description: 'Recorded. A repetition under the same key is answered the same.',
      contentType: 'application/json',
      schema: recordedVisitSchema,
      examples: { recorded: { summary: 'Recorded', value: RECORDED } },
    },
  },
  problems: [
    'idempotency_key_invalid',
    'idempotency_conflict',
    'unverified_visit_erased',
    'log_unavailable',
    'log_outcome_unknown',
  ],
  database: true,
}

const { nextCheckAt, ...recorded } = RECORDED

export const getUnverifiedVisitContract: Contract = {
  operationId: 'getUnverifiedVisit',
  tag: 'Unverified visits',
  summary: 'What became of an unverified visit',
  description:
    'For the facility that recorded it. Once `checked`, `outcome` is the verification; while `open` or `gaveUp`, `legalRecord` is what VSS wants sent, with what the facility has to add.',
  parameters: [
    {
      in: 'path',
      name: 'id',
      description: 'The `id` of the answer. Any other text is a 404, as is the id of another facility.',
      required: true,
      schema: z.string().max(17).regex(VISIT_ID),
      example: 'u1-7', // the first visit of the examples: seven verifications go before it
    },
  ],
  answers: {
    200: {
      description: 'Where the visit stands.',
      contentType: 'application/json',
      schema: visitAnswerSchema,
      examples: {
        open: {
          summary: 'Not yet looked up',
          value: {
            ...recorded,
            attempts: 0,
            lastAttemptAt: null,
            lastCode: null,
            nextCheckAt,
            supersededBy: null,
            outcome: null,
            legalRecord: {
              basis: 'Khoản 2 Điều 38 Nghị định 188/2025/NĐ-CP',
              vi: 'Vẫn tiếp nhận người bệnh. Đến khi kết thúc lượt khám mà chưa tra cứu được: gửi cơ quan BHXH hồ sơ này, bổ sung các mục còn thiếu.',
              en: 'The patient is admitted all the same. If the look-up still fails when the visit ends: send VSS this record with what is to be added.',
              filled: [
                { name: 'facility', vi: 'Mã cơ sở khám bệnh, chữa bệnh', en: 'Facility code', value: '38001' },
                {
                  name: 'failures',
                  vi: 'Các lần tra cứu lỗi tại cơ sở',
                  en: 'Failed look-ups at the facility',
                  value: [{ at: '2026-11-02T01:12:00.000Z', code: 'timeout' }],
                },
              ],
              toAdd: [
                {
                  name: 'screenshot',
                  vi: 'Ảnh chụp màn hình báo lỗi khi tra cứu',
                  en: 'Screenshot of the failed look-up',
                },
              ],
            },
          },
        },
      },
    },
  },
  problems: ['unverified_visit_not_found', 'unverified_visit_erased', 'verification_not_found', 'verification_erased'],
  database: true,
}
