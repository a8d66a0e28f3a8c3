import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isAlive } from '../../src/cli/embedded/processes.ts'
import { stopEmbedded } from '../../src/cli/embedded/start.ts'

/** Followed by the pid that made it, so that a later run knows what is left over. */
const PREFIX = 'kiemthe-test-'

/** The path of a folder for a cluster, not made yet, alone in a temporary one. */
export async function throwawayFolder(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`))
  // mkdtemp makes 0700; as root the cluster would be put elsewhere.
  await chmod(parent, 0o755)
  return join(parent, 'cluster')
}

/** With its server, if one runs. */
export async function removeThrowaway(folder: string): Promise<void> {
  await stopEmbedded(folder)
  await rm(dirname(folder), { recursive: true, force: true, maxRetries: 20 })
}

/** Of runs that were killed: their servers live on, by design. */
export async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX) || isAlive(Number.parseInt(name.slice(PREFIX.length), 10))) continue
    await removeThrowaway(join(tmpdir(), name, 'cluster'))
  }
}
