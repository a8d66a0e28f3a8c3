import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeFeedFile } from '../../mocks/insurer/feed-file.ts'
import { rollBack, takeFeed } from '../../src/cli/import.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { day, record } from '../http/http-support.ts'
import { applyNext } from '../support/delta.ts'
import { createWorld, loadRows, type World } from '../support/service.ts'

/**
 * A statement that changes the copy also appends its entry, and the log's head is what every desk needs: whoever held it
 * while rows of millions are written would let all desks wait.
 */

const someone = record()
const revoked: FeedRow = { ...someone, status: 'revoked', statusFrom: day(-1) }

let world: World
let folder: string
let holder: Sql

beforeAll(async () => {
  world = await createWorld([])
  await loadRows(world.owner, world.dataKeys, [someone, record()], new Date())
  folder = await mkdtemp(join(tmpdir(), 'kiemthe-feed-'))
  holder = connect(world.ownerUrl, { connectionsMax: 2, statementTimeoutMs: 0, applicationName: 'holder' })
})

afterAll(async () => {
  await holder?.end()
  await rm(folder, { recursive: true, force: true })
  await world?.close()
})

async function takeFull(): Promise<void> {
  const pair = world.clients.get('feed:vss')
  if (pair === undefined) throw new Error('the world has a feed')
  const created = new Date(Date.now() - 60_000)
  const file = { feed: 'vss', sequence: 5, kind: 'full', encoding: 'plain', asOf: created, created } as const
  const { path } = await writeFeedFile(folder, pair, file, [{ ...someone, registeredFacility: '38002' }])
  const { ownerUrl, dataKeys } = world
  await takeFeed(path, { ownerUrl, dataKeys, shrinkMaxPercent: 5, acceptShrink: 'a test', say: () => {} })
}

// in this order: each finds what the one before it left
test.each<[string, () => Promise<unknown>]>([
  ['a delta', () => applyNext(world, [revoked])],
  ['a full feed', takeFull],
  ['a rollback', () => rollBack(world.owner, 'vss', world.dataKeys, 'a test', () => {})],
])('desks would wait while %s writes its rows', async (_, change) => {
  let changing: Promise<unknown> = Promise.resolve()
  await holder.begin(async (tx) => {
    await tx`select from coverage where known_to = 'infinity' for update`
    changing = change()
    changing.catch(() => {}) // told below
    await expect.poll(waits, { timeout: 20_000 }).toBe(true)
    await tx`select from log_head for update nowait`
  })
  await changing
})

/** Whether somebody stands before the rows that are held. */
async function waits(): Promise<boolean> {
  const [row] = await world.owner<{ waits: boolean }[]>`
    select exists (select from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock') as waits`
  return row?.waits === true
}
