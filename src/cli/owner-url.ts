import { APP_ROLE, PROJECTOR_ROLE, type RolePasswords, SEALER_ROLE, SENDER_ROLE, SYNC_ROLE } from '../db/roles.ts'
import { type DataFolder, rolePasswordsOf } from './data-folder.ts'
import { keptPassword } from './embedded/password.ts'
import { keptPort } from './embedded/port.ts'
import { UsageError } from './usage-error.ts'

/** The database's owner for a command beside a running service: DATABASE_URL, or the demo of the folder. */
export async function ownerUrlOf(folder: DataFolder): Promise<string> {
  const own = process.env['DATABASE_URL']
  if (own !== undefined && own !== '') return own
  const [password, port] = await Promise.all([keptPassword(folder.clusterFolder), keptPort(folder.clusterFolder)])
  if (password === null || port === null) {
    throw new UsageError(
      `${folder.path} holds no demo: name it with --data, or set DATABASE_URL to the owner of a database`,
    )
  }
  return embeddedUrl(password, port, 'kiemthe')
}

export function embeddedUrl(password: string, port: number, database: string): string {
  return `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`
}

/** The same database as the role that answers requests. */
export function appUrlOf(ownerUrl: string, passwords: RolePasswords): string {
  return urlAs(ownerUrl, APP_ROLE, passwords.app)
}

/** And as the one that brings the feed in. */
export function syncUrlOf(ownerUrl: string, passwords: RolePasswords): string {
  return urlAs(ownerUrl, SYNC_ROLE, passwords.sync)
}

/** For `kiemthe pull`: DATABASE_URL is that role's there, or the demo of the folder has it. */
export async function feedUrlOf(folder: DataFolder): Promise<string> {
  const own = process.env['DATABASE_URL']
  if (own !== undefined && own !== '') return own
  return syncUrlOf(await ownerUrlOf(folder), await rolePasswordsOf(folder))
}

/** And as the one that sends claims. */
export function senderUrlOf(ownerUrl: string, passwords: RolePasswords): string {
  return urlAs(ownerUrl, SENDER_ROLE, passwords.sender)
}

/** For `kiemthe send`: DATABASE_URL is that role's there, or the demo of the folder has it. */
export async function sendUrlOf(folder: DataFolder): Promise<string> {
  const own = process.env['DATABASE_URL']
  if (own !== undefined && own !== '') return own
  return senderUrlOf(await ownerUrlOf(folder), await rolePasswordsOf(folder))
}

/** The same database as the role that seals the log. */
export function sealerUrlOf(ownerUrl: string, passwords: RolePasswords): string {
  return urlAs(ownerUrl, SEALER_ROLE, passwords.sealer)
}

/** And as the one that makes the auditors' tables. */
export function projectorUrlOf(ownerUrl: string, passwords: RolePasswords): string {
  return urlAs(ownerUrl, PROJECTOR_ROLE, passwords.projector)
}

function urlAs(ownerUrl: string, role: string, password: string): string {
  const url = new URL(ownerUrl)
  url.username = role
  url.password = password
  return url.href
}
