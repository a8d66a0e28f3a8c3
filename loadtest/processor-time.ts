import { readdir, readFile } from 'node:fs/promises'

/** `CLK_TCK` of Linux on every machine we know. */
const TICKS_A_SECOND = 100
/** Of /proc/PID/stat behind the name in brackets (proc(5)): field 4, then 14–17. */
const PARENT = 1
const [USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM] = [11, 12, 13, 14] as const

/** Processor time of a process, and of its children that have ended, in seconds. */
export async function cpuOf(pid: number): Promise<{ parent: number; own: number; ended: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const at = (place: number) => Number(fields[place])
  return {
    parent: at(PARENT),
    own: (at(USER) + at(SYSTEM)) / TICKS_A_SECOND,
    ended: (at(CHILDREN_USER) + at(CHILDREN_SYSTEM)) / TICKS_A_SECOND,
  }
}

/** Of a process and all its children, those that have ended too. On a shared machine it says more than a clock. */
export async function processorTime(pid: number): Promise<number> {
  const { own, ended } = await cpuOf(pid)
  let seconds = own + ended
  for (const each of await readdir('/proc')) {
    const child = /^\d+$/.test(each) ? await cpuOf(Number(each)).catch(() => null) : null
    if (child?.parent === pid) seconds += child.own
  }
  return seconds
}
