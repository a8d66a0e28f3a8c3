import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { World } from './service.ts'

/** The keys of a world as files, for a server in a process of its own. */
export async function keysFolder(world: World): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `kiemthe-keys-${process.pid}-`))
  await writeFile(join(path, 'data-keys.json'), JSON.stringify(world.dataKeys), { mode: 0o600 })
  await writeFile(join(path, 'token-keys.json'), JSON.stringify(world.tokenKeys), { mode: 0o600 })
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
