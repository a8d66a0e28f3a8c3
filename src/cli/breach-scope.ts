import { readClientId } from '../access/principal.ts'
import { appendDeed } from '../audit/log.ts'
import { noAct } from '../audit/store.ts'
import { connect } from '../db/connect.ts'
import { breachScope } from '../erasure/breach.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'breach-scope --client facility:38001 --from 2026-11-24T00:00:00Z --to 2026-11-25T00:00:00Z [--list]'

/**
 * `kiemthe breach-scope`, as the database's owner: whom a client saw in a time, as JSON on standard output; with --list
 * also which entries, and what their people are called in the log. No key opens whose pseudonyms these are.
 */
export async function breachScopeCommand(args: string[]): Promise<void> {
  const { values } = readArguments(args, {
    data: { type: 'string', default: DATA_FOLDER },
    client: { type: 'string', default: '' },
    from: { type: 'string', default: '' },
    to: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
  })
  const [from, to] = [Date.parse(values.from), Date.parse(values.to)]
  if (readClientId(values.client) === null || !(from < to)) throw new UsageError(USAGE)
  const time = { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
  const folder = dataFolder(values.data)
  const url = await ownerUrlOf(folder)
  const sql = connect(url, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe breach' })
  try {
    const keys = await ownerDataKeys(folder)
    const scope = await breachScope(sql, keys, values.client, time)
    const counted = { ...scope, entries: scope.entries.length, persons: scope.persons.length }
    const outcome = { entries: counted.entries, persons: counted.persons }
    await appendDeed(sql, operatorDeed(keys, 'breachScoped', null, outcome, { client: values.client, ...time }), noAct)
    process.stdout.write(`${JSON.stringify(values.list ? { ...counted, list: scope } : counted, null, 2)}\n`)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
