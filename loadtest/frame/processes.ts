import { readdirSync, readFileSync } from 'node:fs'

/** `CLK_TCK` of Linux on every machine we know. */
const TICKS_A_SECOND = 100
const EVERY_MS = 1_000

/** One program with its child processes, a row a second. */
export interface ProcessSeries {
  readonly name: string
  /** Seconds from the start of the run. */
  readonly second: readonly number[]
  /** Processor cores in use, on the mean of the second. */
  readonly cores: readonly number[]
  readonly megabytes: readonly number[]
  /** Open descriptors; -1 where we may not look. */
  readonly descriptors: readonly number[]
}

interface Watched {
  pid: () => number | null
  readonly series: { name: string; second: number[]; cores: number[]; megabytes: number[]; descriptors: number[] }
  last: { readonly pid: number; readonly cpuSeconds: number; readonly atMs: number } | null
}

/**
 * Looks at /proc once a second: what programs under load take. Memory is what is theirs alone, and what a program's
 * processes share (PostgreSQL's buffers) once.
 */
export class ProcessWatch {
  readonly #beganMs = performance.now()
  readonly #watched: Watched[] = []
  readonly #timer = setInterval(() => this.#look(), EVERY_MS)

  /** `pid`: of now; a program may be started anew under the same name. */
  add(name: string, pid: () => number | null): void {
    const known = this.#watched.find((each) => each.series.name === name)
    if (known !== undefined) {
      known.pid = pid
      return
    }
    const series = { name, second: [], cores: [], megabytes: [], descriptors: [] }
    this.#watched.push({ pid, series, last: null })
  }

  stop(): ProcessSeries[] {
    clearInterval(this.#timer)
    return this.#watched.map((each) => each.series)
  }

  #look(): void {
    const children = childrenOf()
    const nowMs = performance.now()
    for (const watched of this.#watched) {
      const pid = watched.pid()
      const tree = pid === null ? [] : treeOf(pid, children)
      if (pid === null || tree.length === 0) {
        watched.last = null
        continue
      }
      const cpuSeconds = cpuSecondsOf(tree)
      if (watched.last?.pid === pid) {
        const { series, last } = watched
        series.second.push(Math.round((nowMs - this.#beganMs) / 1_000))
        series.cores.push(
          Number(Math.max(0, (cpuSeconds - last.cpuSeconds) / ((nowMs - last.atMs) / 1_000)).toFixed(3)),
        )
        series.megabytes.push(Math.round(megabytesOf(tree)))
        series.descriptors.push(descriptorsOf(tree))
      }
      watched.last = { pid, cpuSeconds, atMs: nowMs }
    }
  }
}

/** Processor time of a program and its children until now, those that have ended too, in seconds. */
export function cpuSecondsNow(pid: number): number {
  return cpuSecondsOf(treeOf(pid, childrenOf()))
}

interface Stat {
  readonly pid: number
  readonly parent: number
  /** Own and of children that were waited for. */
  readonly cpuSeconds: number
}

function statOf(pid: number): Stat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // behind the name in brackets, which may hold anything: field 4, then 14–17 (proc(5))
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])
    return { pid, parent: Number(fields[1]), cpuSeconds: ticks / TICKS_A_SECOND }
  } catch {
    return null // it has ended meanwhile
  }
}

function childrenOf(): Map<number, Stat[]> {
  const byParent = new Map<number, Stat[]>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null
    if (stat === null) continue
    const siblings = byParent.get(stat.parent)
    if (siblings === undefined) byParent.set(stat.parent, [stat])
    else siblings.push(stat)
  }
  return byParent
}

function treeOf(pid: number, children: ReadonlyMap<number, Stat[]>): Stat[] {
  const root = statOf(pid)
  if (root === null) return []
  const tree = [root]
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]?.pid ?? -1) ?? []))
  return tree
}

function cpuSecondsOf(tree: readonly Stat[]): number {
  return tree.reduce((sum, each) => sum + each.cpuSeconds, 0)
}

function megabytesOf(tree: readonly Stat[]): number {
  let own = 0
  let shared = 0
  for (const { pid } of tree) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      own += Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0)
      shared = Math.max(shared, Number(/^RssShmem:\s+(\d+)/m.exec(status)?.[1] ?? 0))
    } catch {
      // it has ended meanwhile
    }
  }
  return (own + shared) / 1_024
}

function descriptorsOf(tree: readonly Stat[]): number {
  let open = 0
  for (const { pid } of tree) {
    try {
      open += readdirSync(`/proc/${pid}/fd`).length
    } catch {
      return -1
    }
  }
  return open
}
