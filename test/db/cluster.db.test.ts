import { expect, inject, it } from 'vitest'
import { asSuperuser, createDatabase } from '../support/cluster.ts'

it('a suite that writes into its database is seen by no other suite, and drop works while it is still connected', async () => {
  const cluster = inject('cluster')
  const [mine, theirs] = await Promise.all([createDatabase(cluster), createDatabase(cluster)])
  const sql = asSuperuser(cluster, mine.name)
  const other = asSuperuser(cluster, theirs.name)
  await sql`CREATE TABLE only_mine (id int)`
  expect([...(await other`SELECT to_regclass('only_mine') AS found`)]).toEqual([{ found: null }])
  await Promise.all([mine.drop(), theirs.drop()])
  await Promise.all([sql.end(), other.end()])
  const admin = asSuperuser(cluster)
  expect([...(await admin`SELECT FROM pg_database WHERE datname IN (${mine.name}, ${theirs.name})`)]).toEqual([])
  await admin.end()
})
