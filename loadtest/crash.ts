import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { person, personsForRecords } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../src/access/access-token.ts'
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
import { broken, crashRun } from './crash-run.ts'
import type { Ask } from './keyed-load.ts'
import { seeded } from './seeded.ts'

const CLIENTS = ['facility:38001', 'facility:38002', 'facility:38003', 'facility:38004']

/**
 * Kills `kiemthe serve` under load, N times, on a PostgreSQL of its own that waits for its disk (fsync on). Ends with 1
 * when an answer was lost, a request was recorded twice, or the log has a gap.
 */
export async function crash(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      kills: { type: 'string', default: '500' },
      seed: { type: 'string', default: '1' },
      cards: { type: 'string', default: '20000' },
      desks: { type: 'string', default: '32' },
    },
  })
  const [kills, seed, cards, desks] = [values.kills, values.seed, values.cards, values.desks].map(Number)
  if (!kills || seed === undefined || !Number.isInteger(seed) || !cards || !desks) throw new TypeError('whole numbers')

  const parent = await mkdtemp(join(tmpdir(), 'kiemthe-crash-'))
  await chmod(parent, 0o755) // the account of PostgreSQL must pass
  const folder = dataFolder(join(parent, 'data'))
  await makeDataFolder(folder)
  const postgres = await startEmbedded({ folder: folder.clusterFolder })
  try {
    await ensureDatabase(embeddedUrl(postgres.password, postgres.port, 'postgres'), 'kiemthe')
    const ownerUrl = embeddedUrl(postgres.password, postgres.port, 'kiemthe')
    const owner = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'crash' })
    const passwords = await rolePasswordsOf(folder)
    await ensureRoles(owner, passwords)
    await migrateSchema(ownerUrl)
    await saveDemoClients(owner, folder, new Date())
    const dataKeys = await dataKeysOf(folder)
    const province = { seed: 'crash', baseDate: todayInVietnam(new Date()) }
    const signal = new AbortController().signal
    await loadProvince({ ownerUrl, dataKeys, province, records: cards, say, signal })

    const tokens = await renewedTokens(await importTokenKeys(await tokenKeysOf(folder)))
    const appUrl = new URL(ownerUrl)
    appUrl.username = APP_ROLE
    appUrl.password = passwords.app
    const people = personsForRecords(cards)
    const began = performance.now()
    const figures = await crashRun({
      serve: { databaseUrl: appUrl.href, keysFolder: folder.path, port: await anyFreePort() },
      owner,
      dataKeys,
      kills,
      desks,
      random: seeded(seed),
      tokenOf: (client) => tokens.of(client),
      makeAsk: (n): Ask => ({
        key: `crash-${seed}-${n}`,
        client: CLIENTS[n % CLIENTS.length] ?? '',
        body: JSON.stringify({
          evidence: { kind: 'chipIdQr', text: chipIdQrText(person(province, (n * 7_919) % people)) },
          serviceDate: province.baseDate,
          purpose: 'arrival',
        }),
      }),
      onKill: (done, acknowledged) => {
        if (done % 25 === 0 || done === kills) say(`${done}/${kills} kills, ${acknowledged} acknowledged`)
      },
    })
    tokens.stop()
    await owner.end()
    process.stdout.write(`${JSON.stringify({ seed, minutes: minutesSince(began), ...figures }, null, 2)}\n`)
    const wrong = broken(figures)
    if (wrong.length > 0) process.exitCode = 1
    say(wrong.length === 0 ? 'every promise held' : `BROKEN: ${wrong.join('; ')}`)
  } finally {
    await postgres.stop()
    await rm(parent, { recursive: true, force: true })
  }
}

/** Tokens of the clients, made anew long before they expire. */
async function renewedTokens(keys: Awaited<ReturnType<typeof importTokenKeys>>) {
  const serviceId = configSchema.shape.SERVICE_ID.parse(undefined)
  const tokens = new Map<string, string>()
  const renew = async () => {
    for (const clientId of CLIENTS) {
      const issue = { clientId, keyId: 'demo-1', scopes: ROLE_SCOPES.facility, lifeSeconds: TOKEN_LIFE_SECONDS }
      tokens.set(clientId, await issueAccessToken(keys, serviceId, new Date(), issue))
    }
  }
  await renew()
  const timer = setInterval(renew, (TOKEN_LIFE_SECONDS * 1000) / 4)
  return { of: (client: string) => tokens.get(client) ?? '', stop: () => clearInterval(timer) }
}

function minutesSince(began: number): number {
  return Math.round((performance.now() - began) / 6_000) / 10
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

if (import.meta.main) await crash(process.argv.slice(2))
