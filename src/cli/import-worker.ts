import { parentPort, workerData } from 'node:worker_threads'
import { type DataKeysFile, deriveDataKeys } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import type { Lines } from '../sync/data-file.ts'
import { copyStageChunk } from '../sync/full/store.ts'
import { type ChunkTarget, type LoadPlan, prepareLines } from '../sync/load.ts'
import { copyChunk } from '../sync/store.ts'
import { standBackend } from './stand-back.ts'

/** What a thread needs to work alone: it checks, keys, seals and copies the lines it is given. */
export interface ImportWorkerData {
  readonly databaseUrl: string
  readonly dataKeys: DataKeysFile
  readonly plan: LoadPlan
  readonly target: ChunkTarget
}

export type ToImportWorker = (Lines & { readonly chunk: number }) | 'end'
export interface FromImportWorker {
  readonly rows: number
}

const { databaseUrl, dataKeys, plan, target } = workerData as ImportWorkerData
const port = parentPort
if (port === null) throw new Error('this file is the body of a worker thread')

const keys = deriveDataKeys(dataKeys)
const sql = connect(databaseUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe import' })

// while PostgreSQL takes one chunk, the next one is made: one of each is under way in a thread at the most
let making: Promise<unknown> = Promise.resolve()
let copying: Promise<void> = standBackend(sql)

port.on('message', (message: ToImportWorker) => {
  if (message === 'end') {
    copying.then(() => sql.end()).then(() => port.close())
    return
  }
  const { chunk, position, count } = message
  const bytes = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.length) // came as Uint8Array
  const made = making.then(() => prepareLines(keys, plan, chunk, target, { position, count, bytes }))
  making = made
  copying = copying.then(async () => {
    const prepared = await made
    await (target === 'stage' ? copyStageChunk(sql, plan.source, prepared) : copyChunk(sql, plan, prepared))
  })
  copying.then(
    () => port.postMessage({ rows: count } satisfies FromImportWorker),
    (error: unknown) => {
      // an error in a thread's event is an error of the thread: the main one hears 'error' and stops the import
      setImmediate(() => {
        throw error
      })
    },
  )
})
