import { Socket } from 'node:net'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { createPool } from '../../src/db/pool.ts'
import { databaseUrl } from '../support/cluster.ts'
import { type DatabaseProxy, startProxy } from '../support/proxy.ts'

let proxy: DatabaseProxy

beforeAll(async () => {
  proxy = await startProxy(inject('cluster'))
})

afterAll(async () => {
  await proxy?.close()
})

const open = () => {
  const { host, password } = inject('cluster')
  const url = databaseUrl({ host, port: proxy.port }, 'postgres', password, 'postgres')
  return connect(url, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'pool' })
}

const one = (sql: ReturnType<typeof open>) => sql<{ one: number }[]>`select 1 as one`

/**
 * The connection closes after a statement was taken and before it is written: an event of the loop that ends the socket, then
 * one that asks, then the socket's `close`.
 */
async function askWhileItCloses(ask: () => Promise<unknown>): Promise<string> {
  const handles = (process as unknown as { _getActiveHandles: () => unknown[] })._getActiveHandles()
  const socket = handles.find((each) => each instanceof Socket && each.remotePort === proxy.port && !each.destroyed)
  if (!(socket instanceof Socket)) throw new Error('a connection to cut is open')
  socket.destroy()
  await new Promise((resolve) => setImmediate(resolve))
  return ask().then(
    () => 'answered',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'thrown'),
  )
}

test('postgres.js alone: a connection cut between a statement and its writing never writes again', async () => {
  const sql = open()
  await one(sql)
  expect(await askWhileItCloses(() => one(sql))).toBe('CONNECTION_CLOSED')
  const next = one(sql).then(
    () => 'answered',
    () => 'thrown',
  )
  // if this fails after an update, the pool need not replace what lost a connection
  expect(await Promise.race([next, new Promise((resolve) => setTimeout(() => resolve('hangs'), 1_500))])).toBe('hangs')
  await Promise.all([sql.end({ timeout: 0 }).catch(() => {}), next])
})

test('by the pool: who was on it hears so, the next one is answered', async () => {
  const pool = createPool(open, 4_000)
  await pool.query(one)
  for (let turn = 0; turn < 3; turn++) {
    expect(await askWhileItCloses(() => pool.query(one))).toBe('CONNECTION_CLOSED')
    expect(await pool.query(one)).toEqual([{ one: 1 }])
  }
  expect(pool.seen).toEqual({ underWay: 0, silent: 0 })
  await pool.end()
})
