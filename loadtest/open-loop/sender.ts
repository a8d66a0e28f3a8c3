import { constants, setPriority } from 'node:os'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { Pool } from 'undici'
import { seeded } from '../seeded.ts'
import { type Outcome, SampleBuffer, type Samples } from './samples.ts'
import { type Arrivals, dueTimes, type Shape } from './schedule.ts'
import type { Ask, OpenTraffic, TrafficOf } from './traffic.ts'

/** A thread of the generator. It knows the whole plan and sends each `threads`-th request of it. */
export interface SenderData {
  readonly url: string
  readonly shape: Shape
  readonly arrivals: Arrivals
  readonly seed: number
  readonly thread: number
  readonly threads: number
  readonly connections: number
  readonly timeoutMs: number
  readonly traffic: TrafficOf
}

export type ToSender = { readonly startAtMs: number }
export type FromSender =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly sent: number; readonly ended: number; readonly right: number }
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
const due = dueTimes(data.shape, data.arrivals, random).filter((_, i) => i % data.threads === data.thread)
const { openTraffic } = (await import(data.traffic.module)) as { openTraffic: OpenTraffic<unknown> }
const traffic = await openTraffic(data.traffic.settings, seeded(data.seed + 7_919 * (data.thread + 1)), due.length)
// undici opens a connection when all others are busy, and queues when there may be no more: people who wait at the door
const pool = new Pool(data.url, {
  connections: data.connections,
  pipelining: 1,
  headersTimeout: data.timeoutMs,
  bodyTimeout: data.timeoutMs,
})

port.once('message', ({ startAtMs }: ToSender) => run(startAtMs))
port.postMessage({ kind: 'ready' } satisfies FromSender)

/** One clock for all threads. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function run(startAtMs: number): void {
  const buffer = new SampleBuffer(Math.max(1, due.length))
  const delay = monitorEventLoopDelay({ resolution: 5 })
  let next = 0
  let ended = 0
  let right = 0
  let loopBefore = performance.eventLoopUtilization()
  let started = false

  const end = (dueMs: number, sentMs: number, outcome: Outcome) => {
    buffer.add(dueMs, sentMs - dueMs, nowMs() - startAtMs - dueMs, outcome)
    ended++
    if (outcome.kind === 'right') right++
    if (ended === due.length) finish()
  }
  const tick = () => {
    if (!started && nowMs() >= startAtMs) {
      started = true
      delay.enable()
      loopBefore = performance.eventLoopUtilization()
    }
    for (;;) {
      const now = nowMs() - startAtMs
      const dueMs = due[next]
      if (dueMs === undefined) return
      if (dueMs > now) {
        setTimeout(tick, dueMs - now)
        return
      }
      send(traffic.ask(next++), dueMs, now)
    }
  }
  const send = (ask: Ask, dueMs: number, sentMs: number) => {
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
          const text = parts.length === 1 ? parts[0]?.toString('utf8') : Buffer.concat(parts).toString('utf8')
          end(dueMs, sentMs, ask.judge(status, text ?? ''))
        },
        onResponseError(_controller, error) {
          end(dueMs, sentMs, { kind: 'failed', name: 'code' in error ? String(error.code) : error.name })
        },
      },
    )
  }
  const progress = setInterval(() => port?.postMessage({ kind: 'progress', sent: next, ended, right }), 1_000)
  const finish = () => {
    clearInterval(progress)
    delay.disable()
    port?.postMessage({
      kind: 'done',
      samples: buffer.samples(),
      loopDelayP99Ms: delay.percentile(99) / 1e6,
      loopUsed: performance.eventLoopUtilization(loopBefore).utilization,
    } satisfies FromSender)
    void pool.destroy()
    port?.close()
  }
  if (due.length === 0) finish()
  else setTimeout(tick, Math.max(0, startAtMs - nowMs()))
}
