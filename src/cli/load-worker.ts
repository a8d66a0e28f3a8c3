import { parentPort, workerData } from 'node:worker_threads'
import { rowsOf } from '../../mocks/province/person.ts'
import type { IsoDate } from '../calendar.ts'
import { type DataKeysFile, deriveDataKeys } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import { type LoadPlan, prepareChunk } from '../sync/load.ts'
import { copyChunk } from '../sync/store.ts'

/** What a thread needs to work alone: it makes the rows, checks, keys, seals and copies them. */
export interface LoadWorkerData {
  readonly databaseUrl: string
  readonly dataKeys: DataKeysFile
  readonly plan: LoadPlan
  readonly province: { readonly seed: string | number; readonly baseDate: IsoDate }
}

export type ToWorker = { readonly chunk: number } | 'end'
export interface FromWorker {
  readonly rows: number
}

const { databaseUrl, dataKeys, plan, province } = workerData as LoadWorkerData
const port = parentPort
if (port === null) throw new Error('this file is the body of a worker thread')

const keys = deriveDataKeys(dataKeys)
const sql = connect(databaseUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe load' })

// While PostgreSQL takes one chunk, the next one is made: at most one copy is under way in a thread.
let copying: Promise<void> = Promise.resolve()

port.on('message', (message: ToWorker) => {
  if (message === 'end') {
    copying.then(() => sql.end()).then(() => port.close())
    return
  }
  const from = message.chunk * plan.chunkRows
  const rows = rowsOf(province, from, Math.min(from + plan.chunkRows, plan.rows))
  const prepared = prepareChunk(keys, plan, message.chunk, from, rows)
  const former = copying
  copying = former.then(() => copyChunk(sql, plan, prepared))
  copying.then(
    () => port.postMessage({ rows: prepared.rows } satisfies FromWorker),
    (error: unknown) => {
      // an error in a thread's event is an error of the thread: the main one hears 'error' and stops the load
      setImmediate(() => {
        throw error
      })
    },
  )
})
