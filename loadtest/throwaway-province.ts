import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importTokenKeys } from '../src/access/token-keys.ts'
import { todayInVietnam } from '../src/calendar.ts'
import {
  dataFolder,
  dataKeysOf,
  makeDataFolder,
  rolePasswordsOf,
  sealKeyOf,
  tokenKeysOf,
} from '../src/cli/data-folder.ts'
import { saveDemoClients } from '../src/cli/demo-clients.ts'
import { startEmbedded } from '../src/cli/embedded/start.ts'
import { loadProvince } from '../src/cli/load-province.ts'
import { appUrlOf, embeddedUrl, projectorUrlOf, sealerUrlOf, senderUrlOf } from '../src/cli/owner-url.ts'
import { configSchema } from '../src/config.ts'
import type { DataKeysFile } from '../src/data-keys.ts'
import { connect, type Sql } from '../src/db/connect.ts'
import { ensureDatabase } from '../src/db/database.ts'
import { migrateSchema } from '../src/db/migrate.ts'
import { ensureRoles } from '../src/db/roles.ts'

export interface Province {
  readonly seed: string
  readonly baseDate: ReturnType<typeof todayInVietnam>
}

/** A province on a PostgreSQL of its own, as the demo makes it, for a campaign that starts its own servers. */
export interface ThrowawayProvince {
  readonly owner: Sql
  /** As the request role. */
  readonly appUrl: string
  /** As the role of `kiemthe project`. */
  readonly projectorUrl: string
  /** The environment of `kiemthe seal`. */
  readonly sealer: Readonly<Record<string, string>>
  /** The database of `kiemthe send`. */
  readonly senderUrl: string
  readonly ownerUrl: string
  readonly keysFolder: string
  readonly dataKeys: DataKeysFile
  readonly tokenKeys: Awaited<ReturnType<typeof importTokenKeys>>
  readonly serviceId: string
  readonly province: Province
}

/** Gone when the work ends, however it ends. PostgreSQL waits for its disk (fsync on), as in life. */
export async function withThrowawayProvince(
  name: string,
  records: number,
  say: (line: string) => void,
  work: (made: ThrowawayProvince) => Promise<void>,
): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), `kiemthe-${name}-`))
  await chmod(parent, 0o755) // the account of PostgreSQL must pass
  const folder = dataFolder(join(parent, 'data'))
  await makeDataFolder(folder)
  const postgres = await startEmbedded({ folder: folder.clusterFolder })
  try {
    await ensureDatabase(embeddedUrl(postgres.password, postgres.port, 'postgres'), 'kiemthe')
    const ownerUrl = embeddedUrl(postgres.password, postgres.port, 'kiemthe')
    const owner = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: name })
    const passwords = await rolePasswordsOf(folder)
    await ensureRoles(owner, passwords)
    await migrateSchema(ownerUrl)
    await saveDemoClients(owner, folder, new Date())
    const dataKeys = await dataKeysOf(folder)
    const province = { seed: name, baseDate: todayInVietnam(new Date()) }
    await loadProvince({ ownerUrl, dataKeys, province, records, say, signal: new AbortController().signal })
    await sealKeyOf(folder)
    await work({
      owner,
      appUrl: appUrlOf(ownerUrl, passwords),
      projectorUrl: projectorUrlOf(ownerUrl, passwords),
      sealer: {
        DATABASE_URL: sealerUrlOf(ownerUrl, passwords),
        SEAL_KEY_FILE: folder.sealKeyFile,
        SEAL_MARK_FILE: folder.sealMarkFile,
      },
      senderUrl: senderUrlOf(ownerUrl, passwords),
      ownerUrl,
      keysFolder: folder.path,
      dataKeys,
      tokenKeys: await importTokenKeys(await tokenKeysOf(folder)),
      serviceId: configSchema.shape.SERVICE_ID.parse(undefined),
      province,
    })
    await owner.end()
  } finally {
    await postgres.stop()
    await rm(parent, { recursive: true, force: true })
  }
}
