import type { Sql } from './connect.ts'

/** The process of PostgreSQL that serves a connection. */
export interface Backend {
  readonly pid: number
  /** Of the client, as PostgreSQL sees it; null by a socket of the file system. */
  readonly clientPort: number | null
}

/** Of a pool of one: what is learnt of it holds for the next statement too. */
export async function readBackend(sql: Sql): Promise<Backend> {
  const [backend] = await sql<{ pid: number; port: number | null }[]>`
    select pg_backend_pid() as pid, inet_client_port() as port`
  if (backend === undefined) throw new Error('a backend has a number')
  return { pid: backend.pid, clientPort: backend.port }
}
