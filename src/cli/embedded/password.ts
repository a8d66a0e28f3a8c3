import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from './error.ts'

/** Null if the folder has none yet. */
export async function keptPassword(folder: string): Promise<string | null> {
  try {
    return (await readFile(join(folder, 'password'), 'utf8')).trim()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

/**
 * The superuser's password, drawn once and kept with mode 0600. It is in place, whole, before initdb runs, so every cluster that
 * was ever finished has its password beside it. A crash leaves at most a password.* file of mode 0600 that opens nothing.
 */
export async function superuserPassword(folder: string): Promise<string> {
  const kept = await keptPassword(folder)
  if (kept !== null) return kept
  const path = join(folder, 'password')
  const draft = `${path}.${process.pid}`
  await rm(draft, { force: true })
  await writeFile(draft, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  try {
    // Unlike a rename this never replaces a password that a cluster may already have.
    await link(draft, path)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
  return (await readFile(path, 'utf8')).trim()
}
