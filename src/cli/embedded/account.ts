import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EmbeddedError } from './error.ts'

/** The unprivileged account PostgreSQL runs as when we are root. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/**
 * Null: we are not root, PostgreSQL runs as ourselves. As root: the owner of a cluster that exists (PostgreSQL insists; it may have
 * been made before by an ordinary user, or as `nobody`), for a new one an account with a passwd entry (initdb insists).
 */
export async function serverAccount(data: string): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null
  const owner = await stat(data).catch(() => null)
  if (owner !== null && owner.uid !== 0) return { name: `user ${owner.uid}`, uid: owner.uid, gid: owner.gid }
  const accounts = new Map<string, Account>()
  for (const line of (await readFile('/etc/passwd', 'utf8')).split('\n')) {
    const [name = '', , uid, gid] = line.split(':')
    accounts.set(name, { name, uid: Number(uid), gid: Number(gid) })
  }
  // `postgres` first: what else runs as `nobody` could read the data folder.
  const account = accounts.get('postgres') ?? accounts.get('nobody')
  if (account === undefined || !(account.uid > 0)) {
    throw new EmbeddedError(
      'noAccount',
      'PostgreSQL refuses to run as root and there is no account `postgres` or `nobody`',
    )
  }
  return account
}

/** The first folder on the way to `path` (a real path, itself included) that the account cannot pass; null if none. */
export async function firstBarrier(path: string, account: Account): Promise<string | null> {
  const way: string[] = []
  for (let at = path; ; at = dirname(at)) {
    way.unshift(at)
    if (at === dirname(at)) break
  }
  for (const at of way) {
    const { mode, uid, gid } = await stat(at)
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return at
  }
  return null
}
