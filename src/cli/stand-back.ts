import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { readBackend } from '../db/backend.ts'
import type { Sql } from '../db/connect.ts'

const LOWEST = constants.priority.PRIORITY_LOW

/**
 * For a long command beside desks: whoever wants the processor has it first (nice 19, a seventieth of a desk's weight).
 * All threads of this process, those that Node has begun already too; later ones inherit it from their maker.
 *
 * Linux shares the processor out among sessions first (autogroups, sched(7)), so a thread's own niceness counts within its
 * session only. A service or a job of cron leads one: the whole of it stands back. A terminal's is the operator's own.
 */
export function standBack(): void {
  for (const thread of threads()) lower(thread)
  if (leadsItsSession()) attempt(() => writeFileSync('/proc/self/autogroup', String(LOWEST)))
}

/**
 * The same for the statements of this connection, where PostgreSQL runs on this machine and we may: as its user, or as
 * root. On another machine, or in a container, that number is nobody's or somebody else's: only a process whose title
 * names this very connection is meant.
 */
export async function standBackend(sql: Sql): Promise<void> {
  const { pid, clientPort } = await readBackend(sql)
  if (clientPort !== null && isBackend(read(`/proc/${pid}/cmdline`), clientPort)) lower(pid)
}

/** `postgres: kiemthe_owner kiemthe 127.0.0.1(43092) idle` */
export function isBackend(title: string, clientPort: number): boolean {
  return title.startsWith('postgres:') && title.includes(`(${clientPort}) `)
}

function threads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number)
  } catch {
    return [0] // not Linux: this thread
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function leadsItsSession(): boolean {
  const [, , , session] = read('/proc/self/stat').split(') ').at(-1)?.split(' ') ?? []
  return Number(session) === process.pid
}

function lower(id: number): void {
  attempt(() => setPriority(id, LOWEST))
}

/** A comfort: who may not, or comes too late, goes on as fast as before. */
function attempt(work: () => void): void {
  try {
    work()
  } catch {}
}
