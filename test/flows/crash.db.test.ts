import { afterAll, beforeAll, expect, test } from 'vitest'
import { broken, crashRun } from '../../loadtest/crash-run.ts'
import { seeded } from '../../loadtest/seeded.ts'
import { startServe } from '../../loadtest/serve-process.ts'
import { person } from '../../mocks/province/person.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { asksOf } from '../support/asks.ts'
import { holdRow } from '../support/held-row.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { logState } from '../support/log.ts'
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

test('killed with an append on its way, done or not: asked again it is one entry, and the same answer', async () => {
  const token = await world.token('facility:38001')
  const serve = { databaseUrl: world.appUrl, keysFolder: keys.path, port: await anyFreePort(), env: { SERVICE_ID } }
  const { body } = asksOf(people, 'held')(0)
  let server = await startServe(serve)
  try {
    for (const outcome of ['undone', 'done'] as const) {
      const ask = async () => {
        const headers = {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'idempotency-key': outcome,
        }
        const reply = await fetch(`${server.url}/v1/verifications`, { method: 'POST', headers, body })
        return (await reply.json()) as { receipt: { index: number } }
      }
      const { size } = await logState(world.owner)
      const head = await holdRow(world.owner, 'log_head', 'kiemthe serve')
      const unheard = ask().catch(() => 'no answer')
      await head.untilWaiting()
      await server.kill()
      expect(await unheard).toBe('no answer')
      await head[outcome]()
      expect((await logState(world.owner)).size - size).toBe(outcome === 'done' ? 1 : 0)
      server = await startServe(serve)
      const told = await ask()
      expect(told.receipt.index).toBe(size)
      expect(await ask()).toMatchObject({ receipt: told.receipt })
      expect(await logState(world.owner)).toMatchObject({ size: size + 1, entries: size + 1, dense: true })
    }
  } finally {
    await server.kill()
  }
})
