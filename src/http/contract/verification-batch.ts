import { z } from 'zod'
import { verificationAnswerSchema } from '../../verification/answer-schema.ts'
import { BATCH_ITEMS_MAX } from '../../verification/batch.ts'
import { verificationRequestSchema } from '../../verification/request.ts'
import { BATCH_BYTES_MAX, idempotencyKeySchema } from '../request.ts'
import type { Contract } from '../route.ts'
import { problemSchema } from './problem.ts'
import { postVerificationContract } from './verifications.ts'

/** Of the container only: an item is checked when its turn comes, and what is wrong with it is its own. */
export const batchSchema = z.strictObject({ items: z.array(z.unknown()).min(1).max(BATCH_ITEMS_MAX) })

/** The same, as the document tells it: each item is a request of its own. */
const describedBatchSchema = z
  .strictObject({ items: z.array(verificationRequestSchema).min(1).max(BATCH_ITEMS_MAX) })
  .meta({ id: 'VerificationBatch' })

const itemSchema = z
  .union([
    z.strictObject({ status: z.literal(200), verification: verificationAnswerSchema }),
    z.strictObject({ status: z.int().min(400).max(599), problem: problemSchema }),
  ])
  .meta({ id: 'BatchItem', description: 'What the item would have been answered alone.' })

const arrival = postVerificationContract.body?.examples['chipIdQr']?.value
const typed = postVerificationContract.body?.examples['chipIdTyped']?.value
const valid = postVerificationContract.answers[200]?.examples['valid']?.value

export const postVerificationBatchContract: Contract = {
  operationId: 'verifyBatch',
  tag: 'Verifications',
  summary: 'Up to 1,000 verifications, in a lane of their own',
  description:
    'Each item is answered in order with the status it would have got alone; one that is refused harms no other. Single checks never wait for a batch: two run at once for each process, eight wait, the next is told 503.',
  parameters: [
    {
      in: 'header',
      name: 'Idempotency-Key',
      description: 'Stands for every item by its place: sent again, recorded items are answered as before.',
      required: false,
      schema: idempotencyKeySchema,
      example: '38001-2411-b1',
    },
  ],
  body: {
    contentType: 'application/json',
    bytesMax: BATCH_BYTES_MAX,
    schema: describedBatchSchema,
    examples: { two: { summary: 'Two patients', value: { items: [arrival, typed] }, status: 200 } },
  },
  answers: {
    200: {
      description: 'An answer for each item, in order.',
      contentType: 'application/json',
      schema: z
        .strictObject({ items: z.array(itemSchema).min(1).max(BATCH_ITEMS_MAX) })
        .meta({ id: 'VerificationBatchAnswer' }),
      examples: { one: { summary: 'One item', value: { items: [{ status: 200, verification: valid }] } } },
    },
  },
  problems: ['idempotency_key_invalid'],
  database: true,
}
