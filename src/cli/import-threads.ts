import { Worker } from 'node:worker_threads'
import type { Lines } from '../sync/data-file.ts'
import type { FromImportWorker, ImportWorkerData, ToImportWorker } from './import-worker.ts'

/** PostgreSQL's backends share the cores with the threads that feed them; so one thread a core of the smallest machine. */
const THREADS = 2
/** A thread makes the next chunk while its former one is copied: 2 × (2 MB of lines, 1.6 MB of COPY) a thread. */
const CHUNKS_AHEAD = 2
/** As for the demo's load: a thread makes garbage by the row. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 160 }

export interface ImportThreads {
  /** Resolves when a thread has taken it, which is when there is room for it. */
  readonly give: (chunk: number, lines: Lines) => Promise<void>
  /** All that was given is in the database. */
  readonly finish: () => Promise<void>
  readonly stop: () => Promise<void>
}

export function startImportThreads(data: ImportWorkerData, onRows: (rows: number) => void): ImportThreads {
  const room: Worker[] = []
  const waiting: (() => void)[] = []
  let failed: unknown
  const wake = () => waiting.shift()?.()
  const workers = Array.from({ length: THREADS }, () => {
    const worker = new Worker(new URL('./import-worker.ts', import.meta.url), {
      workerData: data,
      resourceLimits: THREAD_LIMITS,
    })
    worker.on('message', ({ rows }: FromImportWorker) => {
      onRows(rows)
      room.push(worker)
      wake()
    })
    worker.on('error', (error) => {
      failed ??= error
      for (const each of waiting.splice(0)) each()
    })
    return worker
  })
  for (let i = 0; i < CHUNKS_AHEAD; i++) room.push(...workers)
  const ended = workers.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.on('error', reject)
        worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`an import thread ended with ${code}`))))
      }),
  )
  for (const each of ended) each.catch(() => {}) // heard by `finish`, or nobody waits for it any more

  return {
    give: async (chunk, { position, count, bytes }) => {
      while (room.length === 0 && failed === undefined) await new Promise<void>((resolve) => waiting.push(resolve))
      if (failed !== undefined) throw failed
      const message: ToImportWorker = { chunk, position, count, bytes }
      room.shift()?.postMessage(message)
    },
    finish: async () => {
      for (const worker of workers) worker.postMessage('end' satisfies ToImportWorker)
      await Promise.all(ended)
    },
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}
