import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LOG_ID } from '../../src/audit/log-id.ts'
import { rebuild } from '../../src/claim-share/send/follow.ts'
import { takeDue } from '../../src/claim-share/send/store.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { logState, sound } from '../support/log.ts'
import { expectExactlyOnce, FACILITIES, type SendingWorld, type Shared, sendingWorld } from '../support/sending.ts'

const NEVER = new AbortController().signal
const MINUTE = 60_000
const HOUR = 3_600_000

let it: SendingWorld

beforeEach(async () => {
  it = await sendingWorld()
})

afterEach(() => it?.close())

async function statuses(shares: readonly Shared[]): Promise<string[]> {
  return Promise.all(shares.map(async (each) => (await it.statusOf(each)).status))
}

/** Versions of visits of several facilities, check-ins among them; some that the hospital sends itself. */
async function someShares(visits: number): Promise<Shared[]> {
  const shares: Shared[] = []
  for (let n = 0; n < visits; n++) {
    const facility = FACILITIES[n % FACILITIES.length] ?? ''
    const of = { facility, visit: `${facility}-V${n}` }
    shares.push(await it.share({ ...of, share: 'checkIn' }))
    for (let version = 1; version <= 1 + (n % 3); version++) shares.push(await it.share({ ...of, version }))
    if (n % 4 === 0) shares.push(await it.share({ facility, visit: `${facility}-own-${n}`, delivery: 'recordOnly' }))
  }
  return shares
}

test('a file would reach the insurer never, twice, changed or out of its order; or one that the hospital sends itself', async () => {
  const shares = await someShares(20)
  const { sender } = await it.open()
  await sender.pass(NEVER)
  expectExactlyOnce(it.gateway, shares)
  for (const each of shares) {
    const said = await it.deliveriesOf(each)
    if (each.delivery === 'recordOnly') {
      expect([(await it.statusOf(each)).status, said]).toEqual(['recorded', []])
      continue
    }
    expect(said).toEqual([
      expect.objectContaining({ status: 'received', maKetQua: '200', share: each.index, errors: [], reason: null }),
    ])
    expect(said[0]?.maGiaoDich).toMatch(/^GD\d{12}$/)
    expect(said[0]?.thoiGianTiepNhan).toMatch(/^\d{14}$/)
    expect(await it.statusOf(each)).toMatchObject({ status: 'received', attempts: 1, next: null, leased: false })
  }
  // a token a facility, however many files
  expect(it.gateway.counts.tokens).toBe(FACILITIES.length)
  const { size } = await logState(it.world.owner)
  expect(await logState(it.world.owner)).toEqual(sound(size))
  await sender.pass(NEVER)
  expect(it.gateway.taken.sums().repeats).toBe(0)
})

test('a wrong file would be tried for ever, or its errors and the next version be lost', async () => {
  const wrong = await it.share({ visit: 'V1', file: '<GIAMDINHHS></GIAMDINHHS>' })
  const right = await it.share({ visit: 'V1', version: 2 })
  const { sender } = await it.open()
  await sender.pass(NEVER)
  const [said] = await it.deliveriesOf(wrong)
  expect(said).toMatchObject({ status: 'returned', maKetQua: '202', errors: [{ maLoi: 'XML1' }] })
  expect(await statuses([wrong, right])).toEqual(['returned', 'received'])
  expectExactlyOnce(it.gateway, [right])
})

describe('what the insurer may do to one file', () => {
  test('it waits under the right status, one entry a transition, and has its effect once in the end', async () => {
    const all: Shared[] = []
    for (const [fault, status, failure] of [
      ['resetAfterTaking', 'sent', 'answerLost'],
      ['silentAfterTaking', 'sent', 'timeout'],
      ['halfClosed', 'sent', 'answerLost'],
      ['silent', 'sent', 'timeout'],
      ['reset', 'sent', 'answerLost'],
      ['serverError', 'sent', 'gatewayFailed'],
      ['garbage', 'sent', 'answerUnreadable'],
      ['oversize', 'sent', 'answerUnreadable'],
      ['unknownCode', 'sent', 'unknownCode'],
      ['outage', 'held', 'gatewayFailed'],
    ] as const) {
      it.gateway.fault('none')
      all.push(await it.share({ visit: `before ${fault}` }))
      const { sender, close } = await it.open({ timeoutMs: fault.startsWith('silent') ? 200 : 2_000 })
      await sender.pass(NEVER) // with its token
      it.clock.laterMs += 2 * MINUTE // nobody was answered lately: it is an outage
      const share = await it.share({ visit: fault })
      const next = await it.share({ visit: fault, version: 2 })
      all.push(share, next)
      it.gateway.fault(fault)
      await sender.pass(NEVER)
      expect(await it.statusOf(share), fault).toMatchObject({ status, failure, attempts: 1, leased: false })
      expect(await statuses([next]), fault).toEqual(['recorded']) // waits for the one before it
      const before = (await it.deliveriesOf(share)).length
      it.clock.laterMs += MINUTE
      await sender.pass(NEVER)
      expect(await it.deliveriesOf(share), fault).toHaveLength(before) // an attempt is no entry
      it.gateway.fault('none')
      it.clock.laterMs += HOUR
      await sender.pass(NEVER)
      it.clock.laterMs += HOUR
      await sender.pass(NEVER)
      expect(
        (await it.deliveriesOf(share)).map((each) => [each.status, each.reason]),
        fault,
      ).toEqual([
        [status, failure],
        ['received', null],
      ])
      await close()
    }
    expectExactlyOnce(it.gateway, all)
    expect(it.gateway.taken.sums().repeats).toBeGreaterThan(3) // those that took it and did not say so
  })

  test('429: others go on, and that facility after the time it was told', async () => {
    const share = await it.share({ visit: 'V1' })
    const { sender } = await it.open()
    it.gateway.fault('rateLimited')
    await sender.pass(NEVER)
    expect(await it.statusOf(share)).toMatchObject({ status: 'recorded', failure: 'rateLimited', attempts: 1 })
    it.gateway.fault('none')
    await sender.pass(NEVER)
    expect(await statuses([share])).toEqual(['recorded'])
    it.clock.laterMs += 2_000
    await sender.pass(NEVER)
    expect(await statuses([share])).toEqual(['received'])
    expect(await it.deliveriesOf(share)).toHaveLength(1)
  })
})

describe('accounts', () => {
  test('a token would be used past its ten minutes, or taken for each file', async () => {
    const { sender } = await it.open()
    for (let n = 0; n < 4; n++) {
      await it.share({ visit: `V${n}` })
      await sender.pass(NEVER)
      it.clock.laterMs += 4 * MINUTE
    }
    expect(it.gateway.counts).toEqual({ tokens: 2, calls: 4 })
  })

  test('a token that ended early is replaced once, at once', async () => {
    const [one, other] = [await it.share({ visit: 'V1' }), await it.share({ visit: 'V2' })]
    const { sender } = await it.open({ limits: { runningMax: 1 } })
    await sender.pass(NEVER)
    const third = await it.share({ visit: 'V3' })
    it.gateway.sessions.end()
    await sender.pass(NEVER)
    expect(await statuses([one, other, third])).toEqual(['received', 'received', 'received'])
    expect(it.gateway.counts).toEqual({ tokens: 2, calls: 4 })
    expect(await it.deliveriesOf(third)).toHaveLength(1)
  })

  test('that are missing or refused hold what is theirs, all of it, and nobody else', async () => {
    await it.world.owner`delete from insurer_login where facility = '38002'`
    await it.world.owner`update insurer_login set sealed = sealed where facility = '38003'`
    const missing = [
      await it.share({ facility: '38002', visit: 'A' }),
      await it.share({ facility: '38002', visit: 'B' }),
    ]
    const stranger = await it.share({ facility: '38999', visit: 'C' }) // nobody set its account
    const fine = await it.share({ facility: '38001', visit: 'D' })
    const { sender } = await it.open({ limits: { facilityMax: 1 } })
    await sender.pass(NEVER)
    expect(await statuses([...missing, stranger, fine])).toEqual(['held', 'held', 'held', 'received'])
    expect((await it.deliveriesOf(missing[1] as Shared)).map((each) => each.reason)).toEqual(['credentialsMissing'])
    it.gateway.fault('accountClosed')
    it.gateway.sessions.end()
    const refused = [
      await it.share({ facility: '38003', visit: 'E' }),
      await it.share({ facility: '38003', visit: 'F' }),
    ]
    await sender.pass(NEVER)
    expect(await statuses(refused)).toEqual(['held', 'held'])
    expect((await it.deliveriesOf(refused[0] as Shared)).map((each) => each.reason)).toEqual(['credentialsRefused'])
    expect(it.gateway.taken.sums().effects).toBe(1) // no other facility's account was lent to anybody
    it.gateway.fault('none')
    it.clock.laterMs += HOUR
    await sender.pass(NEVER)
    expect(await statuses(refused)).toEqual(['received', 'received'])
    expect(await statuses(missing)).toEqual(['held', 'held'])
  })
})

test('a day without the insurer would lose claims, fill the log, or keep new ones waiting behind the old when it is over', async () => {
  const before = await someShares(10)
  const { sender } = await it.open({ limits: { runningMax: 4, facilityMax: 2 } })
  it.gateway.fault('outage')
  const during: Shared[] = []
  for (let hour = 0; hour < 24; hour++) {
    await sender.pass(NEVER)
    during.push(await it.share({ facility: FACILITIES[hour % 3] ?? '', visit: `H${hour}` }))
    it.clock.laterMs += HOUR
  }
  await sender.pass(NEVER)
  const waited = [...before, ...during].filter((each) => each.delivery === 'forward')
  for (const each of waited) {
    // `sent` is none of them: a 503 is known not to have been taken
    expect((await it.deliveriesOf(each)).map((said) => said.status)).toEqual(['held'])
    expect(await it.statusOf(each)).toMatchObject({ status: 'held', strikes: 0 })
  }
  expect(it.gateway.taken.sums().effects).toBe(0)

  const fresh = await it.share({ facility: '38004', visit: 'fresh' })
  it.gateway.fault('none')
  it.clock.laterMs += MINUTE
  await sender.pass(NEVER)
  expectExactlyOnce(it.gateway, [...before, ...during, fresh])
  // the claim of this minute was delivered among the first: half of the places are for the newest
  const ends = await it.world.owner<{ share: number }[]>`
    select (body::jsonb #>> '{outcome,share}')::bigint as share from log_entry
     where body like '%"status":"received"%' order by leaf_index`
  expect(ends.findIndex((each) => each.share === fresh.index)).toBeLessThan(8)
  expect(ends).toHaveLength(waited.length + 1)
})

describe('a share that its facility took back', () => {
  test('would be sent, keep its next version waiting, or come back when rows are made anew', async () => {
    const [mistaken, next] = [await it.share({ visit: 'V1' }), await it.share({ visit: 'V1', version: 2 })]
    const held = await it.share({ visit: 'V2' })
    const { sender, job } = await it.open()
    expect(await it.withdraw(mistaken)).toBe(true)
    it.gateway.fault('outage')
    await sender.pass(NEVER)
    expect(await statuses([mistaken, next, held])).toEqual(['withdrawn', 'held', 'held'])
    expect(await it.withdraw(held)).toBe(false) // something else became of it since
    expect(await it.withdraw(held, 1)).toBe(true)
    const rows = () => it.world.owner`
      select leaf_index, status, last_index, transitions, next_attempt_at is not null as waits
        from claim_delivery order by leaf_index`
    const former = await rows()
    await rebuild(job)
    expect(await rows()).toEqual(former)
    it.gateway.fault('none')
    it.clock.laterMs += MINUTE
    await sender.pass(NEVER)
    expectExactlyOnce(it.gateway, [next])
    expect(await statuses([mistaken, next, held])).toEqual(['withdrawn', 'received', 'withdrawn'])
  })

  test('while its file is on the way would be told to be gone; or, of two moments that meet, be sent all the same', async () => {
    const one = await it.share({ visit: 'V1' })
    const { job } = await it.open()
    const take = (now: Date) => {
      const leaseUntil = new Date(now.getTime() + MINUTE)
      return job.query((sql) =>
        takeDue(sql, LOG_ID, { now, leaseUntil, lane: 'oldest', max: 9, facilityMax: 9, busy: {} }),
      )
    }
    expect(await take(it.now())).toHaveLength(1)
    expect(await it.withdraw(one)).toBe(false)
    // a lease that ran out is no word of it either
    const [taken] = await take(new Date(it.now().getTime() + 2 * MINUTE))
    expect(taken?.formerLease).toBeInstanceOf(Date)
    expect(await it.withdraw(one)).toBe(false)
    for (let n = 0; n < 20; n++) {
      const share = await it.share({ visit: `meets-${n}` })
      const [withdrawn, due] = await Promise.all([it.withdraw(share), take(it.now())])
      expect(due.filter(({ place }) => place === share.index)).toHaveLength(withdrawn ? 0 : 1)
    }
  })

  test('a dead letter would wait for ever behind it, or bring it back', async () => {
    const [dead, later] = [await it.share({ visit: 'V1' }), await it.share({ visit: 'V1', version: 2 })]
    await it.world
      .owner`update claim_delivery set status = 'deadLetter', next_attempt_at = null where leaf_index = ${dead.index}`
    expect(await it.withdraw(later)).toBe(true)
    const retry = await kiemthe(['send', 'retry', `s1-${dead.index}`, '--reason', 'mended'], it.environment)
    expect(retry.stderr).toContain('1 wait again')
    const { sender } = await it.open()
    await sender.pass(NEVER)
    expectExactlyOnce(it.gateway, [dead])
    expect(await statuses([dead, later])).toEqual(['received', 'withdrawn'])
  })
})

test('what a killed process left no word of would be said not to have left, when the insurer is away or its account', async () => {
  const [taken, untouched] = [await it.share({ visit: 'V1' }), await it.share({ visit: 'V2' })]
  const account = await it.share({ visit: 'V3', facility: '38002' })
  const expired = () => it.world.owner`
    update claim_delivery set lease_until = now() - interval '1 second' where leaf_index in (${taken.index}, ${account.index})`
  await expired()
  await it.world.owner`delete from insurer_login where facility = '38002'`
  it.gateway.fault('outage')
  const { sender } = await it.open()
  await sender.pass(NEVER)
  expect(await statuses([taken, untouched, account])).toEqual(['sent', 'held', 'sent'])
  for (const each of [taken, untouched, account]) expect(await it.deliveriesOf(each)).toHaveLength(1)
  it.gateway.fault('none')
  it.clock.laterMs += MINUTE
  await sender.pass(NEVER)
  expect(await statuses([taken, untouched])).toEqual(['received', 'received'])
})

test('a hospital with many claims would keep a clinic with one waiting', async () => {
  for (let n = 0; n < 30; n++) await it.share({ facility: '38001', visit: `many-${n}` })
  for (let n = 0; n < 30; n++) await it.share({ facility: '38002', visit: `more-${n}` })
  const one = await it.share({ facility: '38003', visit: 'one' })
  for (let n = 0; n < 30; n++) await it.share({ facility: '38002', visit: `later-${n}` })
  const { sender } = await it.open({ limits: { runningMax: 8, facilityMax: 3 } })
  await sender.pass(NEVER)
  const ends = await it.world.owner<{ share: number }[]>`
    select (body::jsonb #>> '{outcome,share}')::bigint as share from log_entry
     where body like '%"status":"received"%' order by leaf_index`
  expect(ends).toHaveLength(91)
  expect(ends.findIndex((each) => each.share === one.index)).toBeLessThan(16)
})
