import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Account, firstBarrier } from './account.ts'
import { openFolder } from './binaries.ts'
import { EmbeddedError, systemCode } from './error.ts'
import type { OnEvent } from './event.ts'

/**
 * What we keep. `folder` is the one that was asked for, ours alone: lock, password, port, moved-to. `home` holds the cluster:
 * data, postgres.log, and while initdb works data.init-* and pwfile-*. They are the same folder unless we are root and
 * the account that runs PostgreSQL cannot get there.
 */
export interface Place {
  readonly folder: string
  readonly home: string
  readonly data: string
  readonly log: string
}

const OURS = /^(lock|password|port|moved-to|data|postgres\.log)($|[.])|^pwfile-\d+$|^\./

/** Makes the folder if need be; refuses one that holds anything we did not put there. */
export async function claimFolder(wanted: string): Promise<string> {
  try {
    await mkdir(wanted, { recursive: true, mode: 0o700 })
    const folder = await realpath(wanted)
    const stranger = (await readdir(folder)).find((name) => !OURS.test(name))
    if (stranger !== undefined) {
      throw new EmbeddedError(
        'folderNotOurs',
        `${folder} holds ${stranger}, which is not of an embedded cluster: name an empty or a new folder`,
      )
    }
    return folder
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'EACCES' || code === 'EPERM') {
      throw new EmbeddedError('folderNotOurs', `${wanted} belongs to another user (${code})`, { cause })
    }
    if (code === 'ENOTDIR' || code === 'EEXIST') {
      throw new EmbeddedError('folderNotOurs', `${wanted} is not a folder`, { cause })
    }
    throw cause
  }
}

/** Where the cluster of a folder lives, if it was ever started. */
export async function knownPlace(folder: string): Promise<Place> {
  const pointer = await readFile(join(folder, 'moved-to'), 'utf8').catch((error) => {
    if (systemCode(error) === 'ENOENT') return ''
    throw error
  })
  return placeAt(folder, pointer.trim() || folder)
}

/**
 * Decides where the cluster lives. Once moved it stays moved: the pointer wins even if the folder can be reached later. The
 * pointer is written before the folder it names is made, so a crash between the two leaves nothing that is not found again.
 */
export async function settle(known: Place, account: Account | null, shared: string, onEvent: OnEvent): Promise<Place> {
  if (account === null) return known
  const { folder } = known
  if (known.home === folder) {
    // Ours alone, and every file in it has its own mode; mkdtemp and umask 077 make 0700.
    await chmod(folder, 0o711)
    const barrier = await firstBarrier(folder, account)
    if (barrier === null) return known
    if ((await stat(known.data).catch(() => null)) !== null) {
      throw new EmbeddedError(
        'notReachable',
        `the cluster ${known.data} is of ${account.name}, who cannot pass ${barrier}`,
      )
    }
    const home = await vacantHome(folder, shared)
    onEvent({
      step: 'moved',
      text: `${account.name} cannot pass ${barrier}: the cluster of ${folder} lives in ${home}`,
    })
    await writeFile(join(folder, 'moved-to'), `${home}\n`, { mode: 0o600 })
    return settleHome(placeAt(folder, home), shared)
  }
  return settleHome(known, shared)
}

async function settleHome(place: Place, shared: string): Promise<Place> {
  await openFolder(shared)
  await openFolder(place.home)
  // For the operator who finds it and wonders.
  await writeFile(join(place.home, 'belongs-to'), `${place.folder}\n`)
  return place
}

/**
 * The hash of the path, or the next number if that is taken: then the folder was deleted and with it pointer and password, by
 * someone who wanted to begin anew. The former cluster is neither opened again nor deleted.
 */
async function vacantHome(folder: string, shared: string): Promise<string> {
  const first = join(shared, homeName(folder))
  let home = first
  for (let n = 2; (await stat(home).catch(() => null)) !== null; n++) home = `${first}-${n}`
  return home
}

/** Homes of clusters that the same folder pointed to before it was deleted and made again. */
export async function formerHomes({ folder, home }: Place): Promise<Place[]> {
  if (home === folder) return []
  const names = await readdir(dirname(home))
  return names
    .filter((name) => name.startsWith(homeName(folder)) && name !== basename(home))
    .map((name) => placeAt(folder, join(dirname(home), name)))
}

function homeName(folder: string): string {
  return createHash('sha256').update(folder).digest('hex').slice(0, 16)
}

function placeAt(folder: string, home: string): Place {
  return { folder, home, data: join(home, 'data'), log: join(home, 'postgres.log') }
}
