import { appendBatch } from '../../audit/log.ts'
import { readLogEnd } from '../../audit/store.ts'
import type { DataKeys } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import { writeMark } from '../../host/log-mark.ts'
import { operatorDeed } from '../operator-deed.ts'
import { UsageError } from '../usage-error.ts'
import { IN_DATABASE, knowLog, type Outside } from './known.ts'

/**
 * The same log goes on from where the restored database ends: only where nothing that was published is lost, or witnesses
 * and the sealer would refuse it for good. That is an entry itself, with the range that the mark knew and the log has
 * not. After a kill between entry and mark it is run again.
 */
export async function acceptBehind(sql: Sql, keys: DataKeys, outside: Outside, reason: string): Promise<void> {
  const { logId, size, mark, isBehindMark, contradicting, signed } = await knowLog(sql, outside)
  if (mark === null || outside.logMarkFile === null) {
    throw new UsageError(`there is no mark ${outside.logMarkFile}: set LOG_MARK_FILE, or name the folder with --data`)
  }
  const [published] = contradicting
  if (published !== undefined) {
    const what = `a checkpoint of ${published.size} entries was signed (${published.at})`
    throw new UsageError(`${what}: the log cannot go on; kiemthe log succeed --reason "…" opens its successor`)
  }
  if (mark.logId > logId) throw new UsageError(`there was a log ${mark.logId}: kiemthe log succeed --reason "…"`)
  if (!isBehindMark) throw new UsageError('the log is not behind its mark: nothing to accept')
  if (signed.length > 0 && signed.every(({ at }) => at === IN_DATABASE)) {
    throw new UsageError(
      'the log was sealed: set SEAL_MARK_FILE, or WITNESS_POLICY_FILE of witnesses that answer, to show that nothing published is lost',
    )
  }
  const outcome = {
    logSize: size,
    markSize: mark.size,
    markLeafHash: mark.lastLeafHash,
    // where another log of that length parted from ours, the mark does not know
    missingFrom: size < mark.size ? size : null,
    missingTo: mark.size - 1,
  }
  const [appended] = await appendBatch(sql, keys, [operatorDeed(keys, 'logBehindAccepted', null, outcome, { reason })])
  if (appended instanceof Error || appended?.outcome !== 'appended') throw appended ?? new Error('one row was offered')
  await writeMark(outside.logMarkFile, await readLogEnd(sql, -1))
  const range =
    outcome.missingFrom === null ? `up to ${outcome.missingTo}` : `${outcome.missingFrom}–${outcome.missingTo}`
  process.stderr.write(`entry ${appended.index}: entries ${range} of the former log are lost; the log goes on\n`)
}
