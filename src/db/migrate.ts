import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { connect } from './connect.ts'

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))

/**
 * Brings the schema up to this release, in one transaction; a migration that is in is not run again. What is in stands
 * in the table that drizzle's own migrator keeps, and by its rule: all that was made after the newest of it is run.
 * That migrator is not loaded: all of drizzle comes with it, two seconds of a start on a slow machine (each of its
 * hundred modules has Node parse a `package.json` of 200 KB).
 */
export async function migrateSchema(ownerUrl: string): Promise<void> {
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe migrate' })
  try {
    await sql`create schema if not exists drizzle`
    await sql`
      create table if not exists drizzle.__drizzle_migrations (
        id serial primary key, hash text not null, created_at bigint)`
    const [newest] = await sql<{ at: number | null }[]>`
      select max(created_at) as at from drizzle.__drizzle_migrations`
    const last = newest?.at ?? Number.NEGATIVE_INFINITY
    const missing = readMigrationFiles({ migrationsFolder: FOLDER }).filter((each) => each.folderMillis > last)
    if (missing.length === 0) return
    await sql.begin(async (tx) => {
      for (const { sql: statements, hash, folderMillis } of missing) {
        for (const statement of statements) await tx.unsafe(statement)
        await tx`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`
      }
    })
  } finally {
    await sql.end({ timeout: 5 })
  }
}
