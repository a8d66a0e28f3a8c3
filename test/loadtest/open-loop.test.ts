import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { histogramOf, percentilesOf, phaseOf } from '../../loadtest/frame/phase.ts'
import { moduleOf } from '../../loadtest/load-world.ts'
import { bottleneckOf, type Kept } from '../../loadtest/open-loop/bottleneck.ts'
import { openLoop } from '../../loadtest/open-loop/open-loop.ts'
import { pace } from '../../loadtest/open-loop/pace.ts'
import type { Outcome, Samples } from '../../loadtest/open-loop/samples.ts'
import { dueTimes, leadInTimes, type Shape } from '../../loadtest/open-loop/schedule.ts'
import { stoppedPercentile } from '../../loadtest/open-loop/stop-arithmetic.ts'
import { seeded } from '../../loadtest/seeded.ts'

const RIGHT: Outcome = { kind: 'right', name: 'valid' }

describe('the plan', () => {
  const shape: Shape = [
    { seconds: 2, perSecond: 100 },
    { seconds: 3, perSecond: 0 },
    { seconds: 1, perSecond: 1_000 },
  ]

  test('absolute: as many as the shape has, evenly, none where the rate is 0', () => {
    const due = [...dueTimes(shape, 'absolute', seeded(1))]
    expect(due).toHaveLength(1_200)
    expect(due.slice(0, 3)).toEqual([5, 15, 25])
    expect(due.filter((ms) => ms >= 2_000 && ms < 5_000)).toEqual([])
    expect(due.at(-1)).toBeCloseTo(5_999.5, 6)
  })

  test('poisson: people do not come like a clock; gaps spread as widely as they are long', () => {
    const due = dueTimes([{ seconds: 100, perSecond: 500 }], 'poisson', seeded(2))
    const gaps = [...due.subarray(1)].map((ms, i) => ms - (due[i] ?? 0))
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
    expect(mean).toBeCloseTo(2, 1)
    expect(deviation / mean).toBeGreaterThan(0.97)
    expect(deviation / mean).toBeLessThan(1.03)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0)
  })
})

test('a lead-in comes before 0; it is sent and ended, but not told', async () => {
  const shape: Shape = [
    { seconds: 1, perSecond: 100 },
    { seconds: 1, perSecond: 400 },
  ]
  const leadIn = leadInTimes({ seconds: 2, perSecond: 100 }, 'absolute', seeded(1))
  expect(leadIn).toHaveLength(200)
  expect(leadIn[0]).toBe(-1_995)
  expect(leadIn.at(-1)).toBeCloseTo(-5, 6)
  const plan = dueTimes(shape, 'absolute', seeded(1))
  // it stands still in the lead-in, until 30 ms after the plan began
  const samples = await against(
    Float64Array.from([...leadIn, ...plan]),
    { fromMs: -1_000, untilMs: 30 },
    undefined,
    -2_100,
  )
  expect(samples.dueMs).toEqual(plan)
  // who came in the lead-in waits in front: 100 of them and 3 of the plan's, 50 µs each
  expect(samples.latencyMs[0]).toBeCloseTo(30 - 5 + 0.05 * 101, 3)
})

/** A clock that jumps from one event to the next. */
class Virtual {
  nowMs: number
  readonly #events: { atMs: number; work: () => void }[] = []

  constructor(startMs: number) {
    this.nowMs = startMs
  }

  at(atMs: number, work: () => void): void {
    this.#events.push({ atMs, work })
  }

  async run(): Promise<void> {
    while (this.#events.length > 0) {
      this.#events.sort((a, b) => a.atMs - b.atMs)
      const next = this.#events.shift()
      this.nowMs = Math.max(this.nowMs, next?.atMs ?? 0)
      next?.work()
      await Promise.resolve()
    }
  }
}

const SERVICE_MS = 0.05

/** Answers each in `SERVICE_MS`, one after the other; does nothing from `fromMs` to `untilMs`. */
async function against(
  due: Float64Array,
  stop: { fromMs: number; untilMs: number },
  lateMs = (_ms: number) => 0,
  startMs = -100,
) {
  const virtual = new Virtual(startMs)
  let freeMs = startMs
  const samples = pace(
    due,
    {
      now: () => virtual.nowMs,
      later: (work, ms) => virtual.at(virtual.nowMs + ms + lateMs(virtual.nowMs + ms), work),
      send: (_n, ended) => {
        const start = Math.max(freeMs, virtual.nowMs)
        freeMs = (start >= stop.fromMs && start < stop.untilMs ? stop.untilMs : start) + SERVICE_MS
        virtual.at(freeMs, () => ended(RIGHT))
      },
    },
    { sent: 0, ended: 0, right: 0 },
  )
  await virtual.run()
  return samples
}

describe.each([
  { rate: 1_000, seconds: 20, stopped: 4 },
  { rate: 200, seconds: 60, stopped: 9 },
])('a server stopped for $stopped of $seconds s at $rate/s', ({ rate, seconds, stopped }) => {
  const shape = [{ seconds, perSecond: rate }]

  test.each([90, 95, 99])('p%d is what everybody must have waited, within 2 per cent', async (percentile) => {
    const due = dueTimes(shape, 'absolute', seeded(1))
    const samples = await against(due, { fromMs: 5_000, untilMs: 5_000 + stopped * 1_000 })
    expect(samples.dueMs).toHaveLength(rate * seconds)
    const told = histogramOf(samples.latencyMs).getValueAtPercentile(percentile) / 1_000
    const true_ = stoppedPercentile(percentile, stopped, seconds, (rate * SERVICE_MS) / 1_000)
    expect(true_).toBeGreaterThan(100)
    expect(Math.abs(told / true_ - 1)).toBeLessThan(0.02)
  })
})

describe('a generator that is late itself', () => {
  const due = dueTimes([{ seconds: 10, perSecond: 100 }], 'absolute', seeded(1))
  const never = { fromMs: 0, untilMs: 0 }
  const keptOf = (samples: Samples): Kept => ({
    planned: 1_000,
    sent: samples.dueMs.length,
    lagMs: percentilesOf(histogramOf(samples.lagMs)),
    latencyMs: phaseOf('late', 'open loop', 10, samples).latencyMs,
    loopDelayP99Ms: 1,
    loopUsed: 0.2,
  })

  test('is charged with it, and its figures are refused', async () => {
    // its timers do not fire from second 4 to second 5
    const samples = await against(due, never, (ms) => (ms >= 4_000 && ms < 5_000 ? 5_000 - ms : 0))
    const kept = keptOf(samples)
    expect(kept.latencyMs.max).toBeGreaterThan(900)
    expect(kept.lagMs.p99).toBeGreaterThan(800)
    expect(bottleneckOf(kept)).toContain("the sender's own delay")
  })

  test('is believed when it kept its plan, however slow the server was', async () => {
    const kept = keptOf(await against(due, { fromMs: 2_000, untilMs: 6_000 }))
    expect(kept.latencyMs.p99).toBeGreaterThan(3_500)
    expect(bottleneckOf(kept)).toBeNull()
  })

  test.each<[string, Partial<Kept>]>([
    ['its event loop was busy', { loopUsed: 0.97 }],
    ['its event loop was late', { loopDelayP99Ms: 400 }],
    ['800 were sent of 1000', { sent: 800 }],
  ])('%s', async (why, worse) => {
    expect(bottleneckOf({ ...keptOf(await against(due, never)), ...worse })).toContain(why)
  })
})

describe('threads and sockets', () => {
  let server: Server | null = null

  afterEach(() => {
    server?.close()
    server?.closeAllConnections()
    server = null
  })

  async function serve(listener: RequestListener): Promise<string> {
    const made = createServer(listener)
    server = made
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(made.address() as AddressInfo).port}`
  }

  const load = {
    name: 'small',
    traffic: { module: moduleOf('plain'), settings: { bodyBytes: 300 } },
    arrivals: 'absolute',
  } as const

  test('every request of the plan is sent once, by one of the threads, and told by its code', async () => {
    let heard = 0
    let bytes = 0
    const url = await serve((request, response) => {
      request.on('data', (part: Buffer) => {
        bytes += part.byteLength
      })
      request.on('end', () => {
        heard++
        response.statusCode = heard % 10 === 0 ? 500 : 200
        response.end('{}')
      })
    })
    const { phase } = await openLoop({ ...load, url, shape: [{ seconds: 0.5, perSecond: 400 }], threads: 2 })
    expect(heard).toBe(200)
    expect(bytes).toBe(200 * 300)
    expect(phase.requests).toBe(200)
    expect(phase.outcomes).toEqual({ '200': 180, 'failed: 500': 20 })
    expect(phase.kinds).toEqual({ right: 180, wrong: 0, refused: 0, failed: 20 })
    expect(phase.series.offered.reduce((sum, each) => sum + each, 0)).toBe(200)
  })

  test('a lead-in is sent, but no figure holds it; what is counted beside the run begins after it', async () => {
    let heard = 0
    let heardAtBegin = -1
    const url = await serve((request, response) => {
      request.resume()
      response.statusCode = heard++ < 60 ? 500 : 200
      response.end('{}')
    })
    const shape = [{ seconds: 0.2, perSecond: 200 }]
    const onBegin = () => {
      heardAtBegin = heard
    }
    const { phase } = await openLoop({ ...load, url, shape, leadInSeconds: 0.5, leadInPerSecond: 160, onBegin })
    expect(heard).toBe(120)
    expect(phase.requests).toBe(40)
    expect(phase.outcomes).toEqual({ '200': 40 })
    expect(heardAtBegin).toBeGreaterThan(50)
  })

  test('a server that takes no notice does not slow the plan: all are sent while none is answered', async () => {
    const waiting: (() => void)[] = []
    const url = await serve((request, response) => {
      request.resume()
      waiting.push(() => response.end('{}'))
      // a closed loop of any size would send no more
      if (waiting.length === 60) for (const answer of waiting) answer()
    })
    const { phase } = await openLoop({ ...load, url, shape: [{ seconds: 0.3, perSecond: 200 }], connections: 60 })
    expect(phase.kinds.right).toBe(60)
  })

  test('who finds all connections busy waits at the door and is sent, with the wait in the latency; no more are open', async () => {
    const sockets = new Set<unknown>()
    let [underWay, most] = [0, 0]
    const url = await serve((request, response) => {
      request.resume()
      sockets.add(request.socket)
      most = Math.max(most, ++underWay)
      setTimeout(() => {
        underWay--
        if (sockets.size === 1)
          request.socket.destroy() // a connection that breaks is opened again for the next one
        else response.end('{}')
      }, 20)
    })
    // 40 a second and connection: a fifth of what comes
    const { phase } = await openLoop({ ...load, url, shape: [{ seconds: 0.5, perSecond: 400 }], connections: 2 })
    expect(phase.requests).toBe(200)
    expect(phase.kinds.right + phase.kinds.failed).toBe(200)
    expect(phase.kinds.right).toBeGreaterThan(190)
    expect(most).toBe(2)
    expect(phase.latencyMs.max).toBeGreaterThan(1_000)
  })

  test('nobody listens: each is told, none is lost', async () => {
    const url = await serve(() => {})
    server?.close()
    const { phase } = await openLoop({ ...load, url, shape: [{ seconds: 0.2, perSecond: 100 }] })
    expect(phase.outcomes).toEqual({ 'failed: ECONNREFUSED': 20 })
  })
})
