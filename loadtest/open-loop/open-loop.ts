import { Worker } from 'node:worker_threads'
import { histogramOf, type Phase, percentilesOf, phaseOf } from '../frame/phase.ts'
import { bottleneckOf, type Kept } from './bottleneck.ts'
import { type Samples, together } from './samples.ts'
import { type Arrivals, expectedOf, type Shape, secondsOf } from './schedule.ts'
import type { FromSender, SenderData, ToSender } from './sender.ts'
import type { TrafficOf } from './traffic.ts'

export interface OpenLoop {
  readonly name: string
  readonly url: string
  readonly shape: Shape
  readonly traffic: TrafficOf
  readonly arrivals?: Arrivals
  readonly seed?: number
  /**
   * Before the plan, at its first rate or another one, and left out of what is told: a thread of the generator is new code that is compiled
   * while it sends, which took both cores for half a second and stood in p99 as the server's (measured 2026-11-30).
   */
  readonly leadInSeconds?: number
  /** Of a flood a calm one: what waits when the plan begins would be answered first, and counted nowhere. */
  readonly leadInPerSecond?: number
  /** The lead-in is over: what is counted beside the run begins now. */
  readonly onBegin?: () => void
  /** One thread sends some 5,000 a second on a core of its own. */
  readonly threads?: number
  /** Of all threads together. */
  readonly connections?: number
  readonly timeoutMs?: number
  readonly onSecond?: (sent: number, ended: number, right: number) => void
}

/** By then the generator's own code is compiled, and the server's queues are those of the rate. */
export const LEAD_IN_SECONDS = 2

export interface OpenLoopRun {
  readonly phase: Phase
  readonly samples: Samples
  /** When the plan began, by `nowMs`. */
  readonly startedAtMs: number
  /** Why the figures are not to be believed; null: the generator kept its plan. */
  readonly bottleneck: string | null
}

/** One clock for all threads, in ms. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Threads make their people before the plan begins. */
const READY_MS = 200

/**
 * Requests leave when the plan says so, whatever the server does: what a real crowd does, and what a closed loop cannot show.
 * Latency is told from the planned start, so a server that stood still is charged with everybody who waited meanwhile.
 */
export async function openLoop(load: OpenLoop): Promise<OpenLoopRun> {
  const { threads = 1, connections = 256, leadInSeconds = 0 } = load
  const workers = Array.from({ length: threads }, (_, thread) => {
    const workerData: SenderData = {
      url: load.url,
      shape: load.shape,
      leadIn: { seconds: leadInSeconds, perSecond: load.leadInPerSecond ?? load.shape[0]?.perSecond ?? 0 },
      arrivals: load.arrivals ?? 'poisson',
      seed: load.seed ?? 1,
      thread,
      threads,
      connections: Math.ceil(connections / threads),
      timeoutMs: load.timeoutMs ?? 30_000,
      traffic: load.traffic,
    }
    return new Worker(new URL('./sender.ts', import.meta.url), { workerData })
  })
  try {
    await Promise.all(workers.map((worker) => heard(worker, 'ready')))
    const told = workers.map(() => ({ sent: 0, ended: 0, right: 0 }))
    workers.forEach((worker, i) => {
      worker.on('message', (message: FromSender) => {
        if (message.kind !== 'progress') return
        told[i] = message
        if (i !== 0) return
        const sum = (of: 'sent' | 'ended' | 'right') => told.reduce((all, each) => all + each[of], 0)
        load.onSecond?.(sum('sent'), sum('ended'), sum('right'))
      })
    })
    const startAtMs = nowMs() + READY_MS + leadInSeconds * 1_000
    setTimeout(() => load.onBegin?.(), startAtMs - nowMs())
    const done = workers.map((worker) => heard(worker, 'done'))
    for (const worker of workers) worker.postMessage({ startAtMs } satisfies ToSender)
    const ends = await Promise.all(done)
    const samples = together(ends.map((end) => end.samples))
    const phase = phaseOf(load.name, 'open loop', secondsOf(load.shape), samples)
    const kept: Kept = {
      planned: expectedOf(load.shape),
      sent: samples.dueMs.length,
      lagMs: percentilesOf(histogramOf(samples.lagMs)),
      latencyMs: phase.latencyMs,
      loopDelayP99Ms: Math.max(...ends.map((end) => end.loopDelayP99Ms)),
      loopUsed: Math.max(...ends.map((end) => end.loopUsed)),
    }
    return { phase, samples, startedAtMs: startAtMs, bottleneck: bottleneckOf(kept) }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

type Of<K extends FromSender['kind']> = Extract<FromSender, { kind: K }>

function heard<K extends FromSender['kind']>(worker: Worker, kind: K): Promise<Of<K>> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromSender) => {
      if (message.kind === kind) resolve(message as Of<K>)
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`a thread of the generator ended with ${code}`)))
  })
}
