import { z } from 'zod'
import { prepare } from '../audit/log.ts'
import { entryAt, LOG_ID } from '../audit/log-id.ts'
import { findEntry, hex } from '../audit/store.ts'
import { todayInVietnam } from '../calendar.ts'
import { type Pseudonym, visitDigest } from '../data-keys.ts'
import type { DecisionCode } from '../entitlement/decision-code.ts'
import { describeFailure } from '../event.ts'
import type { Job } from '../scope.ts'
import { type Checked, check } from '../verification/verify.ts'
import { closesAt, delayMs, firstCheckAt } from './backoff.ts'
import { type ClosingDetails, openVisit, type VisitDetails } from './details.ts'
import { visitIdOf } from './id.ts'
import {
  addVisit,
  type DueVisit,
  endVisit,
  forgetVisits,
  type LogEvent,
  moveCursor,
  postponeVisit,
  readOn,
  takeDue,
} from './store.ts'

/** Who did it, in the entries of this loop. */
const CLIENT = 'service:recheck'
/** Rows taken at once: some 5 ms each, a quarter of a second until a stop is heard. */
const TAKEN_MAX = 50
/** A taken row is another's after this long: 50 rows at the statement's deadline of 3 s, twice a row, are 5 min. */
const LEASE_MS = 5 * 60_000

/**
 * What a look-up may find later: our copy was down, old, or late. `no_match` is `not_found` in the words for typed
 * evidence, which may not tell the two apart; so neither may the status of the visit.
 */
const WAITING: ReadonlySet<DecisionCode> = new Set(['source_failed', 'source_stale', 'not_found', 'no_match'])

const bodySchema = z.object({
  kind: z.string(),
  facility: z.string(),
  outcome: z.object({ unverifiedVisit: z.int().optional() }),
})

export interface Pass {
  checked: number
  waiting: number
  closed: number
}

/**
 * One pass: read on in the log, then look up what is due. What a visit came to is an entry of the log and nothing else;
 * the row follows when the log is read. So a kill between any two statements leaves either no entry, and the row comes
 * up again after its lease, or an entry, which is read before anything is taken. Of two processes that look up one visit
 * at once the log takes one entry, by its idempotency key.
 */
export async function recheckPass(job: Job, random: () => number, signal?: AbortSignal): Promise<Pass> {
  const pass: Pass = { checked: 0, waiting: 0, closed: 0 }
  await catchUp(job)
  while (signal?.aborted !== true) {
    const now = job.now()
    const until = new Date(now.getTime() + LEASE_MS)
    const due = await job.query((sql) => takeDue(sql, LOG_ID, now, until, TAKEN_MAX))
    if (due.length === 0) break
    for (const each of due) pass[await recheck(job, each, random)]++
    await catchUp(job)
  }
  return pass
}

/** Everything again from the first entry on: the queue is a projection. */
export async function rebuild(job: Job): Promise<void> {
  await job.query((sql) => forgetVisits(sql, LOG_ID))
  await catchUp(job)
}

export async function catchUp(job: Job): Promise<void> {
  for (;;) {
    const stretch = await job.query((sql) => readOn(sql, LOG_ID))
    for (const event of stretch.events) await project(job, event)
    if (stretch.to <= stretch.from) return
    await job.query((sql) => moveCursor(sql, LOG_ID, stretch.to))
  }
}

/** An event a statement; each moves the cursor past itself, so that a kill in between repeats nothing. */
async function project(job: Job, event: LogEvent): Promise<void> {
  const { kind, facility, outcome } = bodySchema.parse(JSON.parse(event.body))
  const now = job.now()
  if (outcome.unverifiedVisit !== undefined) {
    const state = kind === 'verification' ? 'checked' : 'gaveUp'
    const end = { place: event.place, visitPlace: outcome.unverifiedVisit, state } as const
    return job.query((sql) => endVisit(sql, LOG_ID, end, now))
  }
  if (event.sealed === null) return // erased since: nobody to look up
  let details: VisitDetails
  try {
    details = openVisit(job.service.dataKeys, event.subject, event.sealed)
  } catch (error) {
    job.report('visitNotChecked', describeFailure(error)) // one damaged row may not stop all others
    return
  }
  const row = {
    place: event.place,
    facility,
    visit: visitDigest(job.service.dataKeys, facility, details.visitId),
    checkable: details.evidence !== null,
    nextCheckAt: firstCheckAt(details),
  }
  await job.query((sql) => addVisit(sql, LOG_ID, row, now))
}

async function recheck(job: Job, due: DueVisit, random: () => number): Promise<keyof Pass> {
  const at = entryAt(due.place)
  const entry = await job.query((sql) => findEntry(sql, at.logId, at.index))
  if (entry === null) throw new Error('the queue names an entry that the log does not have')
  const { facility } = bodySchema.parse(JSON.parse(entry.body))
  const visit = { due, facility, subject: entry.subject === null ? null : (hex(entry.subject) as Pseudonym) }
  if (entry.sealed === null) return close(job, visit, 'erased', due.attempts, null)

  let details: VisitDetails | null = null
  let checked: Checked | null = null
  try {
    details = openVisit(job.service.dataKeys, entry.subject, entry.sealed)
    checked = await lookUp(job, details)
  } catch (error) {
    job.report('visitNotChecked', describeFailure(error))
  }
  const code = checked?.details.answer.code ?? null
  if (checked !== null && code !== null && !WAITING.has(code)) return record(job, visit, checked)

  const now = job.now()
  const isOver = details !== null && now >= closesAt(details.presentedAt, details.recordedAt)
  if (isOver) {
    const looked = details?.evidence === null ? due.attempts : [...due.attempts, now.toISOString()]
    return close(job, visit, 'expired', looked, code ?? due.lastCode)
  }
  const next = new Date(now.getTime() + delayMs(due.attempts.length + 1, random))
  await job.query((sql) => postponeVisit(sql, LOG_ID, due.place, { at: now, code, next }))
  return 'waiting'
}

/** Null without evidence. Otherwise as if the desk had asked on the day the person stood there. */
async function lookUp(job: Job, details: VisitDetails): Promise<Checked | null> {
  if (details.evidence === null) return null
  return check(job, {
    evidence: details.evidence,
    serviceDate: todayInVietnam(new Date(details.presentedAt)),
    purpose: 'arrival',
    visit: { visitId: details.visitId },
    ...(details.officer === null ? {} : { officer: details.officer }),
  })
}

interface Visit {
  readonly due: DueVisit
  readonly facility: string
  readonly subject: Pseudonym | null
}

/** An ordinary verification of the facility. The place in its body ties it to the visit, and names nobody. */
async function record(job: Job, { due, facility }: Visit, checked: Checked): Promise<'checked'> {
  const row = prepare(job.service.dataKeys, {
    recordedAt: checked.checkedAt,
    kind: 'verification',
    facility,
    outcome: { ...checked.outcome, unverifiedVisit: due.place },
    details: JSON.stringify({ ...checked.details, unverifiedVisit: visitIdOf(entryAt(due.place)) }),
    client: CLIENT,
    subject: checked.details.person,
    idempotency: onceFor(due),
  })
  await job.append(row)
  return 'checked'
}

async function close(
  job: Job,
  { due, facility, subject }: Visit,
  reason: 'expired' | 'erased',
  attempts: readonly string[],
  lastCode: string | null,
): Promise<'closed'> {
  const details: ClosingDetails = { v: 1, unverifiedVisit: visitIdOf(entryAt(due.place)), attempts, lastCode }
  const row = prepare(job.service.dataKeys, {
    recordedAt: job.now(),
    kind: 'unverifiedVisitClosed',
    facility,
    outcome: { reason, attempts: attempts.length, lastCode, unverifiedVisit: due.place },
    details: JSON.stringify(details),
    client: CLIENT,
    subject,
    idempotency: onceFor(due),
  })
  await job.append(row)
  return 'closed'
}

/** One end a visit, whichever it is and whoever finds it: of two the log keeps the first. */
function onceFor(due: DueVisit) {
  const id = visitIdOf(entryAt(due.place))
  return { key: id, request: `end of ${id}` }
}
