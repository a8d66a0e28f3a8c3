import { connect, instantText } from '../db/connect.ts'
import { replayQuarantine } from '../sync/quarantine/replay.ts'
import { countQuarantined, listQuarantined } from '../sync/quarantine/store.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { refuseBesideRenaming } from './refuse-renaming.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'quarantine list | replay'
const PAGE = 1_000

/**
 * `kiemthe quarantine`, as the database's owner. `list`: the rows that could not be taken, a line of JSON each, with their
 * place and reason and without what they say: the insurer finds them in its own file. `replay`: reads them again.
 */
export async function quarantine(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, { data: { type: 'string', default: DATA_FOLDER } }, true)
  const verb = positionals.join(' ')
  if (verb !== 'list' && verb !== 'replay') throw new UsageError(USAGE)
  const folder = dataFolder(values.data)
  const sql = connect(await ownerUrlOf(folder), {
    connectionsMax: 1,
    statementTimeoutMs: 0,
    applicationName: 'kiemthe quarantine',
  })
  try {
    if (verb === 'replay') {
      const keys = await ownerDataKeys(folder)
      refuseBesideRenaming(keys)
      const { applied, overtaken, kept } = await replayQuarantine(sql, keys, (kind, outcome, details) =>
        operatorDeed(keys, kind, null, outcome, details),
      )
      process.stderr.write(`${applied} rows applied, ${overtaken} overtaken by later batches, ${kept} kept\n`)
      return
    }
    let after = { feed: '', sequence: 0, position: -1 }
    for (;;) {
      const page = await listQuarantined(sql, after, PAGE)
      for (const { sealed: _sealed, seenAt, ...row } of page) {
        process.stdout.write(`${JSON.stringify({ ...row, seenAt: instantText(seenAt) })}\n`)
      }
      const last = page.at(-1)
      if (last === undefined) break
      after = last
    }
    for (const { feed, sequence, reason, rows } of await countQuarantined(sql)) {
      process.stderr.write(`${feed} ${sequence}: ${rows} × ${reason}\n`)
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}
