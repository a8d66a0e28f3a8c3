import { constants, setPriority } from 'node:os'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { Pool } from 'undici'
import { seeded } from '../seeded.ts'
import { type Progress, pace } from './pace.ts'
import type { Outcome, Samples } from './samples.ts'
import { type Arrivals, dueTimes, leadInTimes, type Shape, type Stretch } from './schedule.ts'
import type { Ask, OpenTraffic, TrafficOf } from './traffic.ts'

/** A thread of the generator. It knows the whole plan and sends each `threads`-th request of it. */
export interface SenderData {
  readonly url: string
  readonly shape: Shape
  readonly leadIn: Stretch
  readonly arrivals: Arrivals
  readonly seed: number
  readonly thread: number
  readonly threads: number
  readonly connections: number
  readonly timeoutMs: number
  readonly traffic: TrafficOf
}

/** `startAtMs`: of the plan; the lead-in ends then. */
export type ToSender = { readonly startAtMs: number }
export type FromSender =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'progress' } & Readonly<Progress>)
  | { readonly kind: 'done'; readonly samples: Samples; readonly loopDelayP99Ms: number; readonly loopUsed: number }

const port = parentPort
if (port === null) throw new Error('a thread of a load test')
const data = workerData as SenderData

// the instrument before what it measures; without the right to it, as good as it goes
try {
  setPriority(constants.priority.PRIORITY_HIGH)
} catch {
  // not root
}

const random = seeded(data.seed)
const plan = dueTimes(data.shape, data.arrivals, random)
const leadIn = leadInTimes(data.leadIn, data.arrivals, random)
const due = Float64Array.from([...leadIn, ...plan]).filter((_, i) => i % data.threads === data.thread)
const { openTraffic } = (await import(data.traffic.module)) as { openTraffic: OpenTraffic<unknown> }
const traffic = await openTraffic(data.traffic.settings, seeded(data.seed + 7_919 * (data.thread + 1)), due.length)
// undici opens a connection when all others are busy, and queues when there may be no more: people who wait at the door
const pool = new Pool(data.url, {
  connections: data.connections,
  pipelining: 1,
  headersTimeout: data.timeoutMs,
  bodyTimeout: data.timeoutMs,
})

port.once('message', ({ startAtMs }: ToSender) => void run(startAtMs))
port.postMessage({ kind: 'ready' } satisfies FromSender)

async function run(startAtMs: number): Promise<void> {
  const progress: Progress = { sent: 0, ended: 0, right: 0 }
  const delay = monitorEventLoopDelay({ resolution: 5 })
  let before = performance.eventLoopUtilization()
  const now = () => Number(process.hrtime.bigint()) / 1e6 - startAtMs // one clock for all threads
  setTimeout(
    () => {
      delay.enable()
      before = performance.eventLoopUtilization()
    },
    Math.max(0, -now()),
  )
  const telling = setInterval(() => port?.postMessage({ kind: 'progress', ...progress } satisfies FromSender), 1_000)
  const samples = await pace(
    due,
    {
      now,
      later: setTimeout,
      send: (n, ended) => send(traffic.ask(n), ended),
    },
    progress,
  )
  clearInterval(telling)
  delay.disable()
  port?.postMessage({
    kind: 'done',
    samples,
    loopDelayP99Ms: delay.percentile(99) / 1e6,
    loopUsed: performance.eventLoopUtilization(before).utilization,
  } satisfies FromSender)
  await pool.destroy()
  port?.close()
}

/** By undici's lowest door: it runs beside the server that it measures. */
function send(ask: Ask, ended: (outcome: Outcome) => void): void {
  const parts: Buffer[] = []
  let status = 0
  pool.dispatch(
    { path: ask.path, method: 'POST', headers: ask.headers, body: ask.body },
    {
      onRequestStart() {},
      onResponseStart(_controller, statusCode) {
        status = statusCode
      },
      onResponseData(_controller, chunk) {
        parts.push(chunk)
      },
      onResponseEnd() {
        const whole = parts.length === 1 ? parts[0] : Buffer.concat(parts)
        ended(ask.judge(status, whole?.toString('utf8') ?? ''))
      },
      onResponseError(_controller, error) {
        ended({ kind: 'failed', name: 'code' in error ? String(error.code) : error.name })
      },
    },
  )
}
