import { randomBytes } from 'node:crypto'
import { connect } from '../../src/db/connect.ts'
import { migrateSchema } from '../../src/db/migrate.ts'
import { ensureRoles } from '../../src/db/roles.ts'
import { asSuperuser, type Cluster, databaseUrl, TEMPLATE } from './cluster.ts'

/** Once per run, before any test: roles (they belong to the cluster) and the migrated database that suites copy. */
export async function prepareTemplate(
  cluster: Pick<Cluster, 'host' | 'port' | 'password'>,
): Promise<Pick<Cluster, 'appPassword' | 'syncPassword' | 'sealerPassword' | 'senderPassword' | 'projectorPassword'>> {
  const password = () => randomBytes(32).toString('hex')
  const passwords = { app: password(), sealer: password(), sync: password(), sender: password(), projector: password() }
  const admin = asSuperuser(cluster)
  try {
    await admin.unsafe(`CREATE DATABASE ${TEMPLATE}`)
  } finally {
    await admin.end()
  }
  const url = databaseUrl(cluster, 'postgres', cluster.password, TEMPLATE)
  const sql = connect(url, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'template' })
  try {
    await ensureRoles(sql, passwords)
  } finally {
    await sql.end()
  }
  await migrateSchema(url)
  return {
    appPassword: passwords.app,
    syncPassword: passwords.sync,
    sealerPassword: passwords.sealer,
    senderPassword: passwords.sender,
    projectorPassword: passwords.projector,
  }
}
