import { afterAll, beforeAll } from 'vitest'
import type { FeedRow } from '../../src/sync/feed.ts'
import { createWorld, type Running, type World } from './service.ts'

/** What most suites over HTTP stand on: one world, one server on it, and a token of facility 38001. Set by `openDesk`. */
export let world: World
export let running: Running
export let token: string

/** Called once by a suite, at its top. */
export function openDesk(rows: readonly FeedRow[]): void {
  beforeAll(async () => {
    world = await createWorld(rows)
    running = await world.start()
    token = await world.token('facility:38001')
  })
  afterAll(() => world?.close())
}
