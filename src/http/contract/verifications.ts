import { z } from 'zod'
import { readAnswerSchema, verificationAnswerSchema } from '../../verification/answer-schema.ts'
import { VERIFICATION_ID } from '../../verification/id.ts'
import { verificationRequestSchema } from '../../verification/request.ts'
import { auditCaseSchema, auditPurposeSchema } from '../audit-reason.ts'
import { BODY_BYTES_MAX, idempotencyKeySchema, requestTimeoutSchema } from '../request.ts'
import type { AnswerContract, Contract } from '../route.ts'

/** UTC; what PostgreSQL holds is exact to the microsecond. Times of ours begin in 2026. */
export const knownAtSchema = z.iso
  .datetime()
  .max(27)
  .regex(/^20\d\d-[^.]{11,14}(\.\d{1,6})?Z$/)

/** A coverage as examples show it. */
export const EXAMPLE_COVERAGE = {
  cardNumber: 'GD4383800012345',
  group: 'GD',
  level: 4,
  ratePercent: null,
  rateStatus: 'provisional',
  validFrom: '2026-01-01',
  validTo: '2026-12-31',
  registeredFacility: '38001',
  areaCode: null,
  fiveYearsFrom: null,
  status: 'active',
  statusFrom: null,
  knownSince: '2026-11-01T20:00:00.000Z',
  applies: true,
}

const EXAMPLE = {
  id: 'v1-0',
  checkedAt: '2026-11-02T01:15:02.120Z',
  serviceDate: '2026-11-02',
  decision: 'entitled',
  code: 'valid',
  cause: null,
  vssCode: '000',
  vssCodeSource: 'copy',
  warnings: [],
  desk: 'Thẻ BHYT có giá trị. Tiếp nhận theo bảo hiểm y tế. Danh tính: theo mã QR trên căn cước, chưa xác thực.',
  integrator: 'Entitled. Use the coverage marked `applies`; look up again before the visit ends (NĐ 188/2025 Đ21).',
  identity: { method: 'chipIdQr', assurance: 'unsigned', name: 'exact', birthDate: 'exact', registry: 'notAsked' },
  coverages: [EXAMPLE_COVERAGE],
  data: { source: 'copy', asOf: '2026-11-01T20:00:00.000Z', ageSeconds: 18902, feedSequence: 1 },
  goodUntil: '2026-11-02T16:59:59.999Z',
  receipt: {
    checkCode: '00000-00QDJ',
    log: '1',
    index: 0,
    leafHash: 'AbN8qQgfrsGvq4XGm4xRIdjTrNTJYhzTKyKi7AnmU6I=',
    checkpoint: null,
  },
}

const answered: AnswerContract = {
  description: 'What is known, recorded before it left. A refused patient is a 200 with a decision code.',
  contentType: 'application/json',
  schema: verificationAnswerSchema,
  examples: {
    valid: { summary: 'Cover in force', value: EXAMPLE },
    noMatch: {
      summary: 'Typed evidence that matches nothing',
      value: {
        ...EXAMPLE,
        decision: 'undetermined',
        code: 'no_match',
        cause: 'noMatch',
        vssCode: null,
        desk: 'Không khớp thông tin đã nhập. Vẫn tiếp nhận người bệnh. Kiểm tra lại số, họ tên, ngày sinh, hoặc quét mã QR trên căn cước. Danh tính: theo số căn cước nhập tay, chưa xác thực.',
        integrator:
          'Typed evidence matched no record; whether the number exists is not told. Prefer a scan of the chip ID.',
        identity: { ...EXAMPLE.identity, method: 'chipIdTyped', name: 'notCompared', birthDate: 'notCompared' },
        coverages: [],
      },
    },
  },
}

const { decision, code, cause, vssCode, warnings, coverages, data } = EXAMPLE

const readAnswered: AnswerContract = {
  ...answered,
  description: 'The answer as it was recorded; with `knownAt` also the one of that instant.',
  schema: readAnswerSchema,
  examples: {
    ...answered.examples,
    atKnown: {
      summary: 'As known at an instant',
      value: {
        ...EXAMPLE,
        atKnown: {
          knownAt: '2026-11-01T20:00:00.000001Z',
          ...{ decision, code, cause, vssCode, warnings, coverages },
          data: { ...data, ageSeconds: 0 },
        },
      },
    },
  },
}

const HOLDER = { fullName: 'Nguyễn Văn An', dateOfBirth: '1990-01-15' }
const arrival = (evidence: unknown) => ({ evidence, serviceDate: '2026-11-02', purpose: 'arrival' })

export const postVerificationContract: Contract = {
  operationId: 'verify',
  tag: 'Verifications',
  summary: 'Who is this person, and what does their insurance cover on a day?',
  description:
    'Identity and entitlement are two answers. An outage or an unknown code is `undetermined`, which never refuses admission. Every answer is an entry of the log before it leaves.',
  parameters: [
    {
      in: 'header',
      name: 'Idempotency-Key',
      description:
        'The same key and bytes of the same client within 14 days: the same answer, and no second entry. Other bytes: 422.',
      required: false,
      schema: idempotencyKeySchema,
      example: '38001-2411-0042-1',
    },
    {
      in: 'header',
      name: 'Request-Timeout',
      description:
        'Milliseconds that the caller waits for the answer. The population registry, where it is asked, gets what is left of them, 3,000 at the most; nothing else is cut short.',
      required: false,
      schema: requestTimeoutSchema,
      example: '2500',
    },
  ],
  body: {
    contentType: 'application/json',
    bytesMax: BODY_BYTES_MAX,
    schema: verificationRequestSchema,
    examples: {
      chipIdQr: {
        summary: 'The QR code of a chip ID, with the visit it belongs to',
        value: {
          ...arrival({
            kind: 'chipIdQr',
            text: '038090001234|172000001|Nguyễn Văn An|15011990|Nam|Thôn 1, Quảng Xương, Thanh Hóa|31052021',
          }),
          visit: { visitId: '38001-2411-0042', route: '1.1', inpatient: false },
          officer: 'NV-0042',
        },
        status: 200,
      },
      chipIdMrz: {
        summary: 'The machine-readable zone on the back of a chip ID: three lines, as the reader sends them',
        value: arrival({
          kind: 'chipIdMrz',
          text: 'IDVNM0900012345038090001234<<2\r\n9001158M3001156VNM<<<<<<<<<<<8\r\nNGUYEN<<VAN<AN<<<<<<<<<<<<<<<<\r\n',
        }),
        status: 200,
      },
      chipIdTyped: {
        summary: 'A chip ID, typed',
        value: arrival({ kind: 'chipIdTyped', number: '038090001234', ...HOLDER }),
        status: 200,
      },
      insuranceCard: {
        summary: 'An insurance card, typed',
        value: arrival({ kind: 'insuranceCard', number: 'GD4383800012345', ...HOLDER }),
        status: 200,
      },
      birthCertificate: {
        summary: 'A birth certificate, which has no number',
        value: arrival({
          kind: 'document',
          document: 'birthCertificate',
          fullName: 'Nguyễn Thị Bình',
          dateOfBirth: '2024-05-02',
        }),
        status: 200,
      },
      invalid: {
        summary: 'Refused: the service date is no day',
        value: { ...arrival({ kind: 'chipIdTyped', number: '038090001234', ...HOLDER }), serviceDate: '2026-02-30' },
        status: 400,
      },
    },
  },
  answers: { 200: answered },
  problems: [
    'idempotency_key_invalid',
    'request_timeout_invalid',
    'idempotency_conflict',
    'verification_erased',
    'log_unavailable',
    'log_outcome_unknown',
  ],
  database: true,
}

export const getVerificationContract: Contract = {
  operationId: 'getVerification',
  tag: 'Verifications',
  summary: 'A verification as it was answered',
  description:
    'For the facility that asked, or an auditor: then card numbers are masked, and the read is an entry of the log itself. With `knownAt` also what the same question would have been answered by what the copy knew at that instant: the same for ever, whatever is synced later.',
  parameters: [
    {
      in: 'path',
      name: 'id',
      description: 'The `id` of the answer. Any other text is a 404, as is the id of another facility.',
      required: true,
      schema: z.string().max(17).regex(VERIFICATION_ID),
      example: 'v1-0',
    },
    {
      in: 'query',
      name: 'knownAt',
      description:
        'An instant, not before the first load and not after the newest sync (422 names both). Exact: a version is known from its `knownSince`, which is shown cut to milliseconds.',
      required: false,
      schema: knownAtSchema,
      example: '2026-11-01T20:00:00.000001Z',
    },
    {
      in: 'header',
      name: 'Audit-Purpose',
      description: 'Why an auditor reads; auditors must say so.',
      required: false,
      schema: auditPurposeSchema,
      example: 'claimReview',
    },
    {
      in: 'header',
      name: 'Audit-Case',
      description: 'The case of an auditor; only `claimReview` needs none.',
      required: false,
      schema: auditCaseSchema,
      example: 'KN-2026-118',
    },
  ],
  answers: { 200: readAnswered },
  problems: [
    'verification_not_found',
    'verification_erased',
    'known_at_invalid',
    'known_at_out_of_range',
    'known_at_unavailable',
    'history_unavailable',
    'audit_purpose_missing',
    'log_unavailable',
    'log_outcome_unknown',
  ],
  database: true,
}
