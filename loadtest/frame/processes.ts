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

/** Of everything that is not ours: what a figure may owe to somebody else's work. */
export const OTHERS = 'everything else on the machine'

interface Watched {
  pid: () => number | null
  /** Without its child processes. */
  readonly alone: boolean
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
  readonly #others: Watched['series'] = { name: OTHERS, second: [], cores: [], megabytes: [], descriptors: [] }
  #lastOthers: { readonly cpuSeconds: number; readonly atMs: number } | null = null
  readonly #timer = setInterval(() => this.#look(), EVERY_MS)

  /** `pid`: of now; a program may be started anew under the same name. */
  add(name: string, pid: () => number | null, alone = false): void {
    const known = this.#watched.find((each) => each.series.name === name)
    if (known !== undefined) {
      known.pid = pid
      return
    }
    const series = { name, second: [], cores: [], megabytes: [], descriptors: [] }
    this.#watched.push({ pid, alone, series, last: null })
  }

  stop(): ProcessSeries[] {
    clearInterval(this.#timer)
    return [...this.#watched.map((each) => each.series), this.#others]
  }

  #look(): void {
    const children = childrenOf()
    const nowMs = performance.now()
    const second = Math.round((nowMs - this.#beganMs) / 1_000)
    const ours = new Map<number, Stat>()
    for (const each of treeOf(process.pid, children)) ours.set(each.pid, each)
    for (const watched of this.#watched) {
      const pid = watched.pid()
      const whole = pid === null ? [] : treeOf(pid, children)
      for (const each of whole) ours.set(each.pid, each)
      const tree = watched.alone ? whole.slice(0, 1) : whole
      if (pid === null || tree.length === 0) {
        watched.last = null
        continue
      }
      const cpuSeconds = watched.alone ? (tree[0]?.ownSeconds ?? 0) : cpuSecondsOf(tree)
      if (watched.last?.pid === pid) {
        const { series, last } = watched
        series.second.push(second)
        series.cores.push(coresOf(cpuSeconds - last.cpuSeconds, nowMs - last.atMs))
        series.megabytes.push(Math.round(megabytesOf(tree)))
        series.descriptors.push(descriptorsOf(tree))
      }
      watched.last = { pid, cpuSeconds, atMs: nowMs }
    }
    const cpuSeconds = machineSeconds() - cpuSecondsOf([...ours.values()])
    if (this.#lastOthers !== null) {
      this.#others.second.push(second)
      this.#others.cores.push(coresOf(cpuSeconds - this.#lastOthers.cpuSeconds, nowMs - this.#lastOthers.atMs))
      this.#others.megabytes.push(0)
      this.#others.descriptors.push(0)
    }
    this.#lastOthers = { cpuSeconds, atMs: nowMs }
  }
}

function coresOf(cpuSeconds: number, passedMs: number): number {
  return Number(Math.max(0, cpuSeconds / (passedMs / 1_000)).toFixed(3))
}

/** Of all cores, since the start: /proc/stat without idle and waiting for disks; steal is another machine's work. */
function machineSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0] =
    /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? []
  return (user + nice + system + irq + soft) / TICKS_A_SECOND
}

/** Processor time of a program and its children until now, those that have ended too, in seconds. */
export function cpuSecondsNow(pid: number): number {
  return cpuSecondsOf(treeOf(pid, childrenOf()))
}

export function childPids(pid: number): number[] {
  return (childrenOf().get(pid) ?? []).map((each) => each.pid)
}

interface Stat {
  readonly pid: number
  readonly parent: number
  readonly ownSeconds: number
  /** Own and of children that were waited for. */
  readonly cpuSeconds: number
}

function statOf(pid: number): Stat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // behind the name in brackets, which may hold anything: field 4, then 14–17 (proc(5))
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const own = (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
    const ended = (Number(fields[13]) + Number(fields[14])) / TICKS_A_SECOND
    return { pid, parent: Number(fields[1]), ownSeconds: own, cpuSeconds: own + ended }
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
