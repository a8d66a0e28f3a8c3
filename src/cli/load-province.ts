import { Worker } from 'node:worker_threads'
import type { Province } from '../../mocks/province/person.ts'
import { type DataKeysFile, deriveDataKeys, lookupChainOf } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import { keyCheckOf, type LoadPlan } from '../sync/load.ts'
import { beginLoad, discardLoad, finishLoad, holdsFinishedLoad } from '../sync/store.ts'
import type { FromWorker, LoadWorkerData, ToWorker } from './load-worker.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

/** Rows of one transaction: 1.6 MB of COPY, a fifth of a second (47,500 rows/s over two threads); a kill loses at most four of them. */
const CHUNK_ROWS = 5_000
/** PostgreSQL's two backends share the cores with the threads that feed them; so one thread a core of the smallest machine. */
const THREADS = 2
/** A thread makes the next chunk while its former one is copied: 2 × 1.6 MB a thread. */
const CHUNKS_AHEAD = 2
/**
 * A thread makes garbage by the row: a small nursery is swept often and stays in the cache.
 * Without these bounds, and with chunks twice as large, the process peaked at 731 MB on the whole province.
 */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 160 }

export interface ProvinceLoad {
  readonly ownerUrl: string
  readonly dataKeys: DataKeysFile
  readonly province: Province
  readonly records: number
  readonly say: (line: string) => void
  /** Ends the threads; what they had not committed is made again by the next start. */
  readonly signal: AbortSignal
}

export type ProvinceLoaded = { readonly alreadyThere: boolean; readonly rows: number; readonly seconds: number }

/** The demo province into the database, or what is missing of it. */
export async function loadProvince(load: ProvinceLoad): Promise<ProvinceLoaded> {
  const startedMs = performance.now()
  const sql = connect(load.ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe load' })
  const { seed, baseDate } = load.province
  const wanted: LoadPlan = {
    feed: 'vss',
    sequence: 1,
    source: `province seed=${seed} base=${baseDate} cards=${load.records}`,
    rows: load.records,
    chunkRows: CHUNK_ROWS,
    keyCheck: keyCheckOf(deriveDataKeys(load.dataKeys)),
    asOf: new Date(),
  }
  try {
    // its rows would be named by the former generation, when the last pass of the rotation may be over
    if (lookupChainOf(load.dataKeys).rotation !== undefined && !(await holdsFinishedLoad(sql))) {
      throw new UsageError(
        'a rotation of the lookup key is under way: let it end (`kiemthe keys rotate lookup --wait`), then load',
      )
    }
    let begun = await beginLoad(sql, wanted)
    if (begun.state === 'otherSource') {
      if (begun.finished) {
        throw new UsageError(`this database holds another province (${begun.source}); choose another one, or --data`)
      }
      load.say(`an unfinished load of ${begun.source} is taken away`)
      await discardLoad(sql, wanted)
      begun = await beginLoad(sql, wanted)
    }
    if (begun.state !== 'open') return { alreadyThere: true, rows: load.records, seconds: 0 }
    if (begun.chunksDone.size > 0) load.say(`going on with an interrupted load: ${begun.rowsDone} records are in`)
    const plan = { ...wanted, asOf: begun.asOf }
    const progress = createProgress({ label: 'records', total: load.records, unit: 'records' })
    try {
      await runThreads(load, plan, begun.chunksDone, begun.rowsDone, (rows) => progress.update(rows))
    } catch (error) {
      progress.fail()
      throw error
    }
    progress.finish()
    load.say('building the indexes …')
    await finishLoad(sql, plan)
    return { alreadyThere: false, rows: load.records, seconds: (performance.now() - startedMs) / 1000 }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function runThreads(
  load: ProvinceLoad,
  plan: LoadPlan,
  done: ReadonlySet<number>,
  rowsDone: number,
  onRows: (rows: number) => void,
): Promise<void> {
  const chunks = Array.from({ length: Math.ceil(plan.rows / plan.chunkRows) }, (_, chunk) => chunk).filter(
    (chunk) => !done.has(chunk),
  )
  let rows = rowsDone
  onRows(rows)
  const workers = Array.from({ length: Math.min(THREADS, chunks.length) }, () => startThread(load, plan))
  try {
    await Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            const next = () => {
              const chunk = chunks.shift()
              worker.postMessage(chunk === undefined ? 'end' : ({ chunk } satisfies ToWorker))
              return chunk !== undefined
            }
            let ended = false
            worker.on('message', (message: FromWorker) => {
              rows += message.rows
              onRows(rows)
              if (!ended) ended = !next()
            })
            worker.on('error', reject)
            worker.on('exit', (code) =>
              code === 0 ? resolve() : reject(new Error(`a load thread ended with ${code}`)),
            )
            load.signal.addEventListener('abort', () => reject(load.signal.reason), { once: true })
            for (let i = 0; i < CHUNKS_AHEAD && !ended; i++) ended = !next()
          }),
      ),
    )
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

function startThread(load: ProvinceLoad, plan: LoadPlan): Worker {
  const workerData: LoadWorkerData = {
    databaseUrl: load.ownerUrl,
    dataKeys: load.dataKeys,
    plan,
    province: load.province,
  }
  return new Worker(new URL('./load-worker.ts', import.meta.url), { workerData, resourceLimits: THREAD_LIMITS })
}
