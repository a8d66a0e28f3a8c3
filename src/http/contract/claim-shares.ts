import { z } from 'zod'
import { claimShareLineSchema, claimShareSchema } from '../../claim-share/answer-schema.ts'
import { readShareCursor, SHARE_CURSOR_CHARACTERS_MAX } from '../../claim-share/cursor.ts'
import { SHARE_STATUSES } from '../../claim-share/entry.ts'
import { CLAIM_SHARE_ID } from '../../claim-share/id.ts'
import { claimReceiptSchema, claimShareRequestSchema, claimWithdrawalSchema } from '../../claim-share/request.ts'
import { BATCH_BYTES_MAX, BODY_BYTES_MAX, idempotencyKeySchema } from '../request.ts'
import type { Contract, Parameter } from '../route.ts'
import { CHECK_IN_EXAMPLE, CLAIM_SHARE_EXAMPLE } from './claim-share-example.ts'

/** Lines of 0.5 KB: 100 KB. */
const PAGE_MAX = 200
const PAGE_DEFAULT = 50

const limitSchema = z.int().min(1).max(PAGE_MAX)
const cursorSchema = z
  .string()
  .max(SHARE_CURSOR_CHARACTERS_MAX)
  .regex(/^[\w-]+$/)
const monthSchema = z
  .string()
  .max(7)
  .regex(/^20\d\d-(0[1-9]|1[0-2])$/)
const statusSchema = z.enum([...SHARE_STATUSES, 'unsent'])

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

export const claimShareListQuerySchema = z.strictObject({
  settlementMonth: monthSchema.optional(),
  status: statusSchema.optional(),
  limit: parsed(z.string().max(9), readLimit).default(PAGE_DEFAULT),
  cursor: parsed(cursorSchema, readShareCursor).optional(),
})

const listSchema = z
  .strictObject({
    items: z.array(claimShareLineSchema).max(PAGE_MAX),
    nextCursor: cursorSchema.nullable().meta({ description: 'Null: this is the last page.' }),
  })
  .meta({ id: 'ClaimShareList' })

const idempotencyKey: Parameter = {
  in: 'header',
  name: 'Idempotency-Key',
  description: 'As for verifications. Without it the same bytes are one share all the same.',
  required: false,
  schema: idempotencyKeySchema,
  example: '38001-2411-0042-xml0',
}

/** Of a body in `application/xml`; a JSON body has them as members. Percent-encoded UTF-8. */
const claimHeader = (name: string, description: string, example: string): Parameter => ({
  in: 'header',
  name,
  description: `With \`application/xml\`: ${description}`,
  required: false,
  schema: z
    .string()
    .max(4_500)
    .regex(/^[\x21-\x7e ]*$/),
  example,
})

const told = {
  kind: 'checkIn',
  visitId: '38001-2411-0042',
  noCheckReason: 'Cấp cứu, chưa tra cứu được thẻ',
}

export const postClaimShareContract: Contract = {
  operationId: 'shareClaim',
  tag: 'Claim shares',
  summary: 'A dossier of QĐ 3176, recorded and, if wanted, sent on',
  description:
    'One visit a file: `GIAMDINHHS` with XML1–XML15, or the check-in table XML0. Recorded in the log before it is answered, kept byte for byte. Findings name what the insurer will not like, and refuse nothing. Refused, with nothing stored: what is no dossier, another facility’s, several visits, a state secret. The same bytes are the same share; other bytes of a visit are its next version and need `reason` (not a check-in that has NGAY_VAO_NOI_TRU). As `application/xml` the body is the file itself, the visit is its MA_LK, and the rest is in `Claim-*` headers.',
  parameters: [
    idempotencyKey,
    claimHeader('Claim-Kind', '`claim` (default) or `checkIn`.', 'checkIn'),
    claimHeader('Claim-Check-Codes', 'check codes, joined by commas.', '7K3M9-TQ2XH'),
    claimHeader('Claim-No-Check-Reason', 'why no check is quoted.', 'C%E1%BA%A5p%20c%E1%BB%A9u'),
    claimHeader('Claim-Delivery', '`recordOnly` (default) or `forward`.', 'recordOnly'),
    claimHeader('Claim-Reason', 'why the visit is shared again.', 'B%E1%BB%95%20sung%20NGAY_TTOAN'),
    claimHeader('Claim-Basis', 'on what basis.', 'CV%20123%2FBHXH'),
  ],
  body: {
    contentType: 'application/json',
    bytesMax: BATCH_BYTES_MAX,
    schema: claimShareRequestSchema,
    examples: {
      checkIn: {
        summary: 'The check-in of a visit',
        value: { ...told, dossier: CHECK_IN_EXAMPLE },
        status: 202,
      },
      again: {
        summary: 'The same bytes: the same share',
        value: { ...told, dossier: CHECK_IN_EXAMPLE },
        status: 202,
      },
      otherKind: {
        summary: 'Refused: a check-in is no claim',
        value: { ...told, kind: 'claim', dossier: CHECK_IN_EXAMPLE },
        status: 422,
      },
      otherVisit: {
        summary: 'Refused: the dossier is of another visit',
        value: { ...told, visitId: '38001-2411-0043', dossier: CHECK_IN_EXAMPLE },
        status: 422,
      },
    },
    also: {
      contentType: 'application/xml',
      schema: z.string().max(BATCH_BYTES_MAX).meta({ description: 'The signed file itself.' }),
    },
  },
  answers: {
    202: {
      description: 'It stands in the log: now, or since it was first shared.',
      contentType: 'application/json',
      schema: claimShareSchema,
      examples: { recorded: { summary: 'Recorded, with a finding', value: CLAIM_SHARE_EXAMPLE } },
    },
  },
  problems: [
    'idempotency_key_invalid',
    'idempotency_conflict',
    'claim_header_invalid',
    'dossier_unreadable',
    'dossier_other_facility',
    'dossier_several_visits',
    'dossier_other_visit',
    'dossier_state_secret',
    'claim_reason_missing',
    'claim_share_busy',
    'claim_share_not_found',
    'claim_share_erased',
    'log_unavailable',
    'log_outcome_unknown',
  ],
  database: true,
}

const shareId: Parameter = {
  in: 'path',
  name: 'id',
  description: 'The `id` of the answer. Any other text is a 404, as is the id of another facility.',
  required: true,
  schema: z.string().max(17).regex(CLAIM_SHARE_ID),
  example: CLAIM_SHARE_EXAMPLE.id,
}

export const listClaimSharesContract: Contract = {
  operationId: 'listClaimShares',
  tag: 'Claim shares',
  summary: 'The facility’s own shares, the newest first',
  description:
    '`status=unsent` with a `settlementMonth` is what the insurer is not known to have of it: the latest version of each visit, those withdrawn left out, that is `recorded`, `held` or `deadLetter`. A page stays what it was, whatever is shared meanwhile.',
  parameters: [
    {
      in: 'query',
      name: 'settlementMonth',
      description: 'NAM_QT and THANG_QT of the dossier; check-ins have none.',
      required: false,
      schema: monthSchema,
      example: '2026-11',
    },
    {
      in: 'query',
      name: 'status',
      description: 'One status, or `unsent`.',
      required: false,
      schema: statusSchema,
      example: 'unsent',
    },
    {
      in: 'query',
      name: 'limit',
      description: `Lines of a page; ${PAGE_DEFAULT} if it is not said.`,
      required: false,
      schema: limitSchema,
      example: 50,
    },
    {
      in: 'query',
      name: 'cursor',
      description: '`nextCursor` of the page before.',
      required: false,
      schema: cursorSchema,
      example: 'YjQy',
    },
  ],
  answers: {
    200: {
      description: 'A page.',
      contentType: 'application/json',
      schema: listSchema,
      examples: { none: { summary: 'Nothing is unsent', value: { items: [], nextCursor: null } } },
    },
  },
  problems: ['invalid_request'],
  database: true,
}

export const getClaimShareContract: Contract = {
  operationId: 'getClaimShare',
  tag: 'Claim shares',
  summary: 'What became of a share',
  description: 'For the facility that shared it: findings, versions before and after, attempts, receipts.',
  parameters: [shareId],
  answers: {
    200: {
      description: 'The share.',
      contentType: 'application/json',
      schema: claimShareSchema,
      examples: { recorded: { summary: 'Recorded', value: CLAIM_SHARE_EXAMPLE } },
    },
  },
  problems: ['claim_share_not_found', 'claim_share_erased'],
  database: true,
}

export const postClaimWithdrawalContract: Contract = {
  operationId: 'withdrawClaimShare',
  tag: 'Claim shares',
  summary: 'Takes a share back, without another version',
  description:
    'An entry of the log with its reason; what was to be forwarded is not sent. Once more changes nothing. Refused once the insurer has the file or may have it (`sent`, `received`, or being sent at this moment): a corrected version replaces it there. What was `returned` or given up before it left may be taken back. Of a `recordOnly` share only your receipts say where it is: take it back at the portal yourself. The same bytes stay the same, withdrawn share; other bytes of the visit are its next version.',
  parameters: [shareId],
  body: {
    contentType: 'application/json',
    bytesMax: BODY_BYTES_MAX,
    schema: claimWithdrawalSchema,
    examples: {
      mistaken: { summary: 'Shared by mistake', value: { reason: 'Gửi nhầm lượt khám của người khác' }, status: 201 },
    },
  },
  answers: {
    201: {
      description: 'The share, withdrawn: now, or before.',
      contentType: 'application/json',
      schema: claimShareSchema,
      examples: {
        withdrawn: {
          summary: 'Withdrawn',
          value: {
            ...CLAIM_SHARE_EXAMPLE,
            status: 'withdrawn',
            receipts: [
              {
                at: '2026-11-02T01:18:02.120Z',
                by: 'facility',
                status: 'withdrawn',
                maKetQua: null,
                maGiaoDich: null,
                thoiGianTiepNhan: null,
                errors: [],
                reason: 'Gửi nhầm lượt khám của người khác',
              },
            ],
          },
        },
      },
    },
  },
  problems: [
    'claim_share_not_found',
    'claim_share_erased',
    'claim_share_with_insurer',
    'claim_share_busy',
    'log_unavailable',
    'log_outcome_unknown',
  ],
  database: true,
}

export const postClaimReceiptContract: Contract = {
  operationId: 'attachClaimReceipt',
  tag: 'Claim shares',
  summary: 'The insurer’s receipt of a dossier that your own program sent',
  description:
    'For `recordOnly`. The same `maKetQua` and `maGiaoDich` again is the receipt that stands there; a later one is one more, and the status follows it: the portal may return in 6–48 hours what it received.',
  parameters: [shareId],
  body: {
    contentType: 'application/json',
    bytesMax: BODY_BYTES_MAX,
    schema: claimReceiptSchema,
    examples: {
      received: {
        summary: 'Received',
        value: { maKetQua: '200', maGiaoDich: 'GD-38001-20261102-1', thoiGianTiepNhan: '20261102081502' },
        status: 201,
      },
    },
  },
  answers: {
    201: {
      description: 'The share with its receipts.',
      contentType: 'application/json',
      schema: claimShareSchema,
      examples: {
        received: {
          summary: 'Received',
          value: {
            ...CLAIM_SHARE_EXAMPLE,
            status: 'received',
            receipts: [
              {
                at: '2026-11-02T01:20:02.120Z',
                by: 'facility',
                status: 'received',
                maKetQua: '200',
                maGiaoDich: 'GD-38001-20261102-1',
                thoiGianTiepNhan: '20261102081502',
                errors: [],
                reason: null,
              },
            ],
          },
        },
      },
    },
  },
  problems: [
    'claim_share_not_found',
    'claim_share_erased',
    'claim_receipt_unexpected',
    'claim_share_busy',
    'log_unavailable',
    'log_outcome_unknown',
  ],
  database: true,
}
