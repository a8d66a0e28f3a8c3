import { build, type Histogram } from 'hdr-histogram-js'
import type { OutcomeKind, Samples } from '../open-loop/samples.ts'

/** A stretch of load under one name, as it stands in a report. */
export interface Phase {
  readonly name: string
  readonly engine: 'open loop' | 'closed loop'
  readonly seconds: number
  readonly requests: number
  /** Planned (open loop) and rightly answered, a second. */
  readonly offeredPerSecond: number
  readonly rightPerSecond: number
  readonly kinds: Readonly<Record<OutcomeKind, number>>
  readonly outcomes: Readonly<Record<string, number>>
  /** ms from the planned start, of those that were answered; whoever was refused is not among them, nor who heard nothing. */
  readonly latencyMs: Percentiles
  /** And of those that were refused. */
  readonly refusedMs: Percentiles | null
  /** ms from the planned start until it was handed over; of a closed loop none. */
  readonly lagMs: Percentiles | null
  readonly series: Series
  /** [percentile, ms]: the whole distribution, for a chart. */
  readonly distribution: readonly (readonly [number, number])[]
}

export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  readonly mean: number
}

/** A row a second, from the first request's planned start. */
export interface Series {
  readonly second: readonly number[]
  readonly offered: readonly number[]
  /** By the second in which the answer came. */
  readonly right: readonly number[]
  readonly refused: readonly number[]
  /** Wrong answers and failures. */
  readonly bad: readonly number[]
  /** By the second in which the request was due; null where none was. */
  readonly p50: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
}

/** µs, from one to ten minutes, three digits. */
const HIGHEST_US = 600_000_000

export function histogramOf(valuesMs: Iterable<number>): Histogram {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
  })
  for (const ms of valuesMs) histogram.recordValue(Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1_000))))
  return histogram
}

export function percentilesOf(histogram: Histogram): Percentiles {
  const at = (percentile: number) => round(histogram.getValueAtPercentile(percentile) / 1_000)
  return {
    p50: at(50),
    p90: at(90),
    p95: at(95),
    p99: at(99),
    p999: at(99.9),
    max: round(histogram.maxValue / 1_000),
    mean: round(histogram.mean / 1_000),
  }
}

export function phaseOf(name: string, engine: Phase['engine'], seconds: number, samples: Samples): Phase {
  const kinds: Record<OutcomeKind, number> = { right: 0, wrong: 0, refused: 0, failed: 0 }
  const outcomes: Record<string, number> = {}
  const answered: number[] = []
  const refused: number[] = []
  const n = samples.dueMs.length
  for (let i = 0; i < n; i++) {
    const outcome = samples.outcomes[samples.outcome[i] ?? 0]
    if (outcome === undefined) continue
    kinds[outcome.kind]++
    const key = outcome.kind === 'right' ? outcome.name : `${outcome.kind}: ${outcome.name}`
    outcomes[key] = (outcomes[key] ?? 0) + 1
    if (outcome.kind === 'refused') refused.push(samples.latencyMs[i] ?? 0)
    else if (outcome.kind !== 'failed') answered.push(samples.latencyMs[i] ?? 0)
  }
  const latency = histogramOf(answered)
  return {
    name,
    engine,
    seconds,
    requests: n,
    offeredPerSecond: round(n / seconds),
    rightPerSecond: round(rightWithin(samples, seconds) / seconds),
    kinds,
    outcomes: Object.fromEntries(Object.entries(outcomes).toSorted((a, b) => b[1] - a[1])),
    latencyMs: percentilesOf(latency),
    refusedMs: refused.length === 0 ? null : percentilesOf(histogramOf(refused)),
    lagMs: engine === 'closed loop' ? null : percentilesOf(histogramOf(samples.lagMs)),
    series: seriesOf(samples),
    distribution: distributionOf(latency),
  }
}

/** Answered rightly before the phase was over: what came out of a backlog afterwards is no throughput of the phase. */
function rightWithin(samples: Samples, seconds: number): number {
  let right = 0
  for (let i = 0; i < samples.dueMs.length; i++) {
    const ended = (samples.dueMs[i] ?? 0) + (samples.latencyMs[i] ?? 0)
    if (ended <= seconds * 1_000 && samples.outcomes[samples.outcome[i] ?? 0]?.kind === 'right') right++
  }
  return right
}

function seriesOf(samples: Samples): Series {
  const length = 1 + lastSecond(samples)
  const zeros = () => new Array<number>(length).fill(0)
  const [offered, right, refused, bad] = [zeros(), zeros(), zeros(), zeros()]
  const latencies: number[][] = Array.from({ length }, () => [])
  for (let i = 0; i < samples.dueMs.length; i++) {
    const due = samples.dueMs[i] ?? 0
    const latency = samples.latencyMs[i] ?? 0
    const kind = samples.outcomes[samples.outcome[i] ?? 0]?.kind
    offered[Math.floor(due / 1_000)] = (offered[Math.floor(due / 1_000)] ?? 0) + 1
    latencies[Math.floor(due / 1_000)]?.push(latency)
    const into = kind === 'right' ? right : kind === 'refused' ? refused : bad
    const ended = Math.floor((due + latency) / 1_000)
    into[ended] = (into[ended] ?? 0) + 1
  }
  const sorted = latencies.map((each) => each.sort((a, b) => a - b))
  const at = (values: readonly number[], q: number) =>
    values.length === 0 ? null : round(values[Math.min(values.length - 1, Math.floor(q * values.length))] ?? 0)
  return {
    second: Array.from({ length }, (_, i) => i),
    offered,
    right,
    refused,
    bad,
    p50: sorted.map((each) => at(each, 0.5)),
    p99: sorted.map((each) => at(each, 0.99)),
  }
}

function lastSecond(samples: Samples): number {
  let last = 0
  for (let i = 0; i < samples.dueMs.length; i++) {
    last = Math.max(last, (samples.dueMs[i] ?? 0) + (samples.latencyMs[i] ?? 0))
  }
  return Math.floor(last / 1_000)
}

function distributionOf(histogram: Histogram): [number, number][] {
  const points: [number, number][] = []
  if (histogram.totalCount === 0) return points
  // half the rest, ten times over, in ten steps each: as HDR plots have it
  for (let rest = 1; rest > 0.5 / histogram.totalCount && points.length < 400; rest /= 1.07) {
    points.push([round((1 - rest) * 100, 5), round(histogram.getValueAtPercentile((1 - rest) * 100) / 1_000)])
  }
  return points
}

export function round(value: number, digits = 3): number {
  return Number(value.toFixed(digits))
}
