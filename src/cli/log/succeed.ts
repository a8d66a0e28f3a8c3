import { readLogEnd } from '../../audit/store.ts'
import { succeedLog } from '../../audit/succession/store.ts'
import { originOf, successionOutcome } from '../../audit/succession/successor.ts'
import type { DataKeys } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import { writeMark } from '../../host/log-mark.ts'
import { operatorDeed } from '../operator-deed.ts'
import { UsageError } from '../usage-error.ts'
import { type KnownLog, knowLog, type Outside } from './known.ts'

/**
 * The log goes no further than it is here, and its successor begins. After a kill before the statement nothing happened; after
 * it, and before the mark, the command run again finds nothing to succeed and writes the mark.
 */
export async function succeed(sql: Sql, keys: DataKeys, outside: Outside, reason: string): Promise<void> {
  const known = await knowLog(sql, outside)
  const { logId, size, mark } = known
  if (!known.isBehindMark && known.contradicting.length === 0) {
    if (mark !== null && mark.logId < logId) {
      await markEnd(sql, outside)
      throw new UsageError(`log ${logId} is the successor already, and the mark says so now`)
    }
    const silent = known.silent.length === 0 ? '' : ` (no answer from ${known.silent.join(', ')})`
    throw new UsageError(`log ${logId} is behind nothing that is known of it${silent}: there is nothing to succeed`)
  }
  const last = known.signed[0] ?? null
  const next = known.highestLog + 1
  const origin = originOf(known.origin, next)
  const markedSize = mark?.logId === logId ? mark.size : 0
  const knownSize = Math.max(last?.size ?? 0, markedSize)
  const outcome = successionOutcome({ ...known, lastCheckpoint: last, knownSize })
  const found = known.signed.map(({ size: signedSize, at }) => ({ size: signedSize, at }))
  const details = { reason, found, silent: known.silent, markSize: mark?.size ?? null }
  const row = operatorDeed(keys, 'logSucceeded', null, outcome, details)
  if (!(await succeedLog(sql, { former: logId, formerSize: size, logId: next, origin, row }))) {
    throw new UsageError('the log has changed meanwhile: does something serve on this database? Run it again')
  }
  await markEnd(sql, outside)
  say(known, knownSize, next, origin)
}

async function markEnd(sql: Sql, { logMarkFile }: Outside): Promise<void> {
  if (logMarkFile !== null) await writeMark(logMarkFile, await readLogEnd(sql, -1))
}

function say({ logId, size }: KnownLog, knownSize: number, next: number, origin: string): void {
  const lost =
    size < knownSize
      ? `entries ${size}–${knownSize - 1} are lost`
      : `it is not the log of ${knownSize} entries that was signed`
  process.stderr.write(
    [
      `log ${logId} ends with ${size} entries: ${lost}, and the first entry of log ${next} says so`,
      `log ${next} is ${origin}. Now start the sealer and the servers; the log's new key is in GET /v1/log/keys:`,
      '  witnesses take it into WITNESS_LOGS, policies as one more `log` line, verifiers beside the former one',
      '',
    ].join('\n'),
  )
}
