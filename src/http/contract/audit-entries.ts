import { z } from 'zod'
import { AUDIT_REASON } from '../audit-reason.ts'
import type { Contract, Parameter } from '../route.ts'

const log = z
  .string()
  .max(5)
  .regex(/^[1-9]\d{0,4}$/)
const place = z
  .string()
  .max(16)
  .regex(/^(?:0|[1-9]\d{0,15})$/)

const PLACE: readonly Parameter[] = [
  {
    in: 'path',
    name: 'log',
    description: 'The log, as `receipt.log` of an answer has it.',
    required: true,
    schema: log,
    example: '1',
  },
  { in: 'path', name: 'index', description: 'Of the entry.', required: true, schema: place, example: '0' },
  ...AUDIT_REASON,
]

const entry = {
  log,
  index: z.int().min(0),
  body: z.string().max(20_000).meta({ description: 'The exact text that is hashed.' }),
  leafHash: z
    .string()
    .max(44)
    .regex(/^[A-Za-z0-9+/]{43}=$/)
    .meta({ description: 'Base64 of SHA-256(0x00 ‖ body).' }),
}

const BODY =
  '{"v":1,"recordedAt":"2026-11-02T01:15:02.120Z","kind":"verification","facility":"38001","outcome":{"decision":"entitled","code":"valid","cause":null,"method":"chipIdQr","assurance":"unsigned"},"details":"Gs0dYw3n1kZ3s0m5J3WqWcZ8k1m0wq1w8y3n5q2r7tA="}'
const EXAMPLE = { log: '1', index: 0, body: BODY, leafHash: 'AbN8qQgfrsGvq4XGm4xRIdjTrNTJYhzTKyKi7AnmU6I=' }
const PROBLEMS = [
  'audit_purpose_missing',
  'log_not_found',
  'log_place_invalid',
  'log_entry_not_found',
  'log_unavailable',
  'log_outcome_unknown',
] as const

export const getAuditEntryContract: Contract = {
  operationId: 'getAuditEntry',
  tag: 'Audit',
  summary: 'An entry of the log',
  description:
    'Its body as it is hashed, and its details with numbers masked and without names. Details of reads are shown to who read; those of what operators did to nobody. The read is an entry itself.',
  parameters: PLACE,
  answers: {
    200: {
      description: 'The entry.',
      contentType: 'application/json',
      schema: z
        .strictObject({
          ...entry,
          details: z
            .record(z.string().max(40), z.unknown())
            .optional()
            .meta({ description: 'By kind. Absent: erased, or not shown.' }),
        })
        .meta({ id: 'AuditEntry' }),
      examples: { erased: { summary: 'A check whose details were erased', value: EXAMPLE } },
    },
  },
  problems: PROBLEMS,
  database: true,
}

export const getAuditEvidenceContract: Contract = {
  operationId: 'getAuditEvidence',
  tag: 'Audit',
  summary: 'All that a court needs to see an entry and to check it',
  description:
    'Details are opened whole, as they were committed to, so an Audit-Case is needed for every purpose. To check: leafHash, then the commitment, then `kiemthe verify-proof` with the proof and a key that came another way.',
  parameters: PLACE,
  answers: {
    200: {
      description: 'The bundle.',
      contentType: 'application/json',
      schema: z
        .strictObject({
          ...entry,
          origin: z.string().max(200),
          recordedAt: z.iso.datetime({ precision: 3 }).max(24),
          details: z
            .strictObject({
              salt: z.string().max(24).meta({ description: 'Base64.' }),
              text: z.string().max(200_000).meta({ description: 'SHA-256(salt ‖ text) is `details` of the body.' }),
            })
            .nullable()
            .meta({ description: 'Null: erased, or not shown.' }),
          proof: z.string().max(8_000).nullable().meta({
            description:
              'C2SP tlog-proof. Null: the log was succeeded before the entry was in a checkpoint that is left; the first entry of its successor has the root over it.',
          }),
          checkpoint: z
            .string()
            .max(8_000)
            .nullable()
            .meta({ description: 'The signed note, with its cosignatures. Null with the proof.' }),
          keys: z
            .array(z.strictObject({ key: z.string().max(400), usedSince: z.iso.datetime().max(24) }))
            .max(1_000)
            .readonly(),
          explanation: z.string().max(4_000).meta({ description: 'In Vietnamese, for people.' }),
        })
        .meta({ id: 'AuditEvidence' }),
      examples: {
        erased: {
          summary: 'A check whose details were erased',
          value: {
            ...EXAMPLE,
            ...{ origin: 'kiemthe.example/thanhhoa/1', recordedAt: '2026-11-02T01:15:02.120Z', details: null },
            proof: 'c2sp.org/tlog-proof@v1\nindex 0\n…',
            checkpoint: 'kiemthe.example/thanhhoa/1\n1\n…',
            keys: [],
            explanation: 'Bản ghi số 0 của sổ ghi kiemthe.example/thanhhoa/1 là một lần tra cứu thẻ bảo hiểm y tế …',
          },
        },
      },
    },
  },
  problems: [...PROBLEMS, 'log_not_published'],
  database: true,
}
