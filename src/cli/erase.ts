import { connect, type Sql } from '../db/connect.ts'
import { detailBytes, dropOldWal, rewriteDetails } from '../db/scrub.ts'
import { eraseDetailsOf } from '../erasure/erase.ts'
import { isCaseNumber } from '../erasure/hold.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { operatorDeed } from './operator-deed.ts'
import { ownerDataKeys } from './owner-keys.ts'
import { ownerUrlOf } from './owner-url.ts'
import { createProgress, type Progress } from './progress.ts'
import { readNumbers } from './read-numbers.ts'
import { UsageError } from './usage-error.ts'

const USAGE = `erase REQUEST --reason "why" [--dry-run] < numbers, one a line
       erase --scrub`

/**
 * `kiemthe erase`, as the database's owner, beside the running service. `--scrub` then takes the bytes away that
 * deleted rows leave in the data folder; it stops recording while it runs, so it is a step of its own.
 */
export async function erase(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    {
      data: { type: 'string', default: DATA_FOLDER },
      reason: { type: 'string', default: '' },
      'dry-run': { type: 'boolean', default: false },
      scrub: { type: 'boolean', default: false },
    },
    true,
  )
  const { scrub, reason, 'dry-run': dryRun } = values
  const [request] = positionals
  if (positionals.length > 1 || scrub !== (request === undefined) || (scrub && dryRun)) throw new UsageError(USAGE)
  const folder = dataFolder(values.data)
  const sql = connect(await ownerUrlOf(folder), {
    connectionsMax: 1,
    statementTimeoutMs: 0,
    applicationName: 'kiemthe erase',
  })
  try {
    if (request === undefined) return await scrubAll(sql)
    if (!isCaseNumber(request))
      throw new UsageError('the request has a number like YC-2026/12: letters, digits and ./_-')
    if (reason.trim() === '' && !dryRun) throw new UsageError(USAGE)
    const keys = await ownerDataKeys(folder)
    const numbers = await readNumbers()
    if (numbers.length === 0) throw new UsageError('no numbers came in on standard input: whose details?')
    let shown: Progress | null = null
    const erased = await eraseDetailsOf(
      sql,
      keys,
      { request, reason: reason.trim(), numbers, dryRun },
      new Date(),
      (kind, outcome, details) => operatorDeed(keys, kind, null, outcome, details),
      (seen, of) => {
        shown ??= createProgress({ label: 'looking', total: of, unit: 'entries' })
        shown.update(seen)
        if (seen === of) shown.finish()
      },
    )
    switch (erased.outcome) {
      case 'held':
        throw new UsageError(
          [
            'refused, nothing was erased: it is under a legal hold',
            ...erased.holds.map((each) => `  ${each.hold} since ${each.placedAt} (${each.covers}): ${each.reason}`),
          ].join('\n'),
        )
      case 'severalPeople':
        throw new UsageError(`refused, nothing was erased: the numbers are of ${erased.people} people`)
      case 'found':
        process.stderr.write(
          `${erased.entries} entries, of ${erased.facilities.join(', ') || 'nobody'}; nothing was erased\n`,
        )
        return
      case 'erased':
        process.stderr.write(
          `${erased.entries} entries have no details any more, and an entry says so. Their bytes stay in free room of the\n` +
            'data folder until `kiemthe erase --scrub` in a quiet hour, and in backups until they are thrown away.\n',
        )
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function scrubAll(sql: Sql): Promise<void> {
  const megabytes = Math.ceil((await detailBytes(sql)) / 1024 / 1024)
  process.stderr.write(`writing ${megabytes} MB of details anew; until it is done checks are answered 503\n`)
  await rewriteDetails(sql)
  process.stderr.write('done; now the write-ahead log\n')
  const whole = await dropOldWal(sql)
  if (!whole)
    throw new UsageError('some files of the write-ahead log stay: a standby, an archive or a backup wants them')
  process.stderr.write('done: what was erased is in no file of the database\n')
}
