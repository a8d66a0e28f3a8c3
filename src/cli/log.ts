import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { connect } from '../db/connect.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, type DataFolder, dataFolder } from './data-folder.ts'
import { acceptBehind } from './log/accept-behind.ts'
import type { Outside } from './log/known.ts'
import { succeed } from './log/succeed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { UsageError } from './usage-error.ts'

const USAGE = [
  'log succeed --reason "why the entries are lost for good": the log ends, another one begins',
  'log accept-behind --reason "…": the same log goes on, where nothing that was published is lost',
].join('\n')
const REASON_CHARACTERS_MAX = 1_000
const DEEDS = { succeed, 'accept-behind': acceptBehind }

/** `kiemthe log`, as the database's owner, while nothing serves: for a database that is behind what is known of its log. */
export async function log(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    { data: { type: 'string', default: DATA_FOLDER }, reason: { type: 'string' } },
    true,
  )
  const reason = values.reason?.trim() ?? ''
  const asked = positionals.join(' ')
  const deed = asked === 'succeed' || asked === 'accept-behind' ? DEEDS[asked] : null
  if (deed === null || reason === '' || reason.length > REASON_CHARACTERS_MAX) throw new UsageError(USAGE)
  const folder = dataFolder(values.data)
  const outside = await outsideOf(folder)
  const ownerUrl = await ownerUrlOf(folder)
  const keys = await ownerDataKeys(folder)
  // all entries are read, and the keys of idempotency change their log: the operator waits
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe log' })
  try {
    await deed(sql, keys, outside, reason)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** By the environment, as the commands that write them have it; where it is silent, as the demo's folder has them. */
async function outsideOf(folder: DataFolder): Promise<Outside> {
  const fileOf = async (variable: string, otherwise: string) => {
    const set = process.env[variable]
    if (set) return resolve(set)
    return access(otherwise).then(
      () => otherwise,
      () => null,
    )
  }
  return {
    logMarkFile: await fileOf('LOG_MARK_FILE', folder.logMarkFile),
    sealMarkFile: await fileOf('SEAL_MARK_FILE', folder.sealMarkFile),
    policyFile: await fileOf('WITNESS_POLICY_FILE', folder.witnessPolicyFile),
  }
}
