import { z } from 'zod'
import type { AnswerContract, Contract, Parameter } from '../route.ts'

const ORIGIN = 'kiemthe.example/thanhhoa/1'
const KEY = `${ORIGIN}+5e87bca3+AYl3ZTGkHq3zVv7zCkqX9j3TtR0Jc2uQm8gM0gZxYb0p`
const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const CHECKPOINT = `${ORIGIN}\n2\n${ROOT}\n\n— ${ORIGIN} Xoe8o8Pq…\n`

const index = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,15})$/)
  .max(16)

const log: Parameter = {
  in: 'path',
  name: 'log',
  description: 'The log, as `receipt.log` of an answer has it.',
  required: true,
  schema: z
    .string()
    .regex(/^[1-9]\d{0,4}$/)
    .max(5),
  example: '1',
}

const keysSchema = z
  .strictObject({
    logs: z
      .array(
        z.strictObject({
          log: z.string().max(5),
          origin: z.string().max(200),
          keys: z
            .array(
              z.strictObject({
                key: z.string().max(400).meta({ description: 'C2SP signed-note: `name+id+base64(type ‖ key)`.' }),
                state: z.enum(['current', 'past']),
                usedSince: z.iso.datetime().max(24),
              }),
            )
            .max(1_000),
        }),
      )
      .max(100),
  })
  .meta({ id: 'LogKeys' })

function text(description: string, summary: string, value: string, charactersMax: number): AnswerContract {
  return {
    description,
    contentType: 'text/plain',
    schema: z.string().max(charactersMax),
    examples: { one: { summary, value } },
    headers: { 'Cache-Control': { description: 'Public; how long it may be kept.', example: 'public, max-age=2' } },
  }
}

export const showLogKeysContract: Contract = {
  operationId: 'showLogKeys',
  tag: 'Log',
  summary: 'The keys that sign checkpoints',
  description:
    'Current and past. A verifier takes a key once, by a way it trusts, and keeps it: a service that lies about its log would lie here too.',
  answers: {
    200: {
      description: 'By log, oldest first.',
      contentType: 'application/json',
      schema: keysSchema,
      examples: {
        one: {
          summary: 'One log, one key',
          value: {
            logs: [
              {
                log: '1',
                origin: ORIGIN,
                keys: [{ key: KEY, state: 'current', usedSince: '2026-11-24T00:00:00.000Z' }],
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

export const showCheckpointContract: Contract = {
  operationId: 'showCheckpoint',
  tag: 'Log',
  summary: 'How far the log has come, signed',
  description:
    'C2SP tlog-checkpoint: origin, size, root hash, and the signatures. Follows an entry within 10 s. `src/audit/README.md` has the formats.',
  parameters: [log],
  answers: { 200: text('The signed note.', 'Two entries', CHECKPOINT, 512 * 1024) },
  problems: ['log_not_found', 'log_not_published'],
  database: true,
}

export const showProofContract: Contract = {
  operationId: 'showProof',
  tag: 'Log',
  summary: 'That an entry stands in the log',
  description:
    'C2SP tlog-proof: the path from `receipt.leafHash` to the root of the checkpoint, and that checkpoint. To be kept and verified without asking anybody.',
  parameters: [
    log,
    {
      in: 'path',
      name: 'index',
      description: '`receipt.index` of an answer.',
      required: true,
      schema: index,
      example: '0',
    },
  ],
  answers: {
    200: text(
      'The proof.',
      'Entry 0 of two',
      `c2sp.org/tlog-proof@v1\nindex 0\n${ROOT}\n\n${CHECKPOINT}`,
      512 * 1024 + 4_096,
    ),
  },
  problems: ['log_not_found', 'log_not_published', 'log_place_invalid'],
  database: true,
}

export const showConsistencyContract: Contract = {
  operationId: 'showConsistency',
  tag: 'Log',
  summary: 'That the log only grew',
  description:
    'The proof of RFC 9162 §2.1.4 that the tree of `from` entries is how the tree of `to` entries begins: one hash a line, in base64. Empty where there is nothing to prove (`from` is 0, or `to`).',
  parameters: [
    log,
    {
      in: 'query',
      name: 'from',
      description: 'Entries of the former tree.',
      required: true,
      schema: index,
      example: '1',
    },
    { in: 'query', name: 'to', description: 'Entries of the later one.', required: true, schema: index, example: '2' },
  ],
  answers: { 200: text('The hashes.', 'From one entry to two', `${ROOT}\n`, 4_096) },
  problems: ['log_not_found', 'log_not_published', 'log_place_invalid'],
  database: true,
}

export const showTileContract: Contract = {
  operationId: 'showTile',
  tag: 'Log',
  summary: 'A tile of hashes',
  description:
    'C2SP tlog-tiles: `<L>/<N>` or `<L>/<N>.p/<W>`, 32 bytes a hash, 256 at the most. The prefix of the log is `/v1/log/{log}`. `entries` is not served: bodies are for auditors.',
  parameters: [
    log,
    {
      in: 'path',
      name: 'tile',
      description: 'With its slashes as they are: `0/x001/x234/067`, `1/000.p/5`.',
      required: true,
      slashes: true,
      schema: z
        .string()
        .regex(/^\d{1,2}\/(?:x\d{3}\/){0,4}\d{3}(?:\.p\/\d{1,3})?$/)
        .max(40),
      example: '0/000.p/1',
    },
  ],
  answers: {
    200: {
      description: 'The hashes, one after the other.',
      contentType: 'application/octet-stream',
      schema: z.string().max(8_192).meta({ description: 'Bytes.' }),
      examples: { one: { summary: 'Bytes', value: '' } },
      headers: {
        'Cache-Control': { description: 'It never changes.', example: 'public, max-age=31536000, immutable' },
      },
    },
  },
  problems: ['log_not_found', 'log_not_published', 'route_not_found'],
  database: true,
}
