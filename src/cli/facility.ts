import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { parseFacilityCode, ROLE_SCOPES } from '../access/principal.ts'
import { revokeKeys, saveClient } from '../access/store.ts'
import { makeSigningKey } from '../access/token-keys.ts'
import { connect } from '../db/connect.ts'
import { isInCatalogue } from '../facility/store.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder, writeSecret } from './data-folder.ts'
import { ownerUrlOf } from './owner-url.ts'
import { UsageError } from './usage-error.ts'

/** A facility's key is renewed once a year; the month before, the operator is told. */
const KEY_LIFE_MS = 365 * 86_400_000

/**
 * `kiemthe facility add | rotate-key | revoke CODE`, as the database's owner (DATABASE_URL, or the running demo).
 * `add` and `rotate-key` write a private key to --out (mode 0600) and keep the public half; `rotate-key` leaves the
 * former key in force until it is revoked. `revoke` ends keys, and with them their tokens, within 5 s everywhere.
 */
export async function facility(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    { data: { type: 'string', default: DATA_FOLDER }, out: { type: 'string' }, key: { type: 'string' } },
    true,
  )
  const [verb, text] = positionals
  const code = parseFacilityCode(text ?? '')
  if (code === null || positionals.length !== 2) throw new UsageError('facility add | rotate-key | revoke CODE')
  const ownerUrl = await ownerUrlOf(dataFolder(values.data))
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 10_000, applicationName: 'kiemthe facility' })
  const clientId = `facility:${code}`
  try {
    switch (verb) {
      case 'add':
      case 'rotate-key': {
        if (!(await isInCatalogue(sql, code))) throw new UsageError(`the catalogue has no facility ${code}`)
        const { d, kid, ...jwk } = await makeSigningKey(`${code}-${randomBytes(4).toString('hex')}`)
        const out = values.out ?? `${clientId.replace(':', '-')}.jwk.json`
        await writeFile(out, '', { mode: 0o600, flag: 'wx' }).catch(() => {
          throw new UsageError(`${out} is there already, or cannot be written; choose another --out`)
        })
        await writeSecret(out, { kid, ...jwk, d })
        const client = { clientId, facility: code, scopes: ROLE_SCOPES.facility }
        const expiresAt = new Date(Date.now() + KEY_LIFE_MS)
        await saveClient(sql, client, { keyId: kid, publicJwk: jwk, expiresAt })
        process.stderr.write(
          `${clientId}: key ${kid} is in force until ${expiresAt.toISOString().slice(0, 10)}, private half in ${out}\n`,
        )
        return
      }
      case 'revoke': {
        const revoked = await revokeKeys(sql, clientId, values.key ?? null)
        process.stderr.write(`${clientId}: ${revoked} key${revoked === 1 ? '' : 's'} revoked\n`)
        return
      }
      default:
        throw new UsageError('facility add | rotate-key | revoke CODE')
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}
