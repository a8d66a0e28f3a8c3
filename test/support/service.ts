import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { type RegistryCertificate, startWorkerd } from '../../loadtest/workerd.ts'
import { catalogueRows } from '../../mocks/insurer/catalogue.ts'
import { DEMO_AGREEMENT } from '../../mocks/population-registry/start.ts'
import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../../src/access/access-token.ts'
import { type AccessScope, ROLE_SCOPES, readClientId } from '../../src/access/principal.ts'
import { saveClient } from '../../src/access/store.ts'
import { importTokenKeys, makeSigningKey, type TokenKeysFile } from '../../src/access/token-keys.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { type DataKeysFile, deriveDataKeys } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { type RunningServer, startServer } from '../../src/node.ts'
import { agreementSchema } from '../../src/population/agreement.ts'
import { loadFirstCatalogue } from '../../src/sync/catalogue/apply.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { keyCheckOf, type LoadPlan, prepareChunk } from '../../src/sync/load.ts'
import { beginLoad, copyChunk, finishLoad } from '../../src/sync/store.ts'
import type { VerificationAnswer } from '../../src/verification/answer.ts'
import { type Cluster, createDatabase, databaseUrl } from './cluster.ts'

/** A key of the tests' clients; the private half stays here, as a facility's does in its own house. */
export type ClientKeyPair = TokenKeysFile['keys'][number]

/** One suite's world: a database of its own, keys, clients, and as many servers on it as the test starts. */
export interface World {
  /** As the owner: tests look at what was written, and break what they want broken. */
  readonly owner: Sql
  readonly appUrl: string
  /** As the role of `kiemthe pull`. */
  readonly syncUrl: string
  readonly ownerUrl: string
  readonly sealerUrl: string
  /** As the role of `kiemthe send`. */
  readonly senderUrl: string
  readonly projectorUrl: string
  readonly dataKeys: DataKeysFile
  readonly tokenKeys: TokenKeysFile
  readonly clients: ReadonlyMap<string, ClientKeyPair>
  /** A token as the service would issue it. */
  token(
    clientId: string,
    overrides?: { scopes?: readonly AccessScope[]; now?: Date; lifeSeconds?: number },
  ): Promise<string>
  /** On the host of the project: Node, or workerd. With `REGISTRY_URL` it has the agreement of the mock. */
  start(env?: Record<string, string>, registry?: RegistryCertificate): Promise<Running>
  close(): Promise<void>
}

export interface Running {
  readonly url: string
  readonly server: RunningServer
  /** Everything the service logged, a line each. */
  readonly log: string[]
}

export const CLIENTS = ['facility:38001', 'facility:38002', 'auditor:test', 'feed:vss', 'ops:test']

export async function createWorld(
  rows: readonly FeedRow[],
  options: { asOf?: Date; cluster?: Cluster } = {},
): Promise<World> {
  const cluster = options.cluster ?? inject('cluster')
  const database = await createDatabase(cluster)
  const ownerUrl = databaseUrl(cluster, 'postgres', cluster.password, database.name)
  const appUrl = databaseUrl(cluster, 'kiemthe_app', cluster.appPassword, database.name)
  const syncUrl = databaseUrl(cluster, 'kiemthe_sync', cluster.syncPassword, database.name)
  const sealerUrl = databaseUrl(cluster, 'kiemthe_sealer', cluster.sealerPassword, database.name)
  const senderUrl = databaseUrl(cluster, 'kiemthe_sender', cluster.senderPassword, database.name)
  const projectorUrl = databaseUrl(cluster, 'kiemthe_projector', cluster.projectorPassword, database.name)
  const owner = connect(ownerUrl, { connectionsMax: 2, statementTimeoutMs: 0, applicationName: 'test' })
  const secret = () => randomBytes(32).toString('base64')
  const dataKeys: DataKeysFile = {
    lookup: secret(),
    log: secret(),
    seal: { current: 1, generations: { '1': secret() } },
  }
  const tokenKeys: TokenKeysFile = { keys: [await makeSigningKey('token-1')] }
  const clients = await saveClients(owner)
  if (rows.length > 0) await loadRows(owner, dataKeys, rows, options.asOf ?? new Date())
  const running: RunningServer[] = []

  return {
    owner,
    appUrl,
    syncUrl,
    ownerUrl,
    sealerUrl,
    senderUrl,
    projectorUrl,
    dataKeys,
    tokenKeys,
    clients,
    token: async (clientId, overrides = {}) => {
      const role = readClientId(clientId)?.role
      if (role === undefined) throw new TypeError('not a client id')
      return issueAccessToken(await importTokenKeys(tokenKeys), SERVICE_ID, overrides.now ?? new Date(), {
        clientId,
        keyId: 'key-1',
        scopes: overrides.scopes ?? ROLE_SCOPES[role],
        lifeSeconds: overrides.lifeSeconds ?? TOKEN_LIFE_SECONDS,
      })
    },
    start: async (env = {}, registry) => {
      const log: string[] = []
      const agreement = env['REGISTRY_URL'] === undefined ? null : agreementSchema.parse(DEMO_AGREEMENT)
      const keys = { data: dataKeys, token: tokenKeys, agreement }
      const logTo = { write: (line: string) => log.push(line) }
      const bundle = inject('workerBundle')
      const server =
        bundle === undefined
          ? await startServer(
              testConfig(appUrl, { ...env, ...(agreement === null ? {} : registryFiles(registry)) }),
              keys,
              logTo,
            )
          : await startWorkerd(
              bundle,
              appUrl,
              { PUBLIC_URL, SERVICE_ID, ...FEW_CLIENTS, ...env },
              keys,
              logTo,
              registry,
            )
      running.push(server)
      return { url: `http://127.0.0.1:${server.port}`, server, log }
    },
    close: async () => {
      await Promise.all(running.map((server) => server.close()))
      await owner.end({ timeout: 5 })
      await database.drop()
    },
  }
}

function registryFiles(registry: RegistryCertificate | undefined): Record<string, string> {
  const agreement = { REGISTRY_AGREEMENT_FILE: '-' }
  if (registry === undefined) return agreement
  const { caFile, certFile, keyFile } = registry
  return { ...agreement, REGISTRY_CA_FILE: caFile, REGISTRY_CERT_FILE: certFile, REGISTRY_KEY_FILE: keyFile }
}

export const SERVICE_ID = 'urn:kiemthe:test'
export const PUBLIC_URL = 'https://kiemthe.test'

/** Suites ask with few clients, as fast as they can. */
const FEW_CLIENTS = {
  RATE_LIMIT_PER_SECOND: '1000000',
  RATE_LIMIT_BURST: '1000000',
  GUESSING_MISSES_PER_HOUR: '1000000',
  BAD_CREDENTIALS_PER_SECOND: '1000000',
  BAD_CREDENTIALS_BURST: '1000000',
  PUBLIC_READS_PER_SECOND: '1000000',
  PUBLIC_READS_BURST: '1000000',
  // they count the log's entries: what they are refused is written when the server ends, not in their midst
  REFUSED_CALLS_WINDOW_SECONDS: '86400',
}

/** The environment of a server process on this world; key files are the caller's to write. */
export function testConfig(appUrl: string, env: Record<string, string>): Config {
  return readConfig({
    PUBLIC_URL,
    SERVICE_ID,
    PORT: '0',
    DATABASE_URL: appUrl,
    DATA_KEYS_FILE: 'unused',
    TOKEN_KEYS_FILE: 'unused',
    DRAIN_TIMEOUT_MS: '5000',
    ...FEW_CLIENTS,
    ...env,
  })
}

async function saveClients(owner: Sql): Promise<Map<string, ClientKeyPair>> {
  await loadFirstCatalogue(owner, catalogueRows().slice(0, 20), new Date())
  const clients = new Map<string, ClientKeyPair>()
  for (const clientId of CLIENTS) {
    const pair = await makeSigningKey('key-1')
    const { d: _private, kid, ...jwk } = pair
    const client = readClientId(clientId)
    if (client === null) throw new TypeError('not a client id')
    await saveClient(
      owner,
      { clientId, facility: client.facility, scopes: ROLE_SCOPES[client.role] },
      { keyId: kid, publicJwk: jwk, expiresAt: new Date(Date.now() + 86_400_000) },
    )
    clients.set(clientId, pair)
  }
  return clients
}

/** Through the real loader: what tests read was checked, keyed and sealed like the province. */
export async function loadRows(
  owner: Sql,
  dataKeys: DataKeysFile,
  rows: readonly FeedRow[],
  asOf: Date,
  sequence = 1,
): Promise<void> {
  const keys = deriveDataKeys(dataKeys)
  const parts = { chunkRows: Math.max(1, rows.length), keyCheck: keyCheckOf(keys) }
  const plan: LoadPlan = { feed: 'vss', sequence, source: 'test', rows: rows.length, ...parts, asOf }
  await beginLoad(owner, plan)
  await copyChunk(owner, plan, prepareChunk(keys, plan, 0, 0, rows))
  await finishLoad(owner, plan)
}

/** An answer or a problem (RFC 9457), as far as tests look at it. */
export type Reply = Partial<VerificationAnswer> & {
  readonly type?: string
  readonly title?: string
  readonly status?: number
  readonly detail?: string
  readonly requestId?: string
  readonly errors?: readonly { pointer: string; code: string; desk: string; integrator: string }[]
}

/** Posts a verification; a text or bytes go as they are. */
export async function post(
  url: string,
  token: string | null,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: Reply }> {
  const response = await fetch(`${url}/v1/verifications`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
}
