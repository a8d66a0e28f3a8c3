/** What the reporter needs of `process.stderr`. */
export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface ProgressOptions {
  readonly label: string
  readonly total: number
  /** Plural noun, e.g. `rows`. */
  readonly unit: string
  readonly stream?: ProgressStream
  /** Milliseconds. */
  readonly now?: () => number
}

export interface Progress {
  /** `done` counts from the beginning, it is not an increment. */
  update(done: number): void
  /** All done: the last line tells how long it took. */
  finish(): void
  /** It went wrong: the last state stays in view and what is written next begins on a line of its own. */
  fail(): void
}

const REDRAW_MS_MIN = 100
const LINE_MS_MIN = 5_000
/** The rate forgets what is older than about this: steady enough to read, quick enough to show a slowdown. */
const RATE_MEMORY_MS = 5_000
const BAR_COLUMNS = 24

/**
 * A terminal gets one line that is drawn again, at most ten times a second; anything else (a file, CI) gets plain lines, one every
 * 5 s at most. The cursor is never hidden, so no ending, kill -9 included, leaves a terminal without one.
 */
export function createProgress(options: ProgressOptions): Progress {
  const { label, total, unit, stream = process.stderr, now = Date.now } = options
  const terminal = stream.isTTY === true
  const began = now()
  let done = 0
  let shownAt: number | null = null
  let rate = createRate(began)
  let over = false

  function state(): string {
    const perSecond = rate.perSecond()
    const amount = `${thousands(done)}/${thousands(total)} ${unit}`
    const pace = perSecond > 0 ? `  ${thousands(Math.round(perSecond))}/s` : ''
    const left = perSecond > 0 && done < total ? `  ${clock(((total - done) / perSecond) * 1_000)} left` : ''
    return `${amount}${pace}${left}`
  }

  function show(text: string, end: boolean): void {
    if (!terminal) stream.write(`${label}  ${text}\n`)
    else stream.write(`\r${fitted(text)}\x1b[K${end ? '\n' : ''}`)
    shownAt = now()
  }

  /** A line that wraps could not be drawn over: the bar gives way first, then the text is cut. */
  function fitted(text: string): string {
    const columns = stream.columns ?? 80
    const room = columns - 1 - `${label}  `.length - `  ${text}`.length
    const line = room >= 5 ? `${label}  ${bar(done, total, Math.min(room, BAR_COLUMNS))}  ${text}` : `${label}  ${text}`
    return line.slice(0, columns - 1)
  }

  function end(text: string): void {
    if (over) return
    over = true
    show(text, true)
  }

  return {
    update(count) {
      if (over) return
      const at = now()
      // Going back (a retry from the start) is not a negative rate.
      if (count < done) rate = createRate(at, count)
      done = count
      rate.observe(at, count)
      if (shownAt === null || at - shownAt >= (terminal ? REDRAW_MS_MIN : LINE_MS_MIN)) show(state(), false)
    },
    finish() {
      const took = now() - began
      const pace = took > 0 ? ` (${thousands(Math.round((done / took) * 1_000))}/s)` : ''
      end(`${thousands(done)} ${unit} in ${clock(took)}${pace}`)
    },
    fail() {
      end(`stopped at ${thousands(done)}/${thousands(total)} ${unit} after ${clock(now() - began)}`)
    },
  }
}

/** Exponential moving average over time, not over calls: a caller may report each row or once a second. */
function createRate(began: number, from = 0): { observe(at: number, count: number): void; perSecond(): number } {
  let last = { at: began, count: from }
  let smoothed: number | null = null
  return {
    observe(at, count) {
      const elapsed = at - last.at
      // Two calls in one millisecond say nothing of a rate; the next one counts for both.
      if (elapsed <= 0) return
      const current = ((count - last.count) / elapsed) * 1_000
      const weight = 1 - Math.exp(-elapsed / RATE_MEMORY_MS)
      smoothed = smoothed === null ? current : smoothed + weight * (current - smoothed)
      last = { at, count }
    },
    perSecond: () => smoothed ?? 0,
  }
}

function bar(done: number, total: number, columns: number): string {
  const part = total > 0 ? Math.min(1, Math.max(0, done / total)) : 1
  const full = Math.floor(part * columns)
  return '█'.repeat(full) + '░'.repeat(columns - full)
}

function thousands(count: number): string {
  return count.toLocaleString('en-US')
}

/** `m:ss`, `h:mm:ss` from an hour on. */
function clock(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  const two = (n: number) => String(n).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`
}
