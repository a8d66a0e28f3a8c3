import { afterAll, beforeAll, expect, test } from 'vitest'
import { broken, crashRun } from '../../loadtest/crash-run.ts'
import { seeded } from '../../loadtest/seeded.ts'
import { person } from '../../mocks/province/person.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { asksOf } from '../support/asks.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { createWorld, SERVICE_ID, type World } from '../support/service.ts'

/** At full size: `npm run loadtest -- crash --kills 200`. */
const KILLS = 8
const people = Array.from({ length: 200 }, (_, i) => person({ seed: 'crash', baseDate: todayInVietnam(new Date()) }, i))

let world: World
let keys: Awaited<ReturnType<typeof keysFolder>>

beforeAll(async () => {
  world = await createWorld(people.flatMap((each) => each.coverages))
  keys = await keysFolder(world)
})

afterAll(async () => {
  await keys?.remove()
  await world?.close()
})

test(`${KILLS} kills under load lose no answer that was given, and no repeated request is recorded twice`, async () => {
  const token = await world.token('facility:38001')
  const figures = await crashRun({
    serve: {
      databaseUrl: world.appUrl,
      keysFolder: keys.path,
      port: await anyFreePort(),
      env: { SERVICE_ID },
    },
    owner: world.owner,
    dataKeys: world.dataKeys,
    kills: KILLS,
    desks: 32,
    random: seeded(20),
    makeAsk: asksOf(people, 'crash'),
    tokenOf: () => token,
  })
  expect(broken(figures)).toEqual([])
  // it was under load, and kills did find requests on their way
  expect(figures.acknowledged).toBeGreaterThan(100)
  expect(figures.unanswered).toBeGreaterThan(0)
}, 300_000)
