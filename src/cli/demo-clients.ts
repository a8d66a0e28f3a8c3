import { z } from 'zod'
import { catalogueRows } from '../../mocks/insurer/catalogue.ts'
import { facilities } from '../../mocks/province/facilities.ts'
import { ROLE_SCOPES, readClientId } from '../access/principal.ts'
import { saveClients } from '../access/store.ts'
import { makeSigningKey } from '../access/token-keys.ts'
import type { Sql } from '../db/connect.ts'
import { loadFirstCatalogue } from '../sync/catalogue/apply.ts'
import { type DataFolder, readOrMake, readSecret, writeSecret } from './data-folder.ts'

/** Private keys of the demo's clients: in life each facility keeps its own and we hold the public half only. */
const clientsSchema = z.record(
  z.string(),
  z.strictObject({ kid: z.string(), kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string() }),
)

export type DemoClients = z.infer<typeof clientsSchema>

/** Keys of the demo are good for ten years: it has nobody who would renew them. */
const KEY_LIFE_MS = 3650 * 86_400_000
const OTHER_CLIENTS = ['auditor:demo', 'feed:vss', 'feed:vss-facilities', 'ops:demo']

/** The first catalogue, a client for each of the 669 facilities, an auditor, the feeds and ops; again and again with the same result. */
export async function saveDemoClients(sql: Sql, folder: DataFolder, now: Date): Promise<void> {
  await loadFirstCatalogue(sql, catalogueRows(), now)
  const clientIds = [...facilities().map((each) => `facility:${each.code}`), ...OTHER_CLIENTS]
  const clients = await readOrMake(folder.clientsFile, clientsSchema, async () => {
    const made: DemoClients = {}
    for (const clientId of clientIds) made[clientId] = await makeSigningKey('demo-1')
    return made
  })
  // a folder of an earlier release lacks clients that came since
  const missing = clientIds.filter((each) => clients[each] === undefined)
  for (const clientId of missing) clients[clientId] = await makeSigningKey('demo-1')
  if (missing.length > 0) await writeSecret(folder.clientsFile, clients)
  const expiresAt = new Date(now.getTime() + KEY_LIFE_MS)
  await saveClients(
    sql,
    Object.entries(clients).map(([clientId, { d: _private, kid, ...jwk }]) => {
      const client = readClientId(clientId)
      if (client === null) throw new Error(`${folder.clientsFile}: not a client id`)
      return {
        client: { clientId, facility: client.facility, scopes: ROLE_SCOPES[client.role] },
        key: { keyId: kid, publicJwk: jwk, expiresAt },
      }
    }),
  )
}

export function readDemoClients(folder: DataFolder): Promise<DemoClients | null> {
  return readSecret(folder.clientsFile, clientsSchema)
}
