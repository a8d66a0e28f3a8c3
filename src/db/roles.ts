import type { Sql } from './connect.ts'

/**
 * Who answers requests, who seals the log, who brings the feed in, who sends claims to the insurer, who makes the auditors'
 * tables. Roles belong to the cluster, not to one database.
 */
export const APP_ROLE = 'kiemthe_app'
export const SEALER_ROLE = 'kiemthe_sealer'
export const SYNC_ROLE = 'kiemthe_sync'
export const SENDER_ROLE = 'kiemthe_sender'
export const PROJECTOR_ROLE = 'kiemthe_projector'
export const ROLES = [APP_ROLE, SEALER_ROLE, SYNC_ROLE, SENDER_ROLE, PROJECTOR_ROLE] as const

/** `server_version_num`: 16.0. Older ones lack what the planner needs for the shared look-up, and end in 2027. */
const VERSION_MIN = 160_000

/** What a database of the user's own lacks, all at once; empty when migrations can run. */
export async function lacking(sql: Sql): Promise<string[]> {
  const rows = await sql<
    {
      version: number
      encoding: string
      may_create: boolean
      may_make_roles: boolean
      roles: number
      standby: boolean
    }[]
  >`
    select current_setting('server_version_num')::int as version,
           current_setting('server_encoding') as encoding,
           has_schema_privilege('public', 'CREATE') and has_database_privilege(current_database(), 'CREATE') as may_create,
           (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as may_make_roles,
           (select count(*)::int from pg_roles where rolname = any(string_to_array(${ROLES.join(',')}, ','))) as roles,
           pg_is_in_recovery() as standby`
  const have = rows[0]
  if (have === undefined) throw new Error('one row was asked for')
  const lacks: string[] = []
  if (have.version < VERSION_MIN) lacks.push(`PostgreSQL 16 or newer (this is ${Math.floor(have.version / 10_000)})`)
  if (have.encoding !== 'UTF8') lacks.push(`a database in UTF8 (this one is in ${have.encoding})`)
  if (have.standby) lacks.push('a primary (this server is a standby and takes no writes)')
  if (!have.may_create) lacks.push('the right CREATE on the database and on its schema public')
  if (have.roles < ROLES.length && !have.may_make_roles) {
    lacks.push(`the right CREATEROLE, or the roles ${ROLES.join(', ')} made beforehand`)
  }
  return lacks
}

/**
 * What our connections ask for themselves, held by the roles too: a pooler between (Hyperdrive) need not pass it on. Times
 * are read as UTC. 3 s is the default of DB_STATEMENT_TIMEOUT_MS; a connection that asks for another has that.
 */
const SESSION: Readonly<Record<string, readonly string[]>> = {
  [APP_ROLE]: ["timezone to 'UTC'", "datestyle to 'ISO'", "statement_timeout to '3s'"],
  [SEALER_ROLE]: ["timezone to 'UTC'", "datestyle to 'ISO'"],
  [SYNC_ROLE]: ["timezone to 'UTC'", "datestyle to 'ISO'"],
  [SENDER_ROLE]: ["timezone to 'UTC'", "datestyle to 'ISO'"],
  [PROJECTOR_ROLE]: ["timezone to 'UTC'", "datestyle to 'ISO'"],
}

export interface RolePasswords {
  readonly app: string
  readonly sealer: string
  readonly sync: string
  readonly sender: string
  readonly projector: string
}

/**
 * Makes the roles that are missing and, where this role may, gives them these passwords. A role that somebody else
 * made keeps its own; those are returned. Passwords are 64 hex digits of ours: no quoting to get wrong.
 */
export async function ensureRoles(sql: Sql, passwords: RolePasswords): Promise<string[]> {
  const kept: string[] = []
  for (const [role, password] of [
    [APP_ROLE, passwords.app],
    [SEALER_ROLE, passwords.sealer],
    [SYNC_ROLE, passwords.sync],
    [SENDER_ROLE, passwords.sender],
    [PROJECTOR_ROLE, passwords.projector],
  ] as const) {
    if (!/^[0-9a-f]{64}$/.test(password)) throw new TypeError('a role password is 64 hex digits')
    const session = (SESSION[role] ?? []).map((setting) => `; alter role ${role} set ${setting}`).join('')
    const known = await sql`select from pg_roles where rolname = ${role}`
    if (known.count === 0) {
      const made = `create role ${role} login nosuperuser nocreatedb nocreaterole noinherit password '${password}'`
      await sql.unsafe(made + session)
      continue
    }
    // only a superuser may even name `nosuperuser` here; `serve` refuses a role that has more than it should
    await sql.unsafe(`alter role ${role} login noinherit password '${password}'${session}`).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === '42501')) throw error
      kept.push(role)
    })
  }
  return kept
}
