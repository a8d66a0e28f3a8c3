import { LOG_ID } from '../../src/audit/log.ts'
import { type ProjectJob, projectPass } from '../../src/audit/project/project.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import type { World } from './service.ts'

export interface Projector {
  readonly sql: Sql
  readonly job: ProjectJob
  /** Until nothing is left. */
  readonly all: () => Promise<void>
  readonly close: () => Promise<void>
}

/** As `kiemthe_projector`, on a connection of its own. */
export function projectorOn(world: World, part: Partial<ProjectJob> = {}): Projector {
  const sql = connect(world.projectorUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'test' })
  const job: ProjectJob = {
    logId: LOG_ID,
    query: (work) => work(sql),
    keys: { current: deriveDataKeys(world.dataKeys) },
    notOpened: () => {},
    ...part,
  }
  return {
    sql,
    job,
    all: async () => {
      await projectPass(job)
      await projectPass(job)
    },
    close: () => sql.end({ timeout: 5 }),
  }
}
