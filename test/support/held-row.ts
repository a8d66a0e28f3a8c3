import { expect } from 'vitest'
import type { Sql } from '../../src/db/connect.ts'

/** Between two steps: whoever is to change that row of the first log waits until it is let go. */
export interface HeldRow {
  readonly untilWaiting: () => Promise<void>
  /** When the waiting process was killed, PostgreSQL never does what it was told by it, */
  readonly undone: () => Promise<void>
  /** or does it all the same: it had been told, and nobody hears of it. */
  readonly done: () => Promise<void>
}

export async function holdRow(
  owner: Sql,
  table: 'log_head' | 'log_tree' | 'log_checkpoint',
  applicationName: string,
): Promise<HeldRow> {
  const holder = await owner.reserve()
  await holder`begin`
  await holder`select from ${holder(table)} where log_id = 1 for update`
  const waiters = async () => {
    const rows = await owner<{ pid: number }[]>`
      select pid from pg_stat_activity
       where datname = current_database() and application_name = ${applicationName} and wait_event_type = 'Lock'`
    return rows.map(({ pid }) => pid)
  }
  const until = (count: number) =>
    expect.poll(async () => (await waiters()).length, { interval: 5, timeout: 30_000 }).toBe(count)
  const letGo = async () => {
    await holder`rollback`
    holder.release()
  }
  return {
    untilWaiting: () => until(1),
    undone: async () => {
      for (const pid of await waiters()) await owner`select pg_terminate_backend(${pid})`
      await until(0)
      await letGo()
    },
    done: async () => {
      await letGo()
      await until(0)
    },
  }
}
