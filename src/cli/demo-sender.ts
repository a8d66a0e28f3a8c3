import { demoPortalHash } from '../../mocks/insurer/gateway/start.ts'
import { facilities } from '../../mocks/province/facilities.ts'
import { sealLogin } from '../claim-share/send/login.ts'
import { saveLogins } from '../claim-share/send/store.ts'
import { type DataKeysFile, deriveDataKeys } from '../data-keys.ts'
import { connect } from '../db/connect.ts'
import type { DataFolder } from './data-folder.ts'

/** Each facility's account at the mock of the insurer; in life set one by one, by `kiemthe facility insurer-login`. */
export async function saveDemoLogins(ownerUrl: string, file: DataKeysFile, now: Date): Promise<void> {
  const keys = deriveDataKeys(file)
  const logins = facilities().flatMap(({ code }) => {
    const username = `${code}_BV`
    const passwordHash = demoPortalHash(username)
    return passwordHash === null ? [] : [{ facility: code, sealed: sealLogin(keys, code, { username, passwordHash }) }]
  })
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe demo' })
  try {
    await saveLogins(sql, logins, now)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** All that `kiemthe send` is told beside a demo. */
export function senderEnvironment(folder: DataFolder, senderUrl: string, gatewayUrl: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    LOG_LEVEL: 'warn',
    DATABASE_URL: senderUrl,
    DATA_KEYS_FILE: folder.dataKeysFile,
    INSURER_GATEWAY_URL: gatewayUrl,
  }
}
