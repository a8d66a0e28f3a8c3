import { z } from 'zod'
import type { AnswerContract, Contract } from '../route.ts'

const liveSchema = z.strictObject({ status: z.literal('live') }).meta({ id: 'Live' })

const readySchema = z
  .strictObject({
    status: z.enum(['ready', 'degraded']),
    reasons: z
      .array(
        z.enum([
          'copyMissing',
          'copyStale',
          'copyLate',
          'feedGap',
          'feedBatchRefused',
          'catalogueMissing',
          'catalogueLate',
          'checkpointLate',
          'cosignatureLate',
          'claimsLate',
          'claimsGivenUp',
          'rowsInQuarantine',
          'registryUnavailable',
        ]),
      )
      .max(12),
  })
  .meta({ id: 'Ready' })

const notReadySchema = z
  .strictObject({
    status: z.literal('notReady'),
    reasons: z.array(z.enum(['databaseUnreachable', 'databaseReadOnly', 'logNotWritable'])).max(10),
    sqlState: z.string().max(40).nullable(),
  })
  .meta({ id: 'NotReady' })

function json(description: string, schema: z.ZodType, summary: string, value: unknown): AnswerContract {
  return { description, contentType: 'application/json', schema, examples: { one: { summary, value } } }
}

export const showLiveContract: Contract = {
  operationId: 'showLive',
  tag: 'Operation',
  summary: 'The process answers',
  description: 'For whoever restarts processes. Touches nothing.',
  answers: { 200: json('It does.', liveSchema, 'Live', { status: 'live' }) },
  problems: [],
  database: false,
}

export const showReadyContract: Contract = {
  operationId: 'showReady',
  tag: 'Operation',
  summary: 'This instance can answer and log',
  description: 'For balancers. What is merely late is a reason at 200: it never takes a desk offline.',
  answers: {
    200: json('It can; `degraded` names what is late.', readySchema, 'Late', {
      status: 'degraded',
      reasons: ['copyLate'],
    }),
    503: {
      ...json('It cannot: send requests elsewhere.', notReadySchema, 'No database', {
        status: 'notReady',
        reasons: ['databaseUnreachable'],
        sqlState: 'ECONNREFUSED',
      }),
      headers: { 'Retry-After': { description: 'Seconds.', example: '2' } },
    },
  },
  problems: [],
  database: false,
}
