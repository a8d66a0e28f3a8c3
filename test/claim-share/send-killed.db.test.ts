import { afterEach, describe, expect, test } from 'vitest'
import { seeded } from '../../loadtest/seeded.ts'
import { connect } from '../../src/db/connect.ts'
import { startKiemthe } from '../support/kiemthe.ts'
import { logState, sound } from '../support/log.ts'
import { expectExactlyOnce, FACILITIES, type SendingWorld, type Shared, sendingWorld } from '../support/sending.ts'

/** `kiemthe send` as a process of its own, ended by SIGKILL between two of its steps; another one goes on. */

const NEVER = new AbortController().signal

let it: SendingWorld

afterEach(() => it?.close())

/** What the killed one held is free: in life after its lease. */
async function leasesEnd(): Promise<void> {
  await it.world
    .owner`update claim_delivery set lease_until = now() - interval '1 second' where lease_until is not null`
}

async function finish(shares: readonly Shared[]): Promise<void> {
  await leasesEnd()
  it.clock.laterMs += 20 * 60_000
  const { sender } = await it.open()
  await sender.pass(NEVER)
  expectExactlyOnce(it.gateway, shares)
  for (const each of shares) {
    const said = (await it.deliveriesOf(each)).map(({ status }) => status)
    expect(said.filter((status) => status === 'received')).toHaveLength(1)
    expect((await it.statusOf(each)).status).toBe('received')
  }
  const { size } = await logState(it.world.owner)
  expect(await logState(it.world.owner)).toEqual(sound(size))
}

/** Resolves when the hook was called. */
function happening() {
  let tell = () => {}
  const happened = new Promise<void>((resolve) => {
    tell = resolve
  })
  return { tell: () => tell(), happened }
}

const start = () => startKiemthe(['send'], { ...it.environment, LOG_LEVEL: 'error' })

describe('killed', () => {
  test('with shares taken from the queue and nothing sent', async () => {
    const asked = happening()
    it = await sendingWorld({ onToken: asked.tell })
    const shares = [await it.share({ visit: 'A' }), await it.share({ visit: 'A', version: 2 })]
    it.gateway.fault('silentToken')
    const process = start()
    await asked.happened
    await process.end('SIGKILL')
    expect(await it.statusOf(shares[0] as Shared)).toMatchObject({ status: 'recorded', leased: true })
    it.gateway.fault('none')
    await finish(shares)
    expect(it.gateway.taken.sums()).toMatchObject({ effects: 2, repeats: 0 })
  })

  test('with a file taken by the insurer and its answer on the way', async () => {
    const taken = happening()
    it = await sendingWorld({ onTaken: taken.tell })
    const shares = [await it.share({ visit: 'A' }), await it.share({ visit: 'A', version: 2 })]
    it.gateway.fault('silentAfterTaking')
    const process = start()
    await taken.happened
    await process.end('SIGKILL')
    expect((await it.statusOf(shares[0] as Shared)).status).toBe('recorded') // nobody here knows
    it.gateway.fault('none')
    await finish(shares)
    expect(it.gateway.taken.sums().repeats).toBe(1)
  })

  test.each([true, false])(
    'with the answer here and its entry on the way (committed all the same: %s)',
    async (commits) => {
      const taken = happening()
      it = await sendingWorld({ onTaken: taken.tell })
      const shares = [await it.share({ visit: 'A' }), await it.share({ visit: 'A', version: 2 })]
      const holder = connect(it.world.ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'holder' })
      await holder.unsafe('begin; select from log_head for update')
      const process = start()
      await taken.happened
      const waiting = () => it.world.owner<{ pid: number }[]>`
      select pid from pg_stat_activity where application_name = 'kiemthe send' and wait_event_type = 'Lock'`
      await waitUntil(async () => (await waiting()).length === 1)
      const [{ pid } = { pid: 0 }] = await waiting()
      await process.end('SIGKILL')
      if (!commits) await it.world.owner`select pg_terminate_backend(${pid})`
      await waitUntil(async () => commits || (await waiting()).length === 0)
      await holder.unsafe('commit')
      await holder.end()
      await waitUntil(async () => !commits || (await it.statusOf(shares[0] as Shared)).status === 'received')
      await finish(shares)
      expect(it.gateway.taken.sums().repeats).toBe(commits ? 0 : 1)
    },
  )

  test('again and again, anywhere', async () => {
    const random = seeded(11)
    it = await sendingWorld({ medianMs: 20 })
    const shares: Shared[] = []
    for (let version = 1; version <= 3; version++) {
      for (let n = 0; n < 20; n++) {
        shares.push(await it.share({ facility: FACILITIES[n % FACILITIES.length] ?? '', visit: `V${n}`, version }))
      }
    }
    for (let kill = 0; kill < 5; kill++) {
      const { effects } = it.gateway.taken.sums()
      const process = start()
      await waitUntil(async () => it.gateway.taken.sums().effects > effects)
      await new Promise((resolve) => setTimeout(resolve, random() * 60))
      await process.end('SIGKILL')
      await leasesEnd()
    }
    await finish(shares)
  })
})

test('a stop waits for what is under way, and leaves no lease behind', async () => {
  const taken = happening()
  it = await sendingWorld({ medianMs: 50, onTaken: taken.tell })
  const shares: Shared[] = []
  for (let n = 0; n < 30; n++) shares.push(await it.share({ visit: `V${n}` }))
  const process = start()
  await taken.happened
  const ended = await process.end('SIGTERM')
  expect([ended.code, ended.stderr]).toEqual([0, ''])
  const [left] = await it.world.owner<{ leased: number; received: number }[]>`
    select count(*) filter (where lease_until is not null)::int as leased,
           count(*) filter (where status = 'received')::int as received from claim_delivery`
  expect(left).toEqual({ leased: 0, received: it.gateway.taken.sums().effects })
})

async function waitUntil(is: () => Promise<boolean>): Promise<void> {
  while (!(await is())) await new Promise((resolve) => setTimeout(resolve, 10))
}
