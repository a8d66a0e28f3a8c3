import type { Percentiles } from '../frame/phase.ts'

/** How well a generator kept its plan. */
export interface Kept {
  /** What the shape asks for; with Poisson arrivals a few more or less are sent. */
  readonly planned: number
  readonly sent: number
  /** From the planned start to handing the request over: nothing of it is the server's. */
  readonly lagMs: Percentiles
  readonly latencyMs: Percentiles
  readonly loopDelayP99Ms: number
  /** Busy part of the busiest thread's event loop, 0 to 1. */
  readonly loopUsed: number
}

/** Timers of Node come on the millisecond; what is less than three of them is its clock, not its load. */
const LAG_HARMLESS_MS = 3
/** Of a latency: beyond it, what is told of the server would be a good part the generator's. */
const LAG_PART_MAX = 0.25
/** A loop that has no rest left sends when it can, not when it must. */
const LOOP_USED_MAX = 0.92
const LOOP_DELAY_MAX_MS = 100

/** Null when the figures are the server's; else why they are not. */
export function bottleneckOf(kept: Kept): string | null {
  const { planned, sent, lagMs, latencyMs, loopDelayP99Ms, loopUsed } = kept
  const why: string[] = []
  // six standard deviations of a Poisson count
  if (Math.abs(sent - planned) > 6 * Math.sqrt(planned) + 1) why.push(`${sent} were sent of ${planned.toFixed(0)}`)
  for (const at of ['p50', 'p99'] as const) {
    if (lagMs[at] > Math.max(LAG_HARMLESS_MS, LAG_PART_MAX * latencyMs[at])) {
      why.push(`${at} of the sender's own delay is ${lagMs[at]} ms, beside ${latencyMs[at]} ms of latency`)
    }
  }
  if (loopUsed > LOOP_USED_MAX) why.push(`its event loop was busy ${(loopUsed * 100).toFixed(0)} % of the time`)
  if (loopDelayP99Ms > Math.max(LOOP_DELAY_MAX_MS, LAG_PART_MAX * latencyMs.p99)) {
    why.push(`its event loop was late by ${loopDelayP99Ms.toFixed(0)} ms (p99)`)
  }
  return why.length === 0 ? null : why.join('; ')
}
