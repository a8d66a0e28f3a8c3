import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import { connect } from './connect.ts'

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))

/**
 * Brings the schema up to this release; each migration is a transaction, and one that is in is not run again. On a
 * connection of its own: drizzle replaces a connection's date parsers.
 */
export async function migrateSchema(ownerUrl: string): Promise<void> {
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe migrate' })
  try {
    await migrate(drizzle(sql), { migrationsFolder: FOLDER })
  } finally {
    await sql.end({ timeout: 5 })
  }
}
