/** What became of a request. `right`: answered as it must be. `refused`: told to come back (429, 503). */
export type OutcomeKind = 'right' | 'wrong' | 'refused' | 'failed'

export interface Outcome {
  readonly kind: OutcomeKind
  /** A decision code, a problem's code with its status, an error's code. */
  readonly name: string
}

/** Every request of a run: what was planned, and what came of it. Columns, so that threads can hand them over. */
export interface Samples {
  /** Planned start, ms from the start of the run. */
  readonly dueMs: Float64Array
  /** How long after its planned start it was handed to a connection's queue: the generator's own fault. */
  readonly lagMs: Float32Array
  /** From the planned start to the end of the answer. */
  readonly latencyMs: Float32Array
  /** Place in `outcomes`. */
  readonly outcome: Uint16Array
  readonly outcomes: readonly Outcome[]
}

/** Grows; `samples` is what it holds. */
export class SampleBuffer {
  #due: Float64Array
  #lag: Float32Array
  #latency: Float32Array
  #outcome: Uint16Array
  #length = 0
  readonly #outcomes: Outcome[] = []
  readonly #places = new Map<string, number>()

  constructor(expected = 1_024) {
    this.#due = new Float64Array(expected)
    this.#lag = new Float32Array(expected)
    this.#latency = new Float32Array(expected)
    this.#outcome = new Uint16Array(expected)
  }

  get length(): number {
    return this.#length
  }

  add(dueMs: number, lagMs: number, latencyMs: number, outcome: Outcome): void {
    if (this.#length === this.#due.length) this.#grow()
    const at = this.#length++
    this.#due[at] = dueMs
    this.#lag[at] = lagMs
    this.#latency[at] = latencyMs
    this.#outcome[at] = this.#placeOf(outcome)
  }

  samples(): Samples {
    const n = this.#length
    return {
      dueMs: this.#due.slice(0, n),
      lagMs: this.#lag.slice(0, n),
      latencyMs: this.#latency.slice(0, n),
      outcome: this.#outcome.slice(0, n),
      outcomes: this.#outcomes,
    }
  }

  #placeOf({ kind, name }: Outcome): number {
    const known = this.#places.get(`${kind} ${name}`)
    if (known !== undefined) return known
    this.#places.set(`${kind} ${name}`, this.#outcomes.length)
    return this.#outcomes.push({ kind, name }) - 1
  }

  #grow(): void {
    const size = this.#due.length * 2
    const due = new Float64Array(size)
    due.set(this.#due)
    this.#due = due
    const lag = new Float32Array(size)
    lag.set(this.#lag)
    this.#lag = lag
    const latency = new Float32Array(size)
    latency.set(this.#latency)
    this.#latency = latency
    const outcome = new Uint16Array(size)
    outcome.set(this.#outcome)
    this.#outcome = outcome
  }
}

/** Of several threads. */
export function together(parts: readonly Samples[]): Samples {
  const all = new SampleBuffer(
    Math.max(
      1,
      parts.reduce((sum, part) => sum + part.dueMs.length, 0),
    ),
  )
  for (const part of parts) {
    for (let i = 0; i < part.dueMs.length; i++) {
      const outcome = part.outcomes[part.outcome[i] ?? 0]
      if (outcome === undefined) throw new Error('an outcome without a name')
      all.add(part.dueMs[i] ?? 0, part.lagMs[i] ?? 0, part.latencyMs[i] ?? 0, outcome)
    }
  }
  return all.samples()
}
