import { randomBytes } from 'node:crypto'
import postgres, { type Sql } from 'postgres'

/** The run's PostgreSQL, as its superuser (`postgres`). Tests get it with `inject('cluster')`. */
export interface Cluster {
  readonly host: string
  readonly port: number
  readonly password: string
  /** Of `kiemthe_app`, the role that answers requests. */
  readonly appPassword: string
  /** Of `kiemthe_sync`, the one that brings the feed in. */
  readonly syncPassword: string
  /** Of `kiemthe_sealer`. */
  readonly sealerPassword: string
  /** Of `kiemthe_sender`, the one that sends claims. */
  readonly senderPassword: string
  /** Of `kiemthe_projector`. */
  readonly projectorPassword: string
}

declare module 'vitest' {
  interface ProvidedContext {
    cluster: Cluster
    /** The bundle of the Worker, where workerd is the host; absent on Node. */
    workerBundle?: string
  }
}

/** Made once per run by `prepareTemplate`; every suite's database is a copy. */
export const TEMPLATE = 'kiemthe_template'

export function databaseUrl(
  cluster: Pick<Cluster, 'host' | 'port'>,
  user: string,
  password: string,
  database: string,
): string {
  return `postgres://${user}:${encodeURIComponent(password)}@${cluster.host}:${cluster.port}/${database}`
}

/** One connection as superuser; the caller ends it. */
export function asSuperuser(cluster: Pick<Cluster, 'host' | 'port' | 'password'>, database = 'postgres'): Sql {
  const { host, port, password } = cluster
  return postgres({ host, port, password, user: 'postgres', database, max: 1, onnotice: () => {} })
}

/** A database of one's own for a suite. `drop` cuts off sessions that are still open. */
export async function createDatabase(cluster: Cluster): Promise<{ name: string; drop(): Promise<void> }> {
  const name = `kiemthe_${randomBytes(6).toString('hex')}`
  // a copy of the files and two checkpoints, which wait for no disk here: some 60 ms, by way of the WAL 200 ms
  await once(cluster, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE} STRATEGY = FILE_COPY`)
  return { name, drop: () => once(cluster, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}

async function once(cluster: Cluster, statement: string): Promise<void> {
  const sql = asSuperuser(cluster)
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}
