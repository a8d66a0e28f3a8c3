import { asSuperuser, type Cluster, TEMPLATE } from './cluster.ts'

/** Once per run, before any test: what every suite's database starts from. */
export async function prepareTemplate(cluster: Cluster): Promise<void> {
  const sql = asSuperuser(cluster)
  try {
    await sql.unsafe(`CREATE DATABASE ${TEMPLATE}`)
  } finally {
    await sql.end()
  }
}
