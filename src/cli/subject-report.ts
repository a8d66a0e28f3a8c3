import { appendDeed } from '../audit/log.ts'
import { noAct } from '../audit/store.ts'
import { connect } from '../db/connect.ts'
import { isCaseNumber } from '../erasure/hold.ts'
import { reportOn } from '../erasure/subject-report.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { readNumbers } from './read-numbers.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'subject-report REQUEST < numbers, one a line > report.json'

/**
 * `kiemthe subject-report`, as the database's owner: all that is held about a person, as JSON on standard output. That it
 * was made is an entry of the log before it is written out.
 */
export async function subjectReport(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, { data: { type: 'string', default: DATA_FOLDER } }, true)
  const [request] = positionals
  if (request === undefined || positionals.length > 1 || !isCaseNumber(request)) throw new UsageError(USAGE)
  const folder = dataFolder(values.data)
  const url = await ownerUrlOf(folder)
  const sql = connect(url, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe report' })
  try {
    const keys = await ownerDataKeys(folder)
    const numbers = await readNumbers()
    if (numbers.length === 0) throw new UsageError('no numbers came in on standard input: about whom?')
    const { report, places } = await reportOn(sql, keys, numbers, new Date())
    if (report.people > 1) throw new UsageError(`refused: the numbers are of ${report.people} people`)
    const outcome = { request, entries: places.length }
    await appendDeed(sql, operatorDeed(keys, 'subjectReport', null, outcome, { entries: places }), noAct)
    process.stdout.write(`${JSON.stringify({ request, madeAt: new Date().toISOString(), ...report }, null, 2)}\n`)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
