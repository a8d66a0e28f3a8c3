import { LOG_ID } from '../../audit/log-id.ts'
import { accountRetryMs, retryAfterMs, STRIKES_MAX, tooManyRetryMs } from './backoff.ts'
import { type Attempt, type DeliverJob, deliver, SETTLE_MS } from './deliver.ts'
import { type DeliverySaid, deliveryEntry } from './entry.ts'
import type { GatewayFault } from './failure.ts'
import { readOn } from './follow.ts'
import {
  findRecorded,
  hold,
  keepWaiting,
  postpone,
  type RecordedShare,
  release,
  settle,
  type TakenShare,
  takeDue,
} from './store.ts'

export interface SenderLimits {
  /** Files under way at once. */
  readonly runningMax: number
  /** Of them, of one facility: it is one account at the portal. */
  readonly facilityMax: number
  /** Bytes of the files under way. */
  readonly bytesMax: number
}

export interface SendJob extends DeliverJob {
  readonly random: () => number
  readonly limits: SenderLimits
  /** How long the breaker stays open: when what is held is tried again. */
  readonly openMs: number
  /** Waits; tests wait less. Ends early when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  readonly report: (what: 'shareNotSettled' | 'notTaken', error: unknown) => void
}

export interface SendCounts {
  received: number
  returned: number
  deadLetter: number
  held: number
  failed: number
}

/** How long two calls (token, file) and what is around them may take at the most, and half of it more. */
export function leaseMs(timeoutMs: number): number {
  return 3 * timeoutMs + 2 * SETTLE_MS
}

/** New claims are looked for this often while nothing ends. */
const POLL_MS = 500
/** Places that become free close together are filled by one statement: 20 ms of a call that takes 300 or 5,000. */
const GATHER_MS = 20
/** Of somebody else than the file that fails: then the gateway works, and the file is what is wrong. */
const ANSWERED_LATELY_MS = 60_000
const HELD_AT_ONCE = 200
/** Rows move with their entries; the reader only looks after them. */
const READ_EVERY_MS = 1_000

interface Pause {
  readonly untilMs: number
  readonly reason: 'credentialsMissing' | 'credentialsRefused' | 'rateLimited'
  readonly failures: number
  /** Of its recorded shares, how far they are held. */
  heldTo: number
}

/**
 * Sends what waits, some at once. Half of the free places go to the oldest due shares and half to the newest, so that after
 * an outage the backlog drains by half of the rate at the least, and a claim of this minute never waits behind it; what
 * one half does not use the other has. Whose turn it is among facilities: `takeDue`.
 * All that must outlive the process is in the database; a second process takes other rows.
 */
export class Sender {
  readonly counts: SendCounts = { received: 0, returned: 0, deadLetter: 0, held: 0, failed: 0 }
  readonly #job: SendJob
  readonly #running = new Map<number, { readonly done: Promise<void>; readonly share: TakenShare }>()
  readonly #paused = new Map<string, Pause>()
  /** The last proper answer to anybody. */
  #answeredMs = Number.NEGATIVE_INFINITY
  #heldTo = -1
  /** When a file is next tried while the breaker is open: what is held is due then, not later. */
  #triesAtMs = Number.NEGATIVE_INFINITY
  #newestNext = false

  constructor(job: SendJob) {
    this.#job = job
  }

  get running(): number {
    return this.#running.size
  }

  /** Until nothing is due and nothing runs, or until nothing can be sent; what waits for the insurer is held then. */
  async pass(signal: AbortSignal): Promise<void> {
    const job = this.#job
    let readAtMs = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      const nowMs = job.now().getTime()
      if (nowMs - readAtMs >= READ_EVERY_MS) {
        await readOn(job)
        readAtMs = nowMs
      }
      // what ends from here on may be what others waited for
      const wasIdle = this.#running.size === 0
      const taken = await this.#fill()
      if (job.breaker.state() !== 'open') this.#heldTo = -1
      // else what is under way would be passed over, and left as it was when it comes back untried
      else if (this.#running.size === 0) await this.#hold(signal)
      await this.#holdPaused(signal)
      if (this.#running.size === 0) {
        if (wasIdle && taken === 0) return
        continue
      }
      await Promise.race([...this.#doing(), job.pause(POLL_MS, signal)])
      await job.pause(GATHER_MS, signal)
    }
    await this.ended()
  }

  /** What is under way is over. */
  async ended(): Promise<void> {
    await Promise.all(this.#doing())
  }

  #doing(): Promise<void>[] {
    return [...this.#running.values()].map((each) => each.done)
  }

  /** Returns how many were taken. */
  async #fill(): Promise<number> {
    const { breaker, limits } = this.#job
    if (!breaker.allows()) return 0
    // while it tries whether the insurer is back, one file is enough
    const places = breaker.state() === 'closed' ? limits.runningMax : 1
    let free = places - this.#running.size
    let bytes = [...this.#running.values()].reduce((sum, { share }) => sum + share.bytes, 0)
    let taken = 0
    for (const lane of this.#lanes(free)) {
      const wanted = lane === 'first' ? Math.ceil(free / 2) : free
      if (wanted <= 0) continue
      for (const share of await this.#take(this.#newestNext ? 'newest' : 'oldest', wanted)) {
        if (this.#running.size > 0 && bytes + share.bytes > limits.bytesMax) {
          await this.#job.query((sql) => release(sql, LOG_ID, share))
          continue
        }
        bytes += share.bytes
        free--
        taken++
        this.#start(share)
      }
      this.#newestNext = !this.#newestNext
    }
    return taken
  }

  /** A single place goes to either end in turn. */
  #lanes(free: number): readonly ('first' | 'second')[] {
    return free > 1 ? ['first', 'second'] : ['second']
  }

  async #take(lane: 'oldest' | 'newest', max: number): Promise<TakenShare[]> {
    const { query, now, timeoutMs, limits } = this.#job
    const at = now()
    const busy: Record<string, number> = {}
    for (const { share } of this.#running.values()) busy[share.facility] = (busy[share.facility] ?? 0) + 1
    for (const [facility, pause] of this.#paused) {
      if (at.getTime() < pause.untilMs) busy[facility] = limits.facilityMax
    }
    const leaseUntil = new Date(at.getTime() + leaseMs(timeoutMs))
    const facilityMax = limits.facilityMax
    return query((sql) => takeDue(sql, LOG_ID, { now: at, leaseUntil, lane, max, facilityMax, busy }))
  }

  #start(share: TakenShare): void {
    const done = this.#attempt(share)
      // the row keeps its lease, and comes up again after it
      .catch((error: unknown) => this.#job.report('shareNotSettled', error))
      .finally(() => this.#running.delete(share.place))
    this.#running.set(share.place, { done, share })
  }

  async #attempt(share: TakenShare): Promise<void> {
    const attempt = await deliver(this.#job, share)
    if (attempt.kind !== 'failed' && attempt.kind !== 'notTried') await this.#answered(share, attempt)
    else if (attempt.kind === 'failed') await this.#failed(share, attempt.fault, attempt.mayBeTaken)
    else await this.#job.query((sql) => release(sql, LOG_ID, share))
  }

  async #answered(share: TakenShare, attempt: Exclude<Attempt, { kind: 'failed' | 'notTried' }>): Promise<void> {
    const { random } = this.#job
    if (attempt.kind === 'received' || attempt.kind === 'returned' || attempt.kind === 'unknownCode') {
      this.#answeredMs = this.#job.now().getTime()
      this.#paused.delete(share.facility)
    }
    switch (attempt.kind) {
      case 'received':
        return this.#settle(share, 'received', { ...NOTHING_SAID, ...attempt })
      case 'returned':
        return this.#settle(share, 'returned', { ...NOTHING_SAID, ...attempt })
      case 'impossible':
        return this.#settle(share, 'deadLetter', { ...NOTHING_SAID, reason: attempt.reason })
      case 'unknownCode':
        return this.#strike(share, 'unknownCode', true, readableCode(attempt.maKetQua))
      case 'tooMany':
        return this.#pauseFacility(share, 'rateLimited', tooManyRetryMs(attempt.retryAfterMs))
      case 'accountAway': {
        const failures = (this.#paused.get(share.facility)?.failures ?? 0) + 1
        return this.#pauseFacility(share, attempt.reason, accountRetryMs(failures, random))
      }
    }
  }

  async #failed(share: TakenShare, fault: GatewayFault, mayBeTaken: boolean): Promise<void> {
    this.counts.failed++
    const { now, random } = this.#job
    // others are answered: then it speaks against the file; else it is an outage, which no file is given up for
    const alone = fault !== 'unreachable' && now().getTime() - this.#answeredMs < ANSWERED_LATELY_MS
    if (alone) return this.#strike(share, fault, mayBeTaken, null)
    const next = new Date(now().getTime() + retryAfterMs(share.attempts + 1, false, random))
    await this.#wait(share, { strike: false, failure: fault, next }, mayBeTaken ? 'sent' : 'held')
  }

  async #strike(share: TakenShare, failure: string, mayBeTaken: boolean, maKetQua: string | null): Promise<void> {
    const { now, random } = this.#job
    const strikes = share.strikes + 1
    if (strikes >= STRIKES_MAX) {
      return this.#settle(share, 'deadLetter', { ...NOTHING_SAID, maKetQua, reason: failure })
    }
    const next = new Date(now().getTime() + retryAfterMs(strikes, true, random))
    await this.#wait(share, { strike: true, failure, next }, mayBeTaken ? 'sent' : 'held')
  }

  async #pauseFacility(share: TakenShare, reason: Pause['reason'], ms: number): Promise<void> {
    const { now } = this.#job
    const former = this.#paused.get(share.facility)
    const next = new Date(now().getTime() + ms)
    // those of the same moment are one failure
    if (former === undefined || former.untilMs <= now().getTime()) {
      const failures = (former?.failures ?? 0) + 1
      this.#paused.set(share.facility, { untilMs: next.getTime(), reason, failures, heldTo: -1 })
    }
    const attempted = { strike: false, failure: reason, next }
    await this.#wait(share, attempted, reason === 'rateLimited' ? null : 'held')
  }

  /**
   * A transition is an entry, an attempt is none: `held` only where it was `recorded`, `sent` once. What somebody took
   * before and left no word of may have been sent then, whatever became of it now.
   */
  async #wait(share: TakenShare, attempted: Parameters<typeof postpone>[3], found: 'held' | 'sent' | null) {
    const { query, keys, now } = this.#job
    const status = share.formerLease === null || share.status === 'sent' ? found : 'sent'
    const moves = status === 'sent' ? share.status !== 'sent' : share.status === 'recorded'
    if (status === null || !moves) return query((sql) => postpone(sql, LOG_ID, share, attempted))
    const said = { ...NOTHING_SAID, status, reason: attempted.failure }
    const row = deliveryEntry(keys(), now(), share, said)
    await query((sql) => keepWaiting(sql, LOG_ID, row, share, status, attempted))
    if (status === 'held') this.counts.held++
  }

  async #settle(
    share: TakenShare,
    status: 'received' | 'returned' | 'deadLetter',
    said: Omit<DeliverySaid, 'status'>,
  ): Promise<void> {
    const { query, keys, now } = this.#job
    const row = deliveryEntry(keys(), now(), share, { ...said, status })
    const isOurs = await query((sql) => settle(sql, LOG_ID, row, share, status, said.reason))
    if (isOurs) this.counts[status]++
  }

  /** The insurer is away: what was never tried is told to be held, once. What comes later has a higher place. */
  async #hold(signal: AbortSignal): Promise<void> {
    const { now, openMs } = this.#job
    const nowMs = now().getTime()
    if (this.#triesAtMs <= nowMs) this.#triesAtMs = nowMs + openMs
    const next = new Date(this.#triesAtMs)
    this.#heldTo = await this.#holdAll(null, this.#heldTo, 'insurerAway', next, signal)
  }

  async #holdPaused(signal: AbortSignal): Promise<void> {
    const nowMs = this.#job.now().getTime()
    const busy = new Set([...this.#running.values()].map(({ share }) => share.facility))
    for (const [facility, pause] of this.#paused) {
      if (pause.reason === 'rateLimited' || nowMs >= pause.untilMs || busy.has(facility)) continue
      pause.heldTo = await this.#holdAll(facility, pause.heldTo, pause.reason, new Date(pause.untilMs), signal)
    }
  }

  async #holdAll(facility: string | null, from: number, reason: string, next: Date, signal: AbortSignal) {
    const { query, now } = this.#job
    let after = from
    while (!signal.aborted) {
      const of = { facility, after, now: now(), max: HELD_AT_ONCE }
      const recorded = await query((sql) => findRecorded(sql, LOG_ID, of))
      for (const each of recorded) {
        await this.#holdOne(each, reason, next)
        after = each.place
      }
      if (recorded.length < HELD_AT_ONCE) break
    }
    return after
  }

  async #holdOne(share: RecordedShare, reason: string, next: Date): Promise<void> {
    const { query, keys, now } = this.#job
    const status = share.interrupted ? 'sent' : 'held'
    const row = deliveryEntry(keys(), now(), share, { ...NOTHING_SAID, status, reason })
    const held = { status, now: now(), next, failure: reason } as const
    const isOurs = await query((sql) => hold(sql, LOG_ID, row, share.place, held))
    if (isOurs && status === 'held') this.counts.held++
  }
}

const NOTHING_SAID: Omit<DeliverySaid, 'status'> = { maKetQua: null, receipt: null, errors: [], reason: null }

/** Stands in a body, where only codes do. */
function readableCode(maKetQua: string): string | null {
  return /^[0-9A-Za-z_-]{1,10}$/.test(maKetQua) ? maKetQua : null
}
