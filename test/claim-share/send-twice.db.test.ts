import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { seeded } from '../../loadtest/seeded.ts'
import { GATEWAY_FAULTS } from '../../mocks/insurer/gateway/gateway.ts'
import { LOG_ID } from '../../src/audit/log.ts'
import { readOn, rebuild } from '../../src/claim-share/send/follow.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { logState, sound } from '../support/log.ts'
import { expectExactlyOnce, FACILITIES, type SendingWorld, type Shared, sendingWorld } from '../support/sending.ts'

const NEVER = new AbortController().signal
const MINUTE = 60_000

let it: SendingWorld

beforeEach(async () => {
  it = await sendingWorld()
})

afterEach(() => it?.close())

/** `visits` of three versions each. */
async function versions(visits: number): Promise<Shared[]> {
  const shares: Shared[] = []
  for (let version = 1; version <= 3; version++) {
    for (let n = 0; n < visits; n++) {
      shares.push(await it.share({ facility: FACILITIES[n % FACILITIES.length] ?? '', visit: `V${n}`, version }))
    }
  }
  return shares
}

test('whatever the insurer does to whichever of them: each file has its effect once, in order, and one end in the log', async () => {
  const random = seeded(7)
  const shares = await versions(12)
  const { sender } = await it.open({ timeoutMs: 150, random, limits: { runningMax: 8 } })
  // of the bad ones those that the sender may not take for an answer about the file
  const bad = GATEWAY_FAULTS.filter((each) => !['none', 'slow', 'structure', 'content', 'unauthorized'].includes(each))
  // some are there, and nobody was told: these must be sent again
  it.gateway.fault('resetAfterTaking', 1)
  while (it.gateway.taken.sums().effects === 0) {
    await sender.pass(NEVER)
    it.clock.laterMs += 3 * MINUTE
  }
  for (let round = 0; round < 25; round++) {
    it.gateway.fault(bad[Math.floor(random() * bad.length)] ?? 'none', 0.6)
    await sender.pass(NEVER)
    it.clock.laterMs += Math.ceil(random() * 3 * MINUTE)
  }
  it.gateway.fault('none')
  for (let round = 0; round < 8; round++) {
    it.clock.laterMs += 15 * MINUTE
    await sender.pass(NEVER)
  }
  expectExactlyOnce(it.gateway, shares)
  for (const each of shares) {
    const said = (await it.deliveriesOf(each)).map(({ status }) => status)
    expect(said.at(-1)).toBe('received')
    expect(said.filter((status) => status === 'received')).toHaveLength(1)
    expect(new Set(said).size).toBe(said.length) // held, sent, received: each once at the most
  }
  expect(it.gateway.taken.sums().repeats).toBeGreaterThan(0) // or the faults did nothing
})

test('two senders at once would send a file twice, or two versions of a visit side by side', async () => {
  const shares = await versions(20)
  const [one, other] = [await it.open(), await it.open()]
  await Promise.all([one.sender.pass(NEVER), other.sender.pass(NEVER)])
  // whoever ends first leaves what the other one still holds
  await one.sender.pass(NEVER)
  expectExactlyOnce(it.gateway, shares)
  expect(it.gateway.counts.calls).toBe(shares.length)
  expect([one.sender.counts.received > 0, other.sender.counts.received > 0]).toEqual([true, true])
  const { size } = await logState(it.world.owner)
  expect(await logState(it.world.owner)).toEqual(sound(size))
})

test('a sender that was paused past its lease would write a second end, or send what is another’s by now', async () => {
  const share = await it.share({ visit: 'V1' })
  const slow = await it.open({ timeoutMs: 1_000 })
  it.gateway.fault('slow') // 2 s: taken, and the answer comes after the deadline
  const pass = slow.sender.pass(NEVER)
  await waitFor(() => it.gateway.taken.sums().effects === 1)
  it.gateway.fault('none')
  it.clock.laterMs += MINUTE // its lease is over
  const quick = await it.open()
  await quick.sender.pass(NEVER)
  await pass
  expect((await it.deliveriesOf(share)).map(({ status }) => status)).toEqual(['received'])
  expect(await it.statusOf(share)).toMatchObject({ status: 'received', next: null, leased: false })
  expect(it.gateway.taken.sums()).toMatchObject({ effects: 1, repeats: 1 })
})

describe('a file that fails while others do not', () => {
  test('is given up with its reason after its tries; an outage of a day gives up nothing', async () => {
    const odd = await it.share({ visit: 'odd', file: `<GIAMDINHHS>${'x'.repeat(50)}</GIAMDINHHS>`, facility: '38002' })
    const behind = await it.share({ visit: 'odd', facility: '38002', version: 2 })
    const { sender } = await it.open()
    const { owner } = it.world
    // the gateway has a fault for this one file: a code that nobody knows
    const strikes = async () => (await it.statusOf(odd)).strikes
    it.gateway.fault('outage')
    for (let hour = 0; hour < 24; hour++) {
      await sender.pass(NEVER)
      it.clock.laterMs += 60 * MINUTE
    }
    expect(await strikes()).toBe(0)
    for (let n = 0; (await it.statusOf(odd)).status !== 'deadLetter'; n++) {
      expect(n).toBeLessThan(40)
      it.gateway.fault('none')
      await it.share({ visit: `fine-${n}` })
      await owner`update claim_delivery set lease_until = 'infinity' where leaf_index in (${odd.index}, ${behind.index})`
      await sender.pass(NEVER)
      await owner`update claim_delivery set lease_until = null where leaf_index in (${odd.index}, ${behind.index})`
      it.gateway.fault('unknownCode')
      await sender.pass(NEVER)
      it.clock.laterMs += 16 * MINUTE
    }
    const said = await it.deliveriesOf(odd)
    expect(said.map(({ status, reason }) => [status, reason])).toEqual([
      ['held', 'gatewayFailed'],
      ['sent', 'unknownCode'],
      ['deadLetter', 'unknownCode'],
    ])
    expect(said.at(-1)?.maKetQua).toBe('999')
    expect(await strikes()).toBe(15) // the sixteenth is the end

    it.gateway.fault('none')
    await sender.pass(NEVER)
    expect((await it.statusOf(behind)).status).toBe('received')
    expect((await it.statusOf(odd)).status).toBe('deadLetter')
  })

  test('dead letters are shown and wait again by command, unless a later version went', async () => {
    const [gone, superseded] = [await it.share({ visit: 'A' }), await it.share({ visit: 'B' })]
    const later = await it.share({ visit: 'B', version: 2 })
    const waiting = await it.share({ visit: 'A', version: 2 })
    const { sender } = await it.open()
    await it.world
      .owner`update claim_delivery set strikes = 15 where leaf_index in (${gone.index}, ${superseded.index})`
    await it.world.owner`update claim_delivery set lease_until = 'infinity' where leaf_index = ${waiting.index}`
    it.gateway.fault('unknownCode')
    await sender.pass(NEVER)
    it.gateway.fault('none')
    it.clock.laterMs += 20 * MINUTE
    await sender.pass(NEVER)
    expect((await it.statusOf(later)).status).toBe('received')
    await it.world.owner`update claim_delivery set lease_until = null where leaf_index = ${waiting.index}`

    const list = await kiemthe(['send', 'list'], it.environment)
    expect(list.stderr).toBe('')
    expect(
      list.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      expect.objectContaining({ id: `s1-${gone.index}`, facility: '38001', version: 1, failure: 'unknownCode' }),
      expect.objectContaining({ id: `s1-${superseded.index}`, share: 'claim', attempts: 1 }),
    ])
    const retry = await kiemthe(['send', 'retry', '--all', '--reason', 'the portal was mended'], it.environment)
    expect([retry.code, retry.stderr]).toEqual([1, expect.stringContaining('1 wait again')])
    expect(retry.stderr).toContain(`s1-${superseded.index}: a later version`)
    it.clock.laterMs += MINUTE
    await sender.pass(NEVER)
    expectExactlyOnce(it.gateway, [gone, waiting, later])
    expect((await it.deliveriesOf(gone)).map(({ status, reason }) => [status, reason])).toEqual([
      ['deadLetter', 'unknownCode'],
      ['held', 'retried: the portal was mended'],
      ['received', null],
    ])
    const again = await kiemthe(['send', 'retry', `s1-${gone.index}`, '--reason', 'once more'], it.environment)
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('is no dead letter')])
  })
})

test('rows made anew from the log would say otherwise than those that moved with it, or send again what was delivered', async () => {
  const shares = await versions(6)
  shares.push(await it.share({ visit: 'own', delivery: 'recordOnly' }))
  const wrong = await it.share({ visit: 'wrong', file: 'not xml' })
  const { sender, job } = await it.open({ limits: { runningMax: 2 } })
  await sender.pass(NEVER)
  it.gateway.fault('outage')
  it.clock.laterMs += 2 * MINUTE
  shares.push(await it.share({ visit: 'held' }))
  await sender.pass(NEVER)
  const rows = () => it.world.owner`
    select leaf_index, facility, visit_key, share, version, delivery, settlement_month, status, last_index, transitions,
           next_attempt_at is not null as waits
      from claim_delivery order by leaf_index`
  const former = await rows()
  await readOn(job)
  expect(await rows()).toEqual(former)

  await rebuild(job)
  expect(await rows()).toEqual(former)
  const { calls } = it.gateway.counts
  it.gateway.fault('none')
  it.clock.laterMs += 2 * MINUTE
  await sender.pass(NEVER)
  expect(it.gateway.counts.calls).toBe(calls + 1) // the held one alone
  expectExactlyOnce(it.gateway, shares)
  expect((await it.statusOf(wrong)).status).toBe('returned')
})

test('while rows are made anew nothing would be known of what was delivered: nothing is sent, nor held', async () => {
  const shares = await versions(2)
  const { sender, job } = await it.open()
  await sender.pass(NEVER)
  const { calls } = it.gateway.counts
  // the reader of the rebuilding process has come as far as the shares, not to their deliveries
  await it.world.owner`delete from claim_delivery`
  await it.world.owner`update log_cursor set next_index = case reader when 'send' then 0 else ${shares.length + 1} end
                        where reader in ('send', 'sendFrom')`
  await it.world.owner`
    insert into claim_delivery (log_id, leaf_index, facility, visit_key, share, version, delivery, status, next_attempt_at)
    select log_id, leaf_index, facility, visit_key, share, version, 'forward', 'recorded', now() from claim_visit`
  const { takeDue, findRecorded } = await import('../../src/claim-share/send/store.ts')
  const now = job.now()
  const take = { now, leaseUntil: now, lane: 'oldest', max: 9, facilityMax: 9, busy: {} } as const
  expect(await job.query((sql) => takeDue(sql, LOG_ID, take))).toEqual([])
  const of = { facility: null, after: -1, now, max: 9 }
  expect(await job.query((sql) => findRecorded(sql, LOG_ID, of))).toEqual([])
  await sender.pass(NEVER)
  expect(it.gateway.counts.calls).toBe(calls)
  expectExactlyOnce(it.gateway, shares)
})

async function waitFor(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 10))
}
