import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CATALOGUE_FEED, type CatalogueRow, catalogueRows } from '../../mocks/insurer/catalogue.ts'
import { type FeedFile, writeFeedFile } from '../../mocks/insurer/feed-file.ts'
import { saveClient } from '../../src/access/store.ts'
import { makeSigningKey } from '../../src/access/token-keys.ts'
import { takeFeed } from '../../src/cli/import.ts'
import type { World } from './service.ts'

/** What a world has before any catalogue is given. */
export const FIRST = catalogueRows().slice(0, 20)

/** The insurer's side for one world: signs catalogues, and imports them as the command does. */
export async function openCatalogue(world: World) {
  const key = await makeSigningKey('catalogue-1')
  const { d: _private, kid, ...jwk } = key
  await saveClient(
    world.owner,
    { clientId: `feed:${CATALOGUE_FEED}`, facility: null, scopes: ['sync'] },
    { keyId: kid, publicJwk: jwk, expiresAt: new Date(Date.now() + 86_400_000) },
  )
  const folder = await mkdtemp(join(tmpdir(), 'kiemthe-catalogue-'))
  const write = async (
    sequence: number,
    rows: readonly unknown[],
    of: Partial<FeedFile> & { key?: typeof key } = {},
  ) => {
    const created = new Date(Date.now() - 60_000)
    const file = { feed: CATALOGUE_FEED, sequence, kind: 'full', encoding: 'plain', asOf: created, created } as const
    return (await writeFeedFile(folder, of.key ?? key, { ...file, ...of }, rows)).path
  }
  const take = async (path: string, acceptShrink: string | null = null): Promise<string> => {
    const said: string[] = []
    const { ownerUrl, dataKeys } = world
    await takeFeed(path, { ownerUrl, dataKeys, shrinkMaxPercent: 5, acceptShrink, say: (line) => said.push(line) })
    return said.join('\n')
  }
  return {
    folder,
    key,
    write,
    take,
    give: async (sequence: number, rows: readonly unknown[]) => take(await write(sequence, rows)),
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

/** The rows with some of them changed, by code. */
export function changed(
  rows: readonly CatalogueRow[],
  changes: Readonly<Record<string, Partial<CatalogueRow>>>,
): CatalogueRow[] {
  return rows.map((each) => ({ ...each, ...changes[each.code] }))
}
