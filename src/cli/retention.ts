import { connect } from '../db/connect.ts'
import { isCaseNumber, type WriteDeed } from '../erasure/hold.ts'
import { retain } from '../erasure/retention.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'retention | retention --erase REQUEST --reason "why"'

/** `kiemthe retention`, as the database's owner: which details are past their time; with --erase they go. */
export async function retention(args: string[]): Promise<void> {
  const { values } = readArguments(args, {
    data: { type: 'string', default: DATA_FOLDER },
    erase: { type: 'string' },
    reason: { type: 'string', default: '' },
  })
  const { erase: request } = values
  const reason = values.reason.trim()
  if (request !== undefined && (!isCaseNumber(request) || reason === '')) throw new UsageError(USAGE)
  const folder = dataFolder(values.data)
  const url = await ownerUrlOf(folder)
  const sql = connect(url, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe retention' })
  try {
    const keys = await ownerDataKeys(folder)
    const erase =
      request === undefined
        ? null
        : {
            request,
            reason,
            deed: ((kind, outcome, details) => operatorDeed(keys, kind, null, outcome, details)) satisfies WriteDeed,
          }
    const kept = await retain(sql, keys, new Date(), erase)
    if (kept.outcome === 'held') {
      const lines = kept.holds.map((each) => `  ${each.hold} since ${each.placedAt} (${each.covers}): ${each.reason}`)
      throw new UsageError(['refused, nothing more was erased: under a legal hold', ...lines].join('\n'))
    }
    for (const { rule, before, entries } of kept.overdue) {
      const { what, years, source } = rule
      process.stdout.write(`${JSON.stringify({ what, years, before, entries, done: kept.outcome, source })}\n`)
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}
