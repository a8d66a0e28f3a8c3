import { resolve } from 'node:path'
import { appendBatch } from '../audit/log.ts'
import { connect } from '../db/connect.ts'
import { endBeside, isBehind, readMark, writeMark } from '../host/log-mark.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'log accept-behind --reason "why the entries are lost for good"'
const REASON_CHARACTERS_MAX = 1_000

/**
 * `kiemthe log accept-behind`, as the database's owner, while nothing serves: the log goes on from where the restored
 * database ends. That is an entry itself, with the range that the mark knew and the log has not. After a kill between
 * entry and mark it is run again.
 */
export async function log(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    { data: { type: 'string', default: DATA_FOLDER }, reason: { type: 'string' } },
    true,
  )
  const reason = values.reason?.trim() ?? ''
  if (positionals.join(' ') !== 'accept-behind' || reason === '' || reason.length > REASON_CHARACTERS_MAX) {
    throw new UsageError(USAGE)
  }
  const folder = dataFolder(values.data)
  const path = resolve(process.env['LOG_MARK_FILE'] || folder.logMarkFile)
  const mark = await readMark(path)
  if (mark === null) throw new UsageError(`there is no mark ${path}: set LOG_MARK_FILE, or name the folder with --data`)
  const ownerUrl = await ownerUrlOf(folder)
  const keys = await ownerDataKeys(folder)
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 10_000, applicationName: 'kiemthe log' })
  try {
    const query = <T>(run: (on: typeof sql) => Promise<T>) => run(sql)
    const end = await endBeside(query, mark)
    if (!isBehind(mark, end)) throw new UsageError('the log is not behind its mark: nothing to accept')
    const outcome = {
      logSize: end.size,
      markSize: mark.size,
      markLeafHash: mark.lastLeafHash,
      // where another log of that length parted from ours, the mark does not know
      missingFrom: end.size < mark.size ? end.size : null,
      missingTo: mark.size - 1,
    }
    const [appended] = await appendBatch(sql, keys, [
      operatorDeed(keys, 'logBehindAccepted', null, outcome, { reason }),
    ])
    if (appended instanceof Error || appended?.outcome !== 'appended')
      throw appended ?? new Error('one row was offered')
    await writeMark(path, await endBeside(query, null))
    const range =
      outcome.missingFrom === null ? `up to ${outcome.missingTo}` : `${outcome.missingFrom}–${outcome.missingTo}`
    process.stderr.write(`entry ${appended.index}: entries ${range} of the former log are lost; the log goes on\n`)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
