import type { Logger } from 'pino'
import { appendBatch } from '../audit/log.ts'
import type { Config } from '../config.ts'
import { findSealed, openRead } from '../coverage/store.ts'
import { type DataKeysFile, deriveDataKeys } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import { createPool } from '../db/pool.ts'
import { refuseUnfit } from '../node.ts'
import type { Job } from '../scope.ts'

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
  const dataKeys = deriveDataKeys(keys)
  const open = () =>
    connect(config.databaseUrl, {
      connectionsMax: 2,
      statementTimeoutMs: config.dbStatementTimeoutMs,
      applicationName: `kiemthe ${name}`,
    })
  const pool = createPool(open, config.dbStatementTimeoutMs + 1_000)
  const job: Job = {
    service: { config, dataKeys },
    query: pool.query,
    now: () => new Date(),
    findCoverage: async (key) => {
      const [read] = await pool.query((sql) => findSealed(sql, [key]))
      if (read === undefined) throw new Error('one key was asked for')
      return openRead(dataKeys, read)
    },
    append: async (row) => {
      const [appended] = await pool.query((sql) => appendBatch(sql, dataKeys, [row]))
      if (appended === undefined || appended instanceof Error) throw appended ?? new Error('one row was offered')
      return appended
    },
    report: (trouble, failure) => log.error({ trouble, failure }, 'trouble'),
  }
  await refuseUnfit(pool.query, job.service, config).catch(async (error: unknown) => {
    await pool.end()
    throw error
  })
  return { job, close: pool.end }
}
