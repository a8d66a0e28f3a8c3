import { z } from 'zod'
import { BATCH_FILE_BYTES_MAX } from '../../sync/inbox/receive.ts'
import { FEED_ID, MANIFEST_CHARACTERS_MAX } from '../../sync/manifest.ts'
import type { Contract } from '../route.ts'

const feed = z.string().max(32).regex(FEED_ID)
const sequence = z.int().min(0)
const RANGES_MAX = 10_000
const missing = z
  .array(z.strictObject({ from: sequence, to: sequence }))
  .max(RANGES_MAX)
  .meta({ description: 'Batches that come first and are not here: send them.' })
const instant = z.iso.datetime().max(24)

const receiptSchema = z
  .strictObject({
    feed,
    sequence,
    state: z.enum(['applied', 'waiting', 'held']).meta({
      description:
        '`applied`: the copy is there or past it. `waiting`: kept, applied within seconds. `held`: kept until what is `missing` is here.',
    }),
    missing,
  })
  .meta({ id: 'SyncReceipt' })

const statusSchema = z
  .strictObject({
    feeds: z
      .array(
        z.strictObject({
          feed,
          sequence,
          asOf: instant,
          ageSeconds: z.int().min(0),
          loadedAt: instant,
          records: z.int().min(0),
          quarantined: z.int().min(0),
          waiting: z.array(sequence).max(RANGES_MAX),
          missing,
        }),
      )
      .max(100),
  })
  .meta({ id: 'SyncStatus' })

const MANIFEST_EXAMPLE =
  'eyJhbGciOiJFZERTQSIsImtpZCI6ImZlZWQtMSIsInR5cCI6ImtpZW10aGUtZmVlZCtqd3MifQ.eyJ2IjoxfQ.c2lnbmF0dXJl'

export const postSyncBatchContract: Contract = {
  operationId: 'postSyncBatch',
  tag: 'Sync',
  summary: 'A delta of the insurer’s feed',
  description:
    'The manifest and the data file are described in `src/sync/README.md`. The bytes are kept as they were signed before this is answered, and applied in the order of their numbers, all of a batch at once. The same batch again changes nothing.',
  parameters: [
    {
      in: 'header',
      name: 'Feed-Manifest',
      description: 'The manifest, a JWS in compact form.',
      required: true,
      schema: z
        .string()
        .max(MANIFEST_CHARACTERS_MAX)
        .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      example: MANIFEST_EXAMPLE,
    },
  ],
  body: {
    contentType: 'application/octet-stream',
    bytesMax: BATCH_FILE_BYTES_MAX,
    schema: z.string().max(BATCH_FILE_BYTES_MAX),
    examples: {
      withoutManifest: {
        summary: 'Refused: a row, and no manifest that signs for it',
        value: '{"op":"remove","citizenId":"038090001234","insuranceNumber":"3800012345","coverageNo":2}\n',
        status: 400,
      },
    },
  },
  answers: {
    200: {
      description: 'It was applied before, or is overtaken by a full feed.',
      contentType: 'application/json',
      schema: receiptSchema,
      examples: {
        applied: { summary: 'Sent twice', value: { feed: 'vss', sequence: 42, state: 'applied', missing: [] } },
      },
    },
    202: {
      description: 'It is kept.',
      contentType: 'application/json',
      schema: receiptSchema,
      examples: {
        waiting: { summary: 'Applied next', value: { feed: 'vss', sequence: 43, state: 'waiting', missing: [] } },
        held: {
          summary: 'After a gap',
          value: { feed: 'vss', sequence: 46, state: 'held', missing: [{ from: 44, to: 45 }] },
        },
      },
    },
  },
  problems: ['feed_manifest_invalid', 'feed_signature', 'feed_file_differs', 'feed_sequence'],
  database: true,
}

export const showSyncStatusContract: Contract = {
  operationId: 'showSyncStatus',
  tag: 'Sync',
  summary: 'How far our copy reaches',
  description: 'For the feed, which sees what it has to send, and for operators.',
  answers: {
    200: {
      description: 'Each feed.',
      contentType: 'application/json',
      schema: statusSchema,
      examples: {
        behindAGap: {
          summary: 'Batch 46 waits for 44 and 45',
          value: {
            feeds: [
              {
                feed: 'vss',
                sequence: 43,
                asOf: '2026-11-23T17:00:00.000Z',
                ageSeconds: 29_412,
                loadedAt: '2026-11-23T18:02:11.412Z',
                records: 3_256_114,
                quarantined: 3,
                waiting: [46],
                missing: [{ from: 44, to: 45 }],
              },
            ],
          },
        },
      },
    },
  },
  problems: [],
  database: true,
}
