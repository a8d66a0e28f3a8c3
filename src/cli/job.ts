import type { Logger } from 'pino'
import { appendBatch } from '../audit/log.ts'
import type { Config } from '../config.ts'
import { findSealed, openRead } from '../coverage/store.ts'
import { type DataKeysFile, dataKeysSchema, deriveDataKeys } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import { createPool } from '../db/pool.ts'
import { describeFailure } from '../event.ts'
import { refuseUnfit } from '../host/refuse-unfit.ts'
import { watchFiles } from '../host/watch-files.ts'
import type { Job } from '../scope.ts'
import { readSecret } from './data-folder.ts'

export interface OpenJob {
  readonly job: Job
  readonly close: () => Promise<void>
}

/** What a loop command works with: connections of its own, and a statement for each look-up and each append. */
export async function openJob(
  config: Config,
  keys: DataKeysFile,
  log: Pick<Logger, 'error'>,
  name: string,
): Promise<OpenJob> {
  const service = { config, dataKeys: deriveDataKeys(keys) }
  const open = () =>
    connect(config.databaseUrl, {
      connectionsMax: 2,
      statementTimeoutMs: config.dbStatementTimeoutMs,
      applicationName: `kiemthe ${name}`,
    })
  const pool = createPool(open, config.dbStatementTimeoutMs + 1_000)
  const job: Job = {
    service,
    query: pool.query,
    now: () => new Date(),
    findCoverage: async (names) => {
      const [read] = await pool.query((sql) => findSealed(sql, [names]))
      if (read === undefined) throw new Error('one number was asked for')
      return openRead(service.dataKeys, read)
    },
    append: async (row) => {
      const [appended] = await pool.query((sql) => appendBatch(sql, service.dataKeys, [row]))
      if (appended === undefined || appended instanceof Error) throw appended ?? new Error('one row was offered')
      return appended
    },
    report: (trouble, failure) => log.error({ trouble, failure }, 'trouble'),
  }
  await refuseUnfit(pool.query, job.service, config).catch(async (error: unknown) => {
    await pool.end()
    throw error
  })
  const useKeys = async () => {
    const file = await readSecret(config.dataKeysFile, dataKeysSchema)
    if (file === null) throw new Error(`there is no file ${config.dataKeysFile}`)
    const fresh = { dataKeys: deriveDataKeys(file) }
    await refuseUnfit(pool.query, fresh, config)
    service.dataKeys = fresh.dataKeys
  }
  const watch = await watchFiles([config.dataKeysFile], useKeys, (error) =>
    log.error({ failure: describeFailure(error) }, 'keys were not renewed; the former ones stay'),
  )
  const close = () => {
    watch.stop()
    return pool.end()
  }
  return { job, close }
}
