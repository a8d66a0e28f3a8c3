import type { Sql } from './connect.ts'

/** Runs work on the database under the host's deadline. */
export type Query = <T>(work: (sql: Sql) => Promise<T>) => Promise<T>

export interface Pool {
  /** Rejects as the work does, or with `DatabaseSilent`: then it is not known what the work has done. */
  readonly query: Query
  readonly end: () => Promise<void>
  readonly seen: Readonly<PoolSeen>
}

/** For whoever measures. */
export interface PoolSeen {
  /** Works that wait for the database: each has a connection to itself while there are enough, else they share (pipelined). */
  underWay: number
  /** How often the database was silent past the deadline. */
  silent: number
}

/** No answer within the deadline, not even a refusal. */
export class DatabaseSilent extends Error {
  override readonly name = 'DatabaseSilent'
}

/** Of postgres.js and of Node, for a connection that was there and is gone, or that hung while it was made. */
const LOST: ReadonlySet<unknown> = new Set(['CONNECTION_CLOSED', 'CONNECT_TIMEOUT', 'ECONNRESET', 'EPIPE'])

/**
 * postgres.js waits for an answer as long as TCP does: 15 minutes, when a switch or a firewall forgot the connection.
 * It lets nobody take a single connection from it, so the whole instance goes and a fresh one serves. Whatever else
 * waits on the old one is rejected at once. The deadline is to be longer than PostgreSQL's own for a statement, which
 * ends what is merely slow.
 *
 * So it does when a connection is lost: one that closes between a statement and its writing never writes again
 * (postgres.js 3.4.9 clears its timer and forgets that it did), each later statement on it hangs for the whole
 * `connect_timeout`. Statements under way on the other connections of the old instance come to their end.
 */
export function createPool(open: () => Sql, deadlineMs: number): Pool {
  let current = open()
  let ended = false
  const retired = new Map<Sql, NodeJS.Timeout>()
  const seen: PoolSeen = { underWay: 0, silent: 0 }

  function giveUp(silent: Sql): void {
    if (silent !== current || ended) return // somebody else who waited on it was first
    seen.silent++
    current = open()
    // not awaited: it says good-bye to somebody who does not answer
    silent.end({ timeout: 0 }).catch(() => {})
  }

  function retire(lost: Sql): void {
    if (lost !== current || ended) return
    current = open()
    const timer = setTimeout(() => {
      retired.delete(lost)
      lost.end({ timeout: 0 }).catch(() => {})
    }, deadlineMs) // whoever works with it has its answer by then, or has given up
    retired.set(lost, timer.unref())
  }

  return {
    seen,
    query: async (work) => {
      const sql = current
      seen.underWay++
      const answer = work(sql)
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(new DatabaseSilent(`no answer in ${deadlineMs} ms`))
          giveUp(sql)
        }, deadlineMs)
      })
      return Promise.race([answer, late])
        .catch((error: unknown) => {
          if (isLost(error)) retire(sql)
          throw error
        })
        .finally(() => {
          seen.underWay--
          clearTimeout(timer)
        })
    },
    end: async () => {
      ended = true
      for (const timer of retired.values()) clearTimeout(timer)
      // nothing is in flight any more, or it hangs
      await Promise.all([current, ...retired.keys()].map((each) => each.end({ timeout: 1 })))
    },
  }
}

/** Whatever has been made of it on its way here. */
function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && LOST.has(error.code)) || isLost(error.cause)
}
