import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { person, personsForRecords } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { issueAccessToken } from '../src/access/access-token.ts'
import { ROLE_SCOPES } from '../src/access/principal.ts'
import { importTokenKeys } from '../src/access/token-keys.ts'
import { todayInVietnam } from '../src/calendar.ts'
import { dataFolder, dataKeysOf, makeDataFolder, rolePasswordsOf, tokenKeysOf } from '../src/cli/data-folder.ts'
import { saveDemoClients } from '../src/cli/demo-clients.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import { startEmbedded } from '../src/cli/embedded/start.ts'
import { loadProvince } from '../src/cli/load-province.ts'
import { embeddedUrl } from '../src/cli/owner-url.ts'
import { configSchema } from '../src/config.ts'
import { connect } from '../src/db/connect.ts'
import { ensureDatabase } from '../src/db/database.ts'
import { migrateSchema } from '../src/db/migrate.ts'
import { APP_ROLE, ensureRoles } from '../src/db/roles.ts'
import { documentFuzz } from './document-fuzz.ts'
import { seeded } from './seeded.ts'
import { startServe } from './serve-process.ts'

const RECORDS = 2_000

/** The fuzz made from the OpenAPI document, at full size, on a server and a PostgreSQL of its own. Ends with 1 on any fault. */
export async function fuzz(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { requests: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
  })
  const [requests, seed] = [Number(values.requests), Number(values.seed)]
  const parent = await mkdtemp(join(tmpdir(), 'kiemthe-fuzz-'))
  await chmod(parent, 0o755) // the account of PostgreSQL must pass
  const folder = dataFolder(join(parent, 'data'))
  await makeDataFolder(folder)
  const postgres = await startEmbedded({ folder: folder.clusterFolder })
  try {
    await ensureDatabase(embeddedUrl(postgres.password, postgres.port, 'postgres'), 'kiemthe')
    const ownerUrl = embeddedUrl(postgres.password, postgres.port, 'kiemthe')
    const owner = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'fuzz' })
    const passwords = await rolePasswordsOf(folder)
    await ensureRoles(owner, passwords)
    await migrateSchema(ownerUrl)
    await saveDemoClients(owner, folder, new Date())
    const dataKeys = await dataKeysOf(folder)
    const province = { seed: 'fuzz', baseDate: todayInVietnam(new Date()) }
    const signal = new AbortController().signal
    await loadProvince({ ownerUrl, dataKeys, province, records: RECORDS, say: () => {}, signal })
    const tokenKeys = await importTokenKeys(await tokenKeysOf(folder))
    const serviceId = configSchema.shape.SERVICE_ID.parse(undefined)
    const issue = (clientId: string, role: 'facility' | 'auditor') => {
      const claims = { clientId, keyId: 'demo-1', scopes: ROLE_SCOPES[role], lifeSeconds: 3_600 }
      return issueAccessToken(tokenKeys, serviceId, new Date(), claims)
    }
    const tokens = {
      facility: await issue('facility:38001', 'facility'),
      auditor: await issue('auditor:demo', 'auditor'),
    }
    const appUrl = new URL(ownerUrl)
    appUrl.username = APP_ROLE
    appUrl.password = passwords.app
    const server = await startServe({ databaseUrl: appUrl.href, keysFolder: folder.path, port: await anyFreePort() })
    const began = performance.now()
    const figures = await documentFuzz({
      url: server.url,
      document: await readFile(new URL('../src/http/openapi.json', import.meta.url), 'utf8'),
      requests,
      random: seeded(seed),
      bodies: Array.from({ length: 200 }, (_, n) => ({
        evidence: { kind: 'chipIdQr', text: chipIdQrText(person(province, n % personsForRecords(RECORDS))) },
        serviceDate: province.baseDate,
        purpose: 'arrival',
      })),
      tokenOf: (role) => tokens[role],
    })
    const seconds = Math.round((performance.now() - began) / 1000)
    await server.terminate()
    const [head] = await owner<{ size: number }[]>`select size from log_head`
    await owner.end()
    const grew = Number(head?.size) === figures.deeds
    process.stdout.write(`${JSON.stringify({ seed, seconds, ...figures, logSize: head?.size }, null, 2)}\n`)
    process.stderr.write(grew && figures.wrong.length === 0 ? 'every promise held\n' : 'BROKEN\n')
    if (!grew || figures.wrong.length > 0) process.exitCode = 1
  } finally {
    await postgres.stop()
    await rm(parent, { recursive: true, force: true })
  }
}
