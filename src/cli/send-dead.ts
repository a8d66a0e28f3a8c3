import { LOG_ID, placeOf } from '../audit/log-id.ts'
import { readClaimShareId, shareIdAt } from '../claim-share/id.ts'
import { type DeadLetter, listDeadLetters, retryDeadLetter } from '../claim-share/queue/store.ts'
import { deliveryEntry } from '../claim-share/send/entry.ts'
import { findSubject } from '../claim-share/send/store.ts'
import type { SenderDatabase } from './send-job.ts'
import { UsageError } from './usage-error.ts'

const AT_ONCE = 500

/** A line of JSON each. */
export async function listDead(database: SenderDatabase): Promise<void> {
  for await (const { place, ...letter } of deadLetters(database)) {
    process.stdout.write(`${JSON.stringify({ id: shareIdAt(place), ...letter })}\n`)
  }
}

async function* deadLetters({ query }: SenderDatabase): AsyncGenerator<DeadLetter> {
  for (let after = -1; ; ) {
    const from = after
    const letters = await query((sql) => listDeadLetters(sql, LOG_ID, from, AT_ONCE))
    yield* letters
    after = letters.at(-1)?.place ?? after
    if (letters.length < AT_ONCE) return
  }
}

/** Each is an entry: `held`, and why. Null: all there are. */
export async function retryDead(
  database: SenderDatabase,
  ids: readonly string[] | null,
  reason: string,
): Promise<void> {
  const wanted = ids?.map((id) => {
    const read = readClaimShareId(id)
    if (read === null) throw new UsageError(`${id} is no id of a claim share`)
    return placeOf(read)
  })
  const places = wanted ?? []
  if (wanted === undefined) for await (const each of deadLetters(database)) places.push(each.place)
  const counts = { done: 0, superseded: 0, notDead: 0 }
  for (const place of places) {
    const result = await retryOne(database, place, reason)
    counts[result]++
    if (result !== 'done') process.stderr.write(`${shareIdAt(place)}: ${WHY[result]}\n`)
  }
  process.stderr.write(`${counts.done} wait again\n`)
  if (counts.done < places.length) process.exitCode = 1
}

const WHY = {
  superseded: 'a later version of its visit was or may have been sent; this one would take it back',
  notDead: 'is no dead letter',
} as const

async function retryOne({ query, keys }: SenderDatabase, place: number, reason: string) {
  const share = await query((sql) => findSubject(sql, LOG_ID, place))
  if (share === null) return 'notDead'
  const now = new Date()
  const said = { status: 'held', maKetQua: null, receipt: null, errors: [], reason: `retried: ${reason}` } as const
  const row = deliveryEntry(keys(), now, { place, ...share }, said)
  return query((sql) => retryDeadLetter(sql, LOG_ID, row, place, now))
}
