import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readCheckpoint } from '../src/audit/checkpoint.ts'
import { appendBatch, LOG_ID, prepare } from '../src/audit/log.ts'
import { readNote } from '../src/audit/signed-note.ts'
import type { PendingRow } from '../src/audit/store.ts'
import { proofText } from '../src/audit/tlog-proof.ts'
import { proveInclusion } from '../src/audit/tree/prove.ts'
import { readPublished, readTiles } from '../src/audit/tree/store.ts'
import { type DataKeys, deriveDataKeys, type Pseudonym } from '../src/data-keys.ts'
import { connect, type Sql } from '../src/db/connect.ts'
import { inGroups } from '../src/db/group.ts'
import { APPEND_GROUP } from '../src/host/node-scope.ts'
import { singleInserts } from './single-inserts.ts'
import { type ThrowawayProvince, withThrowawayProvince } from './throwaway-province.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const BATCH_ROWS = 64
const PROOFS = 300
/** Rows made before they are appended, again and again: those of single INSERTs are the same. */
const MADE_ROWS = 4_000
/** Callers that wait for their row at the same time; the service lets 1,024 wait. */
const CALLERS = 256

/**
 * Appends batches as fast as one writer can, with `kiemthe seal` beside it and without, in turn, on a PostgreSQL of its own
 * that waits for its disk: rows/s, how long after its recording an entry is published, and what a proof costs at that size.
 * And what single INSERTs do there.
 */
export async function seal(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      entries: { type: 'string', default: '1000000' },
      seconds: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '5' },
    },
  })
  const [entries, seconds, rounds] = [values.entries, values.seconds, values.rounds].map(Number)
  if (entries === undefined || !seconds || !rounds || !Number.isInteger(entries)) throw new TypeError('whole numbers')
  await withThrowawayProvince(
    'seal',
    100,
    () => {},
    async (made) => {
      const app = connect(made.appUrl, { connectionsMax: 2, statementTimeoutMs: 0, applicationName: 'seal' })
      const keys = deriveDataKeys(made.dataKeys)
      await fill(made.owner, entries)
      const began = performance.now()
      await whileSealing(made, () => untilPublished(app, entries))
      const rate = entries / ((performance.now() - began) / 1000)
      say(`${entries} entries integrated and published: ${rate.toFixed(0)}/s`)

      const ratios: number[] = []
      const overSingle: number[] = []
      const lags: number[] = []
      await appending(app, keys, 2) // warm
      for (let round = 1; round <= rounds; round++) {
        const without = await appending(app, keys, seconds)
        const withSealing = await whileSealing(made, async () => {
          await untilPublished(app, await sizeOf(app))
          return appending(app, keys, seconds, lags)
        })
        const rows = Array.from({ length: MADE_ROWS }, () => prepare(keys, madeUpDeed()))
        const grouped = await appendingMade(app, keys, rows, seconds)
        const single = await singleInserts(made.owner, made.appUrl, rows, seconds)
        ratios.push(withSealing / without)
        overSingle.push(grouped / single)
        say(
          `round ${round}  without ${without.toFixed(0)}/s  with ${withSealing.toFixed(0)}/s  ratio ${(withSealing / without).toFixed(3)}  rows made before ${grouped.toFixed(0)}/s  single inserts of them ${single.toFixed(0)}/s  ratio ${(grouped / single).toFixed(2)}`,
        )
      }
      const [p50, p99] = [quantile(lags, 0.5), quantile(lags, 0.99)]
      say(`with ÷ without sealing: median ${quantile(ratios, 0.5).toFixed(3)}`)
      say(
        `${CALLERS} callers of the log ÷ single INSERTs from 16 clients: median ${quantile(overSingle, 0.5).toFixed(2)}`,
      )
      say(`recorded → published: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, of ${lags.length} batches`)
      await proofs(app)
      await app.end()
    },
  )
}

/** Entries as large as those of verifications; made by PostgreSQL, which is quicker. */
async function fill(owner: Sql, entries: number): Promise<void> {
  await owner`
    insert into log_entry
    select 1, i, body, sha256('\\x00'::bytea || convert_to(body, 'UTF8')) from (
      select i, '{"v":1,"recordedAt":"2026-11-24T00:00:00.000Z","kind":"verification","facility":"38001","outcome":{"decision":"entitled","code":"valid","cause":null,"method":"chipIdQr","assurance":"unsigned"},"details":"' || md5(i::text) || '"}' as body
        from generate_series(0, ${entries - 1}::bigint) i) made`
  await owner`update log_head set size = ${entries}`
}

/** Rows a second. `lags`: takes what it was from the answer of each batch to the checkpoint that holds it, in ms. */
async function appending(app: Sql, keys: DataKeys, seconds: number, lags?: number[]): Promise<number> {
  const recorded: { index: number; atMs: number }[] = []
  let done = false
  const watch = async () => {
    while (lags !== undefined && (!done || recorded.length > 0)) {
      const size = await publishedSize(app)
      const nowMs = performance.now()
      while (recorded[0] !== undefined && recorded[0].index < size) lags.push(nowMs - (recorded.shift()?.atMs ?? nowMs))
      await sleep(20)
    }
  }
  const watched = watch()
  const began = performance.now()
  let rows = 0
  while (performance.now() - began < seconds * 1000) {
    const batch = Array.from({ length: BATCH_ROWS }, () => prepare(keys, madeUpDeed()))
    const last = (await appendBatch(app, keys, batch)).at(-1)
    if (last === undefined || last instanceof Error || last.outcome !== 'appended')
      throw new Error('a batch was not appended')
    if (lags !== undefined) recorded.push({ index: last.index, atMs: performance.now() })
    rows += BATCH_ROWS
  }
  const perSecond = rows / ((performance.now() - began) / 1000)
  done = true
  await watched
  return perSecond
}

/** Rows a second, as the service appends: callers wait for their own row, whoever waits meanwhile shares the next statement. */
async function appendingMade(app: Sql, keys: DataKeys, rows: readonly PendingRow[], seconds: number): Promise<number> {
  const append = inGroups((batch: readonly PendingRow[]) => appendBatch(app, keys, batch), APPEND_GROUP)
  const began = performance.now()
  let appended = 0
  const caller = async () => {
    while (performance.now() - began < seconds * 1000) {
      const row = rows[appended++ % rows.length]
      if (row === undefined || (await append(row)).outcome !== 'appended') throw new Error('a row was not appended')
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return appended / ((performance.now() - began) / 1000)
}

function madeUpDeed() {
  return {
    recordedAt: new Date(),
    kind: 'verification',
    facility: '38001',
    outcome: { decision: 'entitled', code: 'valid', cause: null, method: 'chipIdQr', assurance: 'unsigned' },
    details: JSON.stringify({ made: randomBytes(200).toString('base64') }),
    client: 'facility:38001',
    subject: randomBytes(16).toString('hex') as Pseudonym,
    idempotency: null,
  } as const
}

async function whileSealing<T>({ sealer }: ThrowawayProvince, work: () => Promise<T>): Promise<T> {
  const child: ChildProcess = spawn(process.execPath, [CLI, 'seal'], {
    env: { PATH: process.env['PATH'], LOG_LEVEL: 'warn', ...sealer },
    stdio: ['ignore', 2, 2],
  })
  const gone = once(child, 'exit')
  try {
    return await Promise.race([
      work(),
      gone.then(() => {
        throw new Error('the sealer ended')
      }),
    ])
  } finally {
    child.kill('SIGTERM')
    await gone
  }
}

async function proofs(app: Sql): Promise<void> {
  const published = await readPublished(app, LOG_ID)
  const checkpoint = readCheckpoint(readNote(published?.note ?? '')?.text ?? '')
  if (checkpoint === null) throw new Error('nothing is published')
  const took: number[] = []
  let bytes = 0
  for (let n = 0; n < PROOFS; n++) {
    const index = Math.floor(Math.random() * checkpoint.size)
    const began = performance.now()
    const { path } = await proveInclusion((tiles) => readTiles(app, LOG_ID, tiles), index, checkpoint)
    const text = proofText({ index, path, checkpoint: published?.note ?? '' })
    took.push(performance.now() - began)
    bytes = Math.max(bytes, Buffer.byteLength(text))
  }
  const [p50, p99] = [quantile(took, 0.5), quantile(took, 0.99)]
  say(`a proof of ${checkpoint.size} entries: ${bytes} bytes, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`)
}

async function untilPublished(app: Sql, size: number): Promise<void> {
  while ((await publishedSize(app)) < size) await sleep(50)
}

async function publishedSize(app: Sql): Promise<number> {
  const [row] = await app<{ size: number }[]>`select size from log_checkpoint where log_id = ${LOG_ID}`
  return row?.size ?? 0
}

async function sizeOf(app: Sql): Promise<number> {
  const [row] = await app<{ size: number }[]>`select size from log_head where log_id = ${LOG_ID}`
  return row?.size ?? 0
}

function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
