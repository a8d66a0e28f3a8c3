import { connect } from './connect.ts'

/** Makes a database of that name unless it is there. `serverUrl` leads to any other database of the server. */
export async function ensureDatabase(serverUrl: string, name: 'kiemthe'): Promise<void> {
  const sql = connect(serverUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe demo' })
  try {
    const known = await sql`select from pg_database where datname = ${name}`
    if (known.count === 0) await sql`create database ${sql(name)} encoding 'UTF8' template template0`
  } finally {
    await sql.end({ timeout: 5 })
  }
}
