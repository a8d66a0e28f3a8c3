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

/**
 * postgres.js waits for an answer as long as TCP does: 15 minutes, when a switch or a firewall forgot the connection.
 * It lets nobody take a single connection from it, so the whole instance goes and a fresh one serves. Whatever else
 * waits on the old one is rejected at once. The deadline is to be longer than PostgreSQL's own for a statement, which
 * ends what is merely slow.
 */
export function createPool(open: () => Sql, deadlineMs: number): Pool {
  let current = open()
  let ended = false
  const seen: PoolSeen = { underWay: 0, silent: 0 }

  function giveUp(silent: Sql): void {
    if (silent !== current || ended) return // somebody else who waited on it was first
    seen.silent++
    current = open()
    // not awaited: it says good-bye to somebody who does not answer
    silent.end({ timeout: 0 }).catch(() => {})
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
      return Promise.race([answer, late]).finally(() => {
        seen.underWay--
        clearTimeout(timer)
      })
    },
    end: () => {
      ended = true
      return current.end({ timeout: 1 }) // nothing is in flight any more, or it hangs
    },
  }
}
