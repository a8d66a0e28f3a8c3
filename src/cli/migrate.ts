import { connect } from '../db/connect.ts'
import { migrateSchema } from '../db/migrate.ts'
import { ensureRoles, lacking, ROLES } from '../db/roles.ts'
import { readArguments } from './arguments.ts'
import {
  DATA_FOLDER,
  dataFolder,
  dataKeysOf,
  makeDataFolder,
  rolePasswordsOf,
  sealKeyOf,
  tokenKeysOf,
} from './data-folder.ts'
import { UsageError } from './usage-error.ts'

/**
 * `kiemthe migrate`: makes a database of one's own ready for `serve`. DATABASE_URL is the owner's here. Key files and
 * role passwords that are missing are made in the folder of --data; those that are there are kept.
 */
export async function migrate(args: string[]): Promise<void> {
  const { values } = readArguments(args, { data: { type: 'string', default: DATA_FOLDER } })
  const url = process.env['DATABASE_URL']
  if (url === undefined) throw new UsageError('DATABASE_URL is not set: the owner of the database')
  const folder = dataFolder(values.data)
  await makeDataFolder(folder)
  const sql = connect(url, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe migrate' })
  let kept: string[]
  try {
    const lacks = await lacking(sql)
    if (lacks.length > 0) throw new UsageError(`the database of DATABASE_URL lacks:\n  ${lacks.join('\n  ')}`)
    kept = await ensureRoles(sql, await rolePasswordsOf(folder))
  } finally {
    await sql.end({ timeout: 5 })
  }
  await migrateSchema(url)
  await dataKeysOf(folder)
  await tokenKeysOf(folder)
  await sealKeyOf(folder)
  const logins =
    kept.length === 0
      ? `${ROLES.join(', ')} log in with the passwords of ${folder.path}/roles.json`
      : `${kept.join(' and ')}, made by somebody else, keep their own passwords`
  process.stderr.write(`schema and roles are ready; ${logins}\n`)
}
