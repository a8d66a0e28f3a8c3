import type { FacilityCode } from '../access/principal.ts'
import { appendDeed } from '../audit/log.ts'
import { INSURER_USERNAME, insurerLogin, sealLogin } from '../claim-share/send/login.ts'
import { settingLogin } from '../claim-share/send/store.ts'
import { connect } from '../db/connect.ts'
import type { DataFolder } from './data-folder.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { UsageError } from './usage-error.ts'

const PASSWORD_BYTES_MAX = 1_024

/**
 * A facility's own account at the insurer's portal: its password comes on standard input, since arguments are read by
 * everybody on the machine, and only what the portal takes for it (MD5) is kept, sealed. An entry of the log says that
 * it was set, and nothing of it. `username` null: it is forgotten.
 */
export async function setInsurerLogin(
  folder: DataFolder,
  facility: FacilityCode,
  username: string | null,
): Promise<void> {
  if (username !== null && !INSURER_USERNAME.test(username))
    throw new UsageError('--username: 1 to 100 visible characters')
  const password = username === null ? null : await readPassword()
  const keys = await ownerDataKeys(folder)
  const sql = connect(await ownerUrlOf(folder), {
    connectionsMax: 1,
    statementTimeoutMs: 10_000,
    applicationName: 'kiemthe facility',
  })
  try {
    const sealed =
      username === null || password === null ? null : sealLogin(keys, facility, insurerLogin(username, password))
    const outcome = { set: sealed === null ? 'removed' : 'set' }
    const row = operatorDeed(keys, 'insurerLoginSet', facility, outcome, { username })
    const result = await appendDeed(sql, row, (with_) => settingLogin(with_, facility, sealed, new Date()))
    const said = result === 'done' ? (sealed === null ? 'is forgotten' : `is kept, as ${username}`) : 'was not there'
    process.stderr.write(`${facility}: its account at the insurer ${said}\n`)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** One line. */
async function readPassword(): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > PASSWORD_BYTES_MAX) throw new UsageError('the password on standard input is too long')
    parts.push(part)
  }
  const password = Buffer.concat(parts)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (password === '' || password.includes('\n')) {
    throw new UsageError('no password came in on standard input: one line')
  }
  return password
}
