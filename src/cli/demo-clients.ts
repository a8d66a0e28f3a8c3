import { z } from 'zod'
import { facilities } from '../../mocks/province/facilities.ts'
import { ROLE_SCOPES, readClientId } from '../access/principal.ts'
import { saveClient } from '../access/store.ts'
import { makeSigningKey } from '../access/token-keys.ts'
import { isoDate } from '../calendar.ts'
import type { Sql } from '../db/connect.ts'
import { saveFacilities } from '../facility/store.ts'
import { type DataFolder, readOrMake, readSecret } from './data-folder.ts'

/** Private keys of the demo's clients: in life each facility keeps its own and we hold the public half only. */
const clientsSchema = z.record(
  z.string(),
  z.strictObject({ kid: z.string(), kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string() }),
)

export type DemoClients = z.infer<typeof clientsSchema>

/** Keys of the demo are good for ten years: it has nobody who would renew them. */
const KEY_LIFE_MS = 3650 * 86_400_000
/** The catalogue's facilities are valid since the last change of codes (QĐ 19/2025 and NĐ 188/2025 Đ69). */
const CATALOGUE_FROM = isoDate('2025-07-01')
const OTHER_CLIENTS = ['auditor:demo', 'feed:vss', 'ops:demo']

/** The 669 facilities, a client for each, an auditor, the feed and ops; again and again with the same result. */
export async function saveDemoClients(sql: Sql, folder: DataFolder, now: Date): Promise<void> {
  const catalogue = facilities()
  await saveFacilities(
    sql,
    catalogue.map((each) => ({ ...each, validFrom: CATALOGUE_FROM, validTo: null })),
  )
  const clientIds = [...catalogue.map((each) => `facility:${each.code}`), ...OTHER_CLIENTS]
  const clients = await readOrMake(folder.clientsFile, clientsSchema, async () => {
    const made: DemoClients = {}
    for (const clientId of clientIds) made[clientId] = await makeSigningKey('demo-1')
    return made
  })
  const expiresAt = new Date(now.getTime() + KEY_LIFE_MS)
  for (const [clientId, { d: _private, kid, ...jwk }] of Object.entries(clients)) {
    const client = readClientId(clientId)
    if (client === null) throw new Error(`${folder.clientsFile}: not a client id`)
    await saveClient(
      sql,
      { clientId, facility: client.facility, scopes: ROLE_SCOPES[client.role] },
      { keyId: kid, publicJwk: jwk, expiresAt },
    )
  }
}

export function readDemoClients(folder: DataFolder): Promise<DemoClients | null> {
  return readSecret(folder.clientsFile, clientsSchema)
}
