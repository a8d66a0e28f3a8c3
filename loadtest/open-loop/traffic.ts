import type { Outcome } from './samples.ts'

/** One request, and what must come back. */
export interface Ask {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** `text` is whole. */
  readonly judge: (status: number, text: string) => Outcome
}

/** What a thread of a generator sends. Its module exports `openTraffic`; made in the thread, so settings are plain data. */
export interface Traffic {
  /** The n-th of this thread. */
  readonly ask: (n: number) => Ask
}

export type OpenTraffic<Settings> = (
  settings: Settings,
  random: () => number,
  expected: number,
) => Traffic | Promise<Traffic>

/** Named by the module's URL: threads share no functions. */
export interface TrafficOf {
  readonly module: string
  readonly settings: unknown
}

/** Refusals and failures look alike for every kind of request. */
export function judgeFailure(status: number, text: string): Outcome {
  const code = /"code":"(\w+)"/.exec(text)?.[1] ?? '-'
  const refused = status === 429 || status === 503
  return { kind: refused ? 'refused' : 'failed', name: `${status} ${code}` }
}
