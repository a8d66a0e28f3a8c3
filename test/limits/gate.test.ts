import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createGate, type Gate, PRIORITIES, type Priority } from '../../src/limits/gate.ts'

const policy = { limitMax: 2_048, targetMs: 100 }

function fill(gate: Gate, requests: number, priority: Priority = 'single', client = (n: number) => `facility:${n}`) {
  let entered = 0
  for (let n = 0; n < requests; n++) if (gate.enter(client(n), priority)) entered++
  return entered
}

describe('too many would be let in, or too few', () => {
  test.each([
    ['single', 2_048],
    ['claim', 1_536],
    ['batch', 1_024],
    ['audit', 512],
  ] as const)('%s', (priority, room) => {
    const gate = createGate(policy)
    expect(fill(gate, 3_000, priority)).toBe(room)
    expect(gate.seen.underWay).toBe(room)
    expect(gate.seen.shed[priority]).toBe(3_000 - room)
  })

  test('a check, because batches, claims and searches fill the room', () => {
    const gate = createGate(policy)
    for (const priority of ['audit', 'batch', 'claim'] as const) fill(gate, 3_000, priority)
    expect(fill(gate, 3_000)).toBe(2_048 - 1_536)
  })
})

describe('one facility would take the room of the others', () => {
  const greedy = () => 'facility:38001'

  test('all of it, before anybody else comes', () => {
    const gate = createGate(policy)
    expect(fill(gate, 5_000, 'single', greedy)).toBe(1_024)
    expect(fill(gate, 500)).toBe(500)
  })

  test('or a part of what is left, once others are here', () => {
    const gate = createGate(policy)
    fill(gate, 1_100)
    const before = gate.seen.underWay
    expect(fill(gate, 500, 'single', greedy)).toBe(32)
    expect(gate.seen.underWay).toBe(before + 32)
  })

  test('but while there is room for all, nobody is refused', () => {
    const gate = createGate(policy)
    expect(fill(gate, 1_000, 'single', greedy)).toBe(1_000)
  })
})

describe('asked before anything is known of a request', () => {
  const nobody = () => null

  test.each(PRIORITIES)('%s: it would refuse whom the gate lets in, or let by whom it refuses', (priority) => {
    const [asked, entered] = [createGate(policy), createGate(policy)]
    for (let n = 0; n < 3_000; n++) {
      const why = asked.turnsAway(priority, () => 'facility:38001')
      if (why === null) expect(asked.enter('facility:38001', priority)).toBe(true)
      expect(entered.enter('facility:38001', priority)).toBe(why === null)
    }
    expect(asked.seen).toEqual(entered.seen)
    expect(asked.seen.underWay).toBeGreaterThan(0)
  })

  test('asking would take a place', () => {
    const gate = createGate(policy)
    for (let n = 0; n < 3_000; n++) expect(gate.turnsAway('single', nobody)).toBeNull()
    expect(gate.seen.underWay).toBe(0)
  })

  test('whoever is not known would pay for a greedy one, who would not be told why', () => {
    const gate = createGate(policy)
    fill(gate, 1_024, 'single', () => 'facility:38001')
    expect(gate.turnsAway('single', nobody)).toBeNull()
    expect(gate.turnsAway('single', () => 'facility:38002')).toBeNull()
    expect(gate.turnsAway('single', () => 'facility:38001')).toBe('part')
    expect(gate.turnsAway('audit', nobody)).toBe('room')
  })

  test('tokens would be looked up while there is room, or once there is none at all', () => {
    const gate = createGate(policy)
    const never = () => {
      throw new Error('looked up')
    }
    fill(gate, 1_023)
    expect(gate.turnsAway('single', never)).toBeNull()
    fill(gate, 3_000)
    expect(gate.turnsAway('single', never)).toBe('room')
  })

  test('it would be calm while some are refused, or never', () => {
    const gate = createGate(policy)
    fill(gate, 511, 'audit')
    expect(gate.isCalm()).toBe(true)
    fill(gate, 1, 'audit')
    expect(gate.isCalm()).toBe(false)
    expect(gate.turnsAway('audit', nobody)).toBe('room')
  })

  test('a room that shrank would stay so, where all are refused before they reach it', () => {
    const gate = createGate(policy)
    fill(gate, 2_048)
    for (let n = 0; n < 100; n++) gate.took(1_000, n * 20)
    const { limit } = gate.seen
    expect(limit).toBeLessThan(2_048)
    for (let n = 0; n < 100; n++) {
      gate.turnsAway('single', nobody)
      gate.took(10, 2_000 + n * 20)
    }
    expect(gate.seen.limit).toBeGreaterThan(limit)
  })
})

test('places would not come back', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          client: fc.constantFrom('a', 'b', 'c'),
          priority: fc.constantFrom(...PRIORITIES),
          leaves: fc.boolean(),
        }),
      ),
      (steps) => {
        const gate = createGate({ limitMax: 100, targetMs: 100 })
        const inside: string[] = []
        for (const { client, priority, leaves } of steps) {
          if (leaves) {
            const who = inside.shift()
            if (who !== undefined) gate.leave(who)
          } else if (gate.enter(client, priority)) inside.push(client)
          expect(gate.seen.underWay).toBe(inside.length)
          expect(inside.length).toBeLessThanOrEqual(100)
        }
        for (const who of inside) gate.leave(who)
        expect(gate.seen.underWay).toBe(0)
      },
    ),
  )
})

test('whoever left would be counted among those who share the room', () => {
  const gate = createGate(policy)
  fill(gate, 1_000)
  for (let n = 0; n < 1_000; n++) gate.leave(`facility:${n}`)
  expect(fill(gate, 5_000, 'single', (n) => `facility:${n % 2}`)).toBe(2 * Math.floor(2_048 / 3))
})

test('whoever waits for the registry would keep others out, or lose their place to answer', async () => {
  const gate = createGate({ limitMax: 2, targetMs: 100 })
  gate.enter('a', 'single')
  let heard = () => {}
  const asking = gate.outside('a', () => new Promise<void>((resolve) => (heard = resolve)))
  expect(gate.seen.underWay).toBe(0)
  expect([gate.enter('b', 'single'), gate.enter('c', 'single'), gate.enter('d', 'single')]).toEqual([true, true, false])
  heard()
  await asking
  expect(gate.seen.underWay).toBe(3)
  for (const who of ['a', 'b', 'c']) gate.leave(who)
  expect(gate.seen.underWay).toBe(0)
})

/**
 * A server that works on all who are inside at once and finishes `perSecond` a second, as group commit does: whoever is let
 * in waits for those before. Requests arrive at `times` that rate. Virtual time, a step a millisecond.
 */
function serve(
  gate: Gate,
  { perSecond, times, seconds, fromMs = 0 }: { perSecond: number; times: number; seconds: number; fromMs?: number },
) {
  let arrived = 0
  const inside: { client: string; atMs: number }[] = []
  let done = 0
  let longestMs = 0
  let arriving = 0
  let finishing = 0
  for (let ms = 0; ms < seconds * 1000; ms++) {
    arriving += (perSecond * times) / 1000
    for (; arriving >= 1; arriving--) {
      const client = `facility:${arrived++ % 669}`
      if (gate.enter(client, 'single')) inside.push({ client, atMs: ms })
    }
    finishing = Math.min(finishing + perSecond / 1000, inside.length)
    for (; finishing >= 1; finishing--) {
      const first = inside.shift()
      if (first === undefined) break
      gate.leave(first.client)
      gate.took(ms - first.atMs, fromMs + ms)
      if (ms > 2_000) {
        done++
        longestMs = Math.max(longestMs, ms - first.atMs)
      }
    }
  }
  for (const { client } of inside) gate.leave(client)
  return { goodput: done / (seconds - 2) / perSecond, longestMs, limit: gate.seen.limit }
}

describe('under three times what the server can do', () => {
  test.each([[200], [1_000], [4_000], [10_000]])(
    '%i/s: work would be lost, or those let in would wait on and on',
    (perSecond) => {
      const { goodput, longestMs } = serve(createGate(policy), { perSecond, times: 3, seconds: 20 })
      expect(goodput).toBeGreaterThan(0.97)
      // the least room is 256 requests
      expect(longestMs).toBeLessThan(Math.max(250, (256 / perSecond) * 1_100))
    },
  )

  test('when the database is slow for a while, the room would stay small behind it', () => {
    const gate = createGate(policy)
    serve(gate, { perSecond: 100, times: 30, seconds: 10 })
    expect(gate.seen.limit).toBe(256)
    const { goodput } = serve(gate, { perSecond: 8_000, times: 3, seconds: 10, fromMs: 10_000 })
    expect(gate.seen.limit).toBeGreaterThan(600)
    expect(goodput).toBeGreaterThan(0.97)
  })

  test('below that nobody would be let in less than could be', () => {
    const gate = createGate(policy)
    expect(serve(gate, { perSecond: 5_000, times: 0.9, seconds: 10 }).goodput).toBeGreaterThan(0.88)
    expect(gate.seen).toMatchObject({ limit: 2_048, underWay: 0, shed: { single: 0 } })
  })
})
