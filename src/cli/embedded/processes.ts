import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { systemCode } from './error.ts'

/** False for a zombie too: in a container without an init nobody reaps a postmaster whose Node died. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false
  }
  const state = procStat(pid)?.[0]
  return state !== 'Z' && state !== 'X'
}

/** Differs for two processes that had the same pid one after the other; null when the system does not tell. */
export function processIdentity(pid: number): string | null {
  const started = procStat(pid)?.[19]
  if (started !== undefined) return `${readOrNull('/proc/sys/kernel/random/boot_id')?.trim()}/${started}`
  return ps(pid, 'lstart=')
}

/** Whether the process is the postmaster of that data folder; null when the system does not tell. */
export function isPostmasterOf(pid: number, dataFolder: string): boolean | null {
  if (!isAlive(pid)) return false
  const words = readOrNull(`/proc/${pid}/cmdline`)?.split('\0')
  if (words === undefined) return ps(pid, 'command=')?.includes(`postgres -D ${dataFolder} `) ?? null
  if (basename(words[0] ?? '') !== 'postgres') return false
  try {
    // A postmaster works in its data folder. The inode stays the same when the folder was moved or is a bind mount.
    const works = statSync(`/proc/${pid}/cwd`)
    const data = statSync(dataFolder)
    return works.dev === data.dev && works.ino === data.ino
  } catch {
    return null
  }
}

/** Fields of /proc/<pid>/stat from the state on; the command before it may hold blanks and parentheses. */
function procStat(pid: number): string[] | undefined {
  const text = readOrNull(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

function readOrNull(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** macOS has no /proc. */
function ps(pid: number, column: string): string | null {
  try {
    const words = ['-ww', '-o', column, '-p', String(pid)]
    return execFileSync('ps', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || null
  } catch {
    return null
  }
}
