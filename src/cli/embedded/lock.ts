import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedError, systemCode } from './error.ts'
import type { OnEvent } from './event.ts'
import { isAlive, processIdentity } from './processes.ts'

/**
 * One process at a time prepares and starts the cluster of a folder; a second one waits and then joins the running
 * server. The lock is about order, not safety: should two ever hold it (two processes take over one stale lock in the
 * same instant), the rename in `initialize` and PostgreSQL's own postmaster.pid still allow one cluster, one postmaster.
 *
 * A crash leaves the file with the pid of a dead process; the next start takes it over.
 */
export async function withLock<T>(
  folder: string,
  waitMs: number,
  onEvent: OnEvent,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(folder, 'lock')
  const mine = JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid), nonce: randomUUID() })
  await acquire(path, mine, waitMs, onEvent)
  try {
    return await work()
  } finally {
    if ((await textOf(path)) === mine) await rm(path, { force: true })
  }
}

async function acquire(path: string, mine: string, waitMs: number, onEvent: OnEvent): Promise<void> {
  const began = Date.now()
  let told = 0
  // Linked into place with its content, so nobody reads a half-written lock.
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, mine, { mode: 0o600, flag: 'wx' })
  try {
    for (;;) {
      if (await linked(draft, path)) return
      const theirs = await textOf(path)
      if (theirs === null) continue
      const holder = parse(theirs)
      if (holder === null || !isHeld(holder)) {
        await takeAway(path, theirs)
        continue
      }
      const waited = Date.now() - began
      if (waited > waitMs) {
        throw new EmbeddedError(
          'busy',
          `process ${holder.pid} has been starting this cluster for ${waited} ms: ${path}`,
        )
      }
      if (waited >= told) {
        onEvent({ step: 'waiting', text: `process ${holder.pid} is starting this cluster; waiting for it` })
        told = waited + 5_000
      }
      await sleep(50)
    }
  } finally {
    await rm(draft, { force: true })
  }
}

/** Removes the lock we judged stale, and puts back another that slipped in between the judgement and the removal. */
async function takeAway(path: string, judged: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  if ((await textOf(aside)) !== judged) await linked(aside, path)
  await rm(aside, { force: true })
}

interface Holder {
  readonly pid: number
  readonly identity: string | null
}

function parse(text: string): Holder | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return null
    return {
      pid: value.pid,
      identity: 'identity' in value && typeof value.identity === 'string' ? value.identity : null,
    }
  } catch {
    return null
  }
}

function isHeld({ pid, identity }: Holder): boolean {
  return isAlive(pid) && (identity === null || processIdentity(pid) === identity)
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}
