import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import {
  CLIENT_KEY_LIFE_MS,
  ENROLMENT_LIFE_MS,
  ENROLMENT_TRIES,
  enrolmentDigest,
  makeEnrolmentCode,
} from '../access/enrolment.ts'
import type { AccessScope, ClientId, FacilityCode } from '../access/principal.ts'
import { addingKey, openEnrolment, revokingKeys } from '../access/store.ts'
import { makeSigningKey } from '../access/token-keys.ts'
import { appendDeed } from '../audit/log.ts'
import type { DataKeys } from '../data-keys.ts'
import { connect, type Sql } from '../db/connect.ts'
import { dataFolder, writeSecret } from './data-folder.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { UsageError } from './usage-error.ts'

/** What `facility` and `client` do with the keys of one client: each is an entry of the log, in the statement that does it. */
export interface KeyOwner {
  readonly clientId: ClientId
  readonly facility: FacilityCode | null
  readonly scopes: readonly AccessScope[]
}

/** As the database's owner: DATABASE_URL, or the running demo of that folder. */
export async function asOwner(data: string, name: string, work: (sql: Sql, keys: DataKeys) => Promise<void>) {
  const folder = dataFolder(data)
  const ownerUrl = await ownerUrlOf(folder)
  const keys = await ownerDataKeys(folder)
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 10_000, applicationName: `kiemthe ${name}` })
  try {
    await work(sql, keys)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

export function codesExpireAt(): Date {
  return new Date(Date.now() + ENROLMENT_LIFE_MS)
}

/** A one-time code by which the client registers a key; a former one is void. Nobody can be shown it again. */
export async function openCode(sql: Sql, keys: DataKeys, client: KeyOwner, expiresAt: Date): Promise<string> {
  const { clientId, facility, scopes } = client
  const secret = makeEnrolmentCode()
  const row = operatorDeed(
    keys,
    'enrolmentOpened',
    facility,
    { client: clientId, scopes: scopes.join(' ') },
    { expiresAt },
  )
  const digest = enrolmentDigest(keys, clientId, secret)
  await appendDeed(sql, row, (with_) => openEnrolment(with_, client, { digest, expiresAt, tries: ENROLMENT_TRIES }))
  return secret
}

export async function makeKey(sql: Sql, keys: DataKeys, client: KeyOwner, out: string): Promise<void> {
  const { clientId, facility, scopes } = client
  const name = clientId.slice(clientId.indexOf(':') + 1)
  const { d, kid, ...jwk } = await makeSigningKey(`${name}-${randomBytes(4).toString('hex')}`)
  await writeFile(out, '', { mode: 0o600, flag: 'wx' }).catch(() => {
    throw new UsageError(`${out} is there already, or cannot be written; choose another --out`)
  })
  await writeSecret(out, { kid, ...jwk, d })
  const expiresAt = new Date(Date.now() + CLIENT_KEY_LIFE_MS)
  const outcome = { client: clientId, key: kid, by: 'operator', scopes: scopes.join(' ') }
  const row = operatorDeed(keys, 'clientKeyEnrolled', facility, outcome, { publicJwk: jwk, expiresAt })
  await appendDeed(sql, row, (with_) => addingKey(with_, client, { keyId: kid, publicJwk: jwk, expiresAt }))
  process.stderr.write(
    `${clientId}: key ${kid} is in force until ${expiresAt.toISOString().slice(0, 10)}, private half in ${out}\n`,
  )
}

/** All keys and a code that was not used yet, or one key. */
export async function revoke(
  sql: Sql,
  keys: DataKeys,
  { clientId, facility }: Pick<KeyOwner, 'clientId' | 'facility'>,
  keyId: string | null,
): Promise<void> {
  const row = operatorDeed(keys, 'clientKeyRevoked', facility, { client: clientId, key: keyId ?? 'all' }, {})
  const result = await appendDeed(sql, row, (with_) => revokingKeys(with_, clientId, keyId))
  const what = keyId === null ? 'all its keys are' : `key ${keyId} is`
  process.stderr.write(
    result === 'done' ? `${clientId}: ${what} revoked\n` : `${clientId}: no such key was in force, 0 keys revoked\n`,
  )
}
