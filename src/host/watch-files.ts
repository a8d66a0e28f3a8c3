import { stat } from 'node:fs/promises'

/** Keys and certificates that changed are taken up within this time; SIGHUP is at once. A look is one system call a file. */
export const WATCH_EVERY_MS = 10_000

export interface Watch {
  /** Reads again, whether anything seems to have changed or not. */
  readonly now: () => Promise<void>
  readonly stop: () => void
}

/**
 * Calls `changed` when one of the files is another than before. Looks rather than being told: a mounted secret is a link
 * that is turned over, and of that no event comes. A failure is `failed`'s, and is tried again with the next look: two
 * files of a pair are not replaced at one moment.
 */
export async function watchFiles(
  paths: readonly string[],
  changed: () => Promise<void>,
  failed: (error: unknown) => void,
): Promise<Watch> {
  let seen = await Promise.all(paths.map(stamp))
  let atWork: Promise<void> = Promise.resolve()
  const take = async (evenIfSame: boolean) => {
    const stamps = await Promise.all(paths.map(stamp))
    if (!evenIfSame && stamps.every((each, n) => each === seen[n])) return
    await changed()
    seen = stamps // as they were before they were read: what changed meanwhile is seen by the next look
  }
  const look = (evenIfSame: boolean) => {
    atWork = atWork.then(() => take(evenIfSame)).catch(failed)
    return atWork
  }
  const timer = setInterval(() => void look(false), WATCH_EVERY_MS)
  timer.unref()
  return { now: () => look(true), stop: () => clearInterval(timer) }
}

/** Null: it is not there, or cannot be looked at. */
async function stamp(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => null)
  return found === null ? null : `${found.ino} ${found.size} ${found.mtimeNs}`
}
