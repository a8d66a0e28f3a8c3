import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Sql } from '../../src/db/connect.ts'
import { createPool, DatabaseSilent } from '../../src/db/pool.ts'

/** Instances that never say anything; what waits on one is rejected when it is ended, as postgres.js does. */
function silentInstances() {
  const opened: { readonly sql: Sql; readonly ends: ({ timeout?: number } | undefined)[] }[] = []
  const waiting = new Map<Sql, ((reason: Error) => void)[]>()
  const open = () => {
    const ends: ({ timeout?: number } | undefined)[] = []
    const end = (options?: { timeout?: number }) => {
      ends.push(options)
      for (const reject of waiting.get(sql) ?? []) reject(new Error('CONNECTION_DESTROYED'))
      return new Promise<void>((resolve, reject) => {
        if (options?.timeout === 0) reject(new Error('nor does its end go well'))
        else resolve()
      })
    }
    const sql = { end } as unknown as Sql
    opened.push({ sql, ends })
    return sql
  }
  const hang = (sql: Sql) =>
    new Promise<never>((_, reject) => {
      waiting.set(sql, [...(waiting.get(sql) ?? []), reject])
    })
  return { opened, open, hang }
}

const whichOne = async (sql: Sql) => sql

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

describe('an instance that is silent past the deadline', () => {
  test('is ended and replaced; all who waited on it hear so at once', async () => {
    const { opened, open, hang } = silentInstances()
    const pool = createPool(open, 1_000)
    const first = expect(pool.query(hang)).rejects.toBeInstanceOf(DatabaseSilent)
    await vi.advanceTimersByTimeAsync(600)
    const second = expect(pool.query(hang)).rejects.toThrow('CONNECTION_DESTROYED')
    await vi.advanceTimersByTimeAsync(399)
    expect(opened).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    await Promise.all([first, second])
    expect(opened.map((each) => each.ends)).toEqual([[{ timeout: 0 }], []])
    expect(await pool.query(whichOne)).toBe(opened[1]?.sql)
  })

  test('is replaced once, however many give it up; the fresh one is left alone', async () => {
    const { opened, open } = silentInstances()
    const pool = createPool(open, 1_000)
    const deaf = () => new Promise<never>(() => {})
    const three = Promise.allSettled([pool.query(deaf), pool.query(deaf), pool.query(deaf)])
    await vi.advanceTimersByTimeAsync(1_000)
    expect((await three).map((each) => each.status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(opened.map((each) => each.ends.length)).toEqual([1, 0])
  })

  test('is not replaced once the pool has ended: nobody would end the fresh one', async () => {
    const { opened, open } = silentInstances()
    const pool = createPool(open, 1_000)
    const late = expect(pool.query(() => new Promise<never>(() => {}))).rejects.toBeInstanceOf(DatabaseSilent)
    await pool.end()
    await vi.advanceTimersByTimeAsync(1_000)
    await late
    expect(opened.map((each) => each.ends)).toEqual([[{ timeout: 1 }]])
  })
})

test('whatever is answered, or refused, or fails before it asks keeps its instance and leaves no timer', async () => {
  const { opened, open } = silentInstances()
  const pool = createPool(open, 1_000)
  expect(await pool.query(async () => 1)).toBe(1)
  await expect(pool.query(() => Promise.reject(new TypeError('refused')))).rejects.toBeInstanceOf(TypeError)
  const throws = () => {
    throw new RangeError('at once')
  }
  await expect(pool.query(throws)).rejects.toBeInstanceOf(RangeError)
  expect(vi.getTimerCount()).toBe(0)
  expect(opened.map((each) => each.ends)).toEqual([[]])
})

describe('an instance that lost a connection', () => {
  const lost = (code: string) => Object.assign(new Error('write'), { code })

  test.each([
    ['CONNECTION_CLOSED', lost('CONNECTION_CLOSED')],
    ['ECONNRESET', lost('ECONNRESET')],
    ['EPIPE', lost('EPIPE')],
    ['CONNECT_TIMEOUT', lost('CONNECT_TIMEOUT')],
    ['what the log made of it', new Error('log_outcome_unknown', { cause: lost('ECONNRESET') })],
  ])('%s: a fresh one serves, and who works on the old one has until the deadline', async (_, error) => {
    const { opened, open, hang } = silentInstances()
    const pool = createPool(open, 1_000)
    const beside = expect(pool.query(hang)).rejects.toThrow('CONNECTION_DESTROYED')
    await vi.advanceTimersByTimeAsync(500)
    await expect(pool.query(() => Promise.reject(error))).rejects.toBe(error)
    expect(await pool.query(whichOne)).toBe(opened[1]?.sql)
    expect(opened.map((each) => each.ends)).toEqual([[], []])
    void vi.advanceTimersByTimeAsync(1_000)
    await Promise.allSettled([beside])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(opened.map((each) => each.ends)).toEqual([[{ timeout: 0 }], []])
  })

  test('is replaced once, however many were on it, and ended with the pool', async () => {
    const { opened, open } = silentInstances()
    const pool = createPool(open, 1_000)
    const fail = () => Promise.reject(lost('CONNECTION_CLOSED'))
    await Promise.allSettled([pool.query(fail), pool.query(fail), pool.query(fail)])
    expect(opened).toHaveLength(2)
    await pool.end()
    expect(opened.map((each) => each.ends)).toEqual([[{ timeout: 1 }], [{ timeout: 1 }]])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('one that never had a connection, or was told by PostgreSQL to wait, is not replaced', async () => {
    const { opened, open } = silentInstances()
    const pool = createPool(open, 1_000)
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', '57P03', '57P01', '23505']) {
      await expect(pool.query(() => Promise.reject(lost(code)))).rejects.toThrow('write')
    }
    expect(opened).toHaveLength(1)
  })
})
