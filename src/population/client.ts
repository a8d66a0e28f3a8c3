import type { Agreement } from './agreement.ts'
import { type BreakerState, createBreaker } from './breaker.ts'
import { createBulkhead, NotAdmitted } from './bulkhead.ts'
import { RegistryFailure, refused } from './failure.ts'
import { type RegistryAnswer, type RegistryQuestion, readAnswer, requestHeaders, requestText } from './messages.ts'

/**
 * A process asks for 32 people at once. At 0.3–0.5 s an answer that is 64–100 a second; the province's peak of some
 * 100 checks a second (24 million a year, most of them in the mornings) has consent and need for a tenth of them.
 */
export const RUNNING_MAX = 32
/** Those behind them wait for at most six answers each, 3 s at 0.5 s an answer: a later one would not be heard in time. */
const WAITING_MAX = 192
/** An answer has half a KiB, X-Road's headers 2, a fault with the trace of its server 10. */
const ANSWER_BYTES_MAX = 32 * 1024
/** Eight in a row are no chance: were one in ten lost, that would be one in a hundred million. */
const FAILURES_MAX = 8
/** One desk in 10 s finds out for all; an outage is over for everybody 10 s after it is over. */
const OPEN_MS = 10_000
/** A time-out tells of the registry only where it had this long: a caller in a hurry does not open the breaker for others. */
const TELLING_MS = 1_000

/** Whose place came only now is not sent any more: half of the answers take longer, and nobody would hear them. */
const LEAST_MS = 100

export type RegistryOutcome = RegistryAnswer | 'unavailable'

/** What a host's HTTP gives. */
export interface RegistryResponse {
  readonly status: number
  readonly contentType: string
  readonly body: AsyncIterable<Uint8Array>
}

/** A POST, made once; no redirect is followed. Ends, and lets go of its connection, when the signal aborts. */
export type RegistrySend = (
  url: string,
  request: {
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
    readonly signal: AbortSignal
  },
) => Promise<RegistryResponse>

export interface Registry {
  /** Whether a question that came now would leave the house. */
  readonly accepts: () => boolean
  /** Answered within the time, whatever happens; never rejects. */
  readonly ask: (question: RegistryQuestion, timeoutMs: number) => Promise<RegistryOutcome>
  readonly state: () => BreakerState
}

export interface RegistryOptions {
  readonly url: string
  readonly agreement: Agreement
  readonly send: RegistrySend
  readonly now: () => Date
  /** A question left the house; how long it took. */
  readonly asked: (seconds: number) => void
  /** The breaker opened. */
  readonly opened: (error: unknown) => void
  readonly bulkhead?: { readonly runningMax: number; readonly waitingMax: number }
  readonly breaker?: { readonly failuresMax: number; readonly openMs: number; readonly tellingMs: number }
}

/**
 * The national population registry, in this order: deadline → bulkhead → breaker → one attempt → its answer, checked.
 * Nothing is kept of an answer, and no two questions share one (NĐ 69/2024 Đ19).
 */
export function createRegistry(options: RegistryOptions): Registry {
  const { now } = options
  const limits = options.breaker ?? { failuresMax: FAILURES_MAX, openMs: OPEN_MS, tellingMs: TELLING_MS }
  const bulkhead = createBulkhead(options.bulkhead ?? { runningMax: RUNNING_MAX, waitingMax: WAITING_MAX })
  const breaker = createBreaker({
    ...limits,
    counts: (error) => !(error instanceof TooShort),
    opened: options.opened,
    now,
  })

  /** One attempt, in what is left of the time. */
  async function attempt(question: RegistryQuestion, signal: AbortSignal): Promise<RegistryAnswer> {
    const startedMs = now().getTime()
    try {
      return await exchange(options, question, now(), signal)
    } catch (error) {
      const hurried = signal.aborted && now().getTime() - startedMs < limits.tellingMs
      throw hurried ? new TooShort() : error
    } finally {
      options.asked((now().getTime() - startedMs) / 1000)
    }
  }

  return {
    state: breaker.state,
    accepts: () => breaker.allows() && bulkhead.hasRoom(),
    ask: async (question, timeoutMs) => {
      if (!breaker.allows()) return 'unavailable' // does not wait for a place first
      const lastMs = now().getTime() + timeoutMs - Math.min(LEAST_MS, timeoutMs / 2)
      const deadline = startDeadline(timeoutMs)
      try {
        const { signal } = deadline
        const answer = bulkhead.run(signal, () => {
          if (now().getTime() > lastMs) throw new NotAdmitted('too late')
          return breaker.run(() => attempt(question, signal))
        })
        return await Promise.race([answer, deadline.over])
      } catch {
        return 'unavailable'
      } finally {
        deadline.end()
      }
    },
  }
}

class TooShort extends Error {}

/** Does not rely on what it aborts: `over` comes first of all, whoever does not hear the signal. */
function startDeadline(timeoutMs: number) {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const over = new Promise<'unavailable'>((resolve) => {
    timer = setTimeout(() => {
      resolve('unavailable')
      controller.abort(new RegistryFailure('timeout', 'the registry did not answer in time'))
    }, timeoutMs)
  })
  return { signal: controller.signal, over, end: () => clearTimeout(timer) }
}

async function exchange(
  { url, agreement, send }: RegistryOptions,
  question: RegistryQuestion,
  now: Date,
  signal: AbortSignal,
): Promise<RegistryAnswer> {
  const request = {
    headers: requestHeaders(agreement, url, now),
    body: requestText(agreement, question),
    signal,
  }
  const response = await send(url, request).catch((cause: unknown) => {
    throw brokenOff(signal, 'the registry cannot be reached', cause)
  })
  const text = await readText(response, signal)
  if (response.status !== 200) throw new RegistryFailure('status', `the registry answered ${response.status}`)
  if (!/^(?:text|application)\/xml\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(response.contentType)) {
    throw refused('the answer is no XML in UTF-8')
  }
  return readAnswer(text, question.transactionId)
}

/** An end that we made ourselves, at the deadline, is no fault of the connection. */
function brokenOff(signal: AbortSignal, why: string, cause: unknown): RegistryFailure {
  return signal.reason instanceof RegistryFailure ? signal.reason : new RegistryFailure('connection', why, cause)
}

/** Read to its end, so that its connection can be used again; no further than the bound, where it is given up. */
async function readText(response: RegistryResponse, signal: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const part of response.body) {
      signal.throwIfAborted()
      bytes += part.length
      if (bytes > ANSWER_BYTES_MAX) throw refused('the answer is too long')
      parts.push(part)
    }
  } catch (cause) {
    throw cause instanceof RegistryFailure ? cause : brokenOff(signal, 'the answer broke off', cause)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
  } catch {
    throw refused('the answer is not UTF-8')
  }
}
