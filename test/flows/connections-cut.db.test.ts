import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { judge, KeyedLoad } from '../../loadtest/keyed-load.ts'
import { seeded } from '../../loadtest/seeded.ts'
import { type ServeProcess, startServe } from '../../loadtest/serve-process.ts'
import { person } from '../../mocks/province/person.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { asksOf } from '../support/asks.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { createWorld, SERVICE_ID, type World } from '../support/service.ts'

const DESKS = 32
const people = Array.from({ length: 100 }, (_, i) => person({ seed: 'cut', baseDate: todayInVietnam(new Date()) }, i))

let world: World
let keys: Awaited<ReturnType<typeof keysFolder>>
let server: ServeProcess
let load: KeyedLoad

beforeEach(async () => {
  world = await createWorld(people.flatMap((each) => each.coverages))
  keys = await keysFolder(world)
  server = await startServe({
    databaseUrl: world.appUrl,
    keysFolder: keys.path,
    port: await anyFreePort(),
    env: { SERVICE_ID },
  })
  const token = await world.token('facility:38001')
  load = new KeyedLoad(server.url, DESKS, asksOf(people, 'cut'), () => token)
})

afterEach(async () => {
  await load?.close()
  await server?.kill()
  await keys?.remove()
  await world?.close()
})

async function expectKept(): Promise<void> {
  const { entries, size, dense, lost, duplicated, strangers } = await judge(world.owner, world.dataKeys, load)
  expect({ dense, lost, duplicated, strangers }).toEqual({ dense: true, lost: 0, duplicated: 0, strangers: 0 })
  expect(size).toBe(entries)
}

test('connections to the database that are cut under load cost their requests, never the process or an answer', async () => {
  const random = seeded(60)
  for (let cut = 0; cut < 60; ) {
    await sleep(10 + random() * 40)
    const gone = await world.owner`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'kiemthe serve'`
    cut += gone.count
  }
  await load.stop()
  await load.repeatUnanswered()
  expect(load.unanswered.size).toBe(0)
  await expectKept()
  expect(server.child.exitCode).toBeNull()
})

test('SIGTERM under load: every request that was accepted is answered, and the process ends with 0', async () => {
  await expect.poll(() => load.acknowledged.size, { timeout: 10_000 }).toBeGreaterThan(300)
  // held here, every desk has a request under way when the signal comes
  const holder = await world.owner.reserve()
  await holder`begin`
  await holder`select from log_head for update`
  await sleep(300)
  const before = load.acknowledged.size
  const ended = server.terminate()
  await sleep(200)
  expect(load.acknowledged.size).toBe(before)
  await holder`rollback`
  holder.release()

  expect(await ended).toBe(0)
  await load.stop()
  expect(load.acknowledged.size).toBeGreaterThanOrEqual(before + DESKS)
  // desks that never pause are told to leave with their next answer: the end does not depend on them
  expect(load.acknowledged.size).toBeLessThanOrEqual(before + 2 * DESKS)
  // no refusal, and whose connection was closed left no entry
  const { recorded } = await judge(world.owner, world.dataKeys, load)
  const unanswered = [...load.unanswered.values()]
  expect(unanswered.filter((each) => each.code !== null || recorded.has(each.ask.key))).toEqual([])
  await expectKept()
  const [sessions] = await world.owner<{ n: number }[]>`
    select count(*) as n from pg_stat_activity
     where datname = current_database() and application_name = 'kiemthe serve'`
  expect(sessions?.n).toBe(0)
})
