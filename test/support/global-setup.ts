import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { TestProject } from 'vitest/node'
import { isAlive } from '../../src/cli/embedded/processes.ts'
import { type EmbeddedPostgres, startEmbedded } from '../../src/cli/embedded/start.ts'
import { asSuperuser, type Cluster, TEMPLATE } from './cluster.ts'
import { prepareTemplate } from './template.ts'
import { removeLeftovers, removeThrowaway, throwawayFolder } from './throwaway-folder.ts'

/** One PostgreSQL per run, in a folder of its own; gone when the run ends, however it ends (after kill -9: with the next run). */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers()
  const folder = await throwawayFolder()
  const server = await startEmbedded({ folder, settings: FOR_TESTS })
  const lastResort = () => removeAtOnce(server, folder)
  process.once('exit', lastResort)

  const superuser = { host: server.host, port: server.port, password: server.password }
  const cluster: Cluster = { ...superuser, ...(await prepareTemplate(superuser)) }
  await freezeTemplate(cluster)
  project.provide('cluster', cluster)

  return async () => {
    await removeThrowaway(folder)
    process.off('exit', lastResort)
  }
}

/** The data is thrown away, so no disk is waited for: a killed process loses nothing, only a power cut would. */
const FOR_TESTS = {
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  min_wal_size: '80MB',
  max_connections: '200',
  // A vacuum in the template would make CREATE DATABASE wait; a test that needs statistics says ANALYZE itself.
  autovacuum: 'off',
}

/** CREATE DATABASE fails while anybody is connected to its template. */
async function freezeTemplate(cluster: Cluster): Promise<void> {
  const sql = asSuperuser(cluster)
  try {
    await sql.unsafe(`ALTER DATABASE ${TEMPLATE} WITH ALLOW_CONNECTIONS false`)
  } finally {
    await sql.end()
  }
}

/** Ctrl-C and process.exit skip the teardown, and nothing can be awaited any more. */
function removeAtOnce({ pid }: EmbeddedPostgres, folder: string): void {
  process.kill(pid, 'SIGQUIT')
  const nap = new Int32Array(new SharedArrayBuffer(4))
  // rmSync gives up without a word on a folder that is still written to.
  for (let i = 0; i < 250 && isAlive(pid); i++) Atomics.wait(nap, 0, 0, 20)
  rmSync(dirname(folder), { recursive: true, force: true })
}
