import { randomUUID } from 'node:crypto'
import { type Appended, appendBatch, prepare } from '../../src/audit/log.ts'
import { type DataKeysFile, deriveDataKeys } from '../../src/data-keys.ts'
import { connect } from '../../src/db/connect.ts'
import { asked, deed } from './log.ts'

/**
 * A process that appends: forked by a test, which sends one `AppendWork` and gets one `AppendReport`. It stands for one
 * instance of the service, so it appends one batch at a time.
 */
export interface AppendWork {
  readonly url: string
  readonly dataKeys: DataKeysFile
  /** Batches of keys, in this order; null for a deed without one. All processes ask the same under a key. */
  readonly batches: readonly (readonly (string | null)[])[]
}

export interface Reported {
  readonly key: string | null
  /** What this process would have recorded. */
  readonly details: string
  readonly outcome: Appended['outcome']
  readonly index: number | null
  /** Of a repeated deed: what it was answered. */
  readonly answered: string | null
  readonly leafHash: string | null
}

export type AppendReport =
  | { readonly ok: true; readonly deeds: Reported[] }
  | { readonly ok: false; readonly why: string }

process.once('message', (work: AppendWork) => {
  run(work)
    .then(
      (report): AppendReport => ({ ok: true, deeds: report }),
      (error: unknown): AppendReport => ({ ok: false, why: describe(error) }),
    )
    .then((report) => process.send?.(report, () => process.disconnect()))
})

async function run({ url, dataKeys, batches }: AppendWork): Promise<Reported[]> {
  const keys = deriveDataKeys(dataKeys)
  const sql = connect(url, { connectionsMax: 2, statementTimeoutMs: 20_000, applicationName: 'append process' })
  const reported: Reported[] = []
  for (const batch of batches) {
    const made = batch.map((key) => {
      const details = `${process.pid} ${randomUUID()}`
      return { key, details, row: prepare(keys, key === null ? deed({ details }) : asked(key, 'one', { details })) }
    })
    const outcomes = await appendBatch(
      sql,
      keys,
      made.map((each) => each.row),
    )
    outcomes.forEach((each, n) => {
      if (each instanceof Error) throw each
      reported.push({
        key: made[n]?.key ?? null,
        details: made[n]?.details ?? '',
        outcome: each.outcome,
        index: 'index' in each ? each.index : null,
        answered: each.outcome === 'repeated' ? each.details : null,
        leafHash: each.outcome === 'repeated' ? Buffer.from(each.leafHash).toString('base64') : null,
      })
    })
  }
  await sql.end()
  return reported
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return `${error.stack ?? error.message}${error.cause === undefined ? '' : `\ncause: ${describe(error.cause)}`}`
}
