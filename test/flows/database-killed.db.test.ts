import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { judge, KeyedLoad } from '../../loadtest/keyed-load.ts'
import { type ServeProcess, startServe } from '../../loadtest/serve-process.ts'
import { person } from '../../mocks/province/person.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { type EmbeddedPostgres, startEmbedded } from '../../src/cli/embedded/start.ts'
import { asksOf } from '../support/asks.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { createWorld, SERVICE_ID, type World } from '../support/service.ts'
import { prepareTemplate } from '../support/template.ts'
import { removeThrowaway, throwawayFolder } from '../support/throwaway-folder.ts'

const DESKS = 32
const people = Array.from({ length: 100 }, (_, i) =>
  person({ seed: 'database killed', baseDate: todayInVietnam(new Date()) }, i),
)

let folder: string
let postgres: EmbeddedPostgres
let world: World
let keys: Awaited<ReturnType<typeof keysFolder>>
let server: ServeProcess

// A cluster of its own, with fsync on as in life: the one that all suites share is not to be killed.
beforeAll(async () => {
  folder = await throwawayFolder()
  postgres = await startEmbedded({ folder })
  const superuser = { host: postgres.host, port: postgres.port, password: postgres.password }
  const cluster = { ...superuser, ...(await prepareTemplate(superuser)) }
  world = await createWorld(
    people.flatMap((each) => each.coverages),
    { cluster },
  )
  keys = await keysFolder(world)
  server = await startServe({
    databaseUrl: world.appUrl,
    keysFolder: keys.path,
    port: await anyFreePort(),
    env: { SERVICE_ID },
  })
})

afterAll(async () => {
  await server?.kill()
  await world?.close()
  await keys?.remove()
  if (folder !== undefined) await removeThrowaway(folder)
})

async function ready(): Promise<number> {
  return (await fetch(`${server.url}/health/ready`)).status
}

test('desks are refused while PostgreSQL is gone, served again soon after it is back, and no answer is lost', async () => {
  const token = await world.token('facility:38001')
  const load = new KeyedLoad(server.url, DESKS, asksOf(people, 'killed'), () => token)
  try {
    await expect.poll(() => load.acknowledged.size, { timeout: 10_000 }).toBeGreaterThan(300)
    expect(await ready()).toBe(200)

    process.kill(postgres.pid, 'SIGKILL')
    await expect.poll(ready, { timeout: 10_000, interval: 20 }).toBe(503)
    const before = load.acknowledged.size
    // long enough for waits between attempts to have grown to their longest
    await sleep(3_000)
    // what a backend had committed when its postmaster died may still arrive; nothing else is answered
    expect(load.acknowledged.size - before).toBeLessThanOrEqual(DESKS)

    postgres = await startEmbedded({ folder })
    await expect.poll(ready, { timeout: 5_000, interval: 20 }).toBe(200)
    const again = load.acknowledged.size
    await expect.poll(() => load.acknowledged.size, { timeout: 10_000 }).toBeGreaterThan(again + 300)
    await load.stop()

    const codes = new Set([...load.unanswered.values()].map((each) => each.code))
    expect(['log_unavailable', 'log_outcome_unknown', 'database_unavailable', 'overloaded']).toEqual(
      expect.arrayContaining([...codes]),
    )
    await load.repeatUnanswered()
    expect(load.unanswered.size).toBe(0)
    const { recorded, ...verdict } = await judge(world.owner, world.dataKeys, load)
    const count = load.acknowledged.size
    expect(recorded.size).toBe(count)
    expect(verdict).toEqual({
      entries: count,
      size: count,
      dense: true,
      wrongLeafHashes: 0,
      lost: 0,
      duplicated: 0,
      strangers: 0,
    })
    expect(server.child.exitCode).toBeNull()
  } finally {
    await load.close()
  }
})
