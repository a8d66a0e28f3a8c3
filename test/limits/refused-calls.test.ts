import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ClientId } from '../../src/access/principal.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { countRefusedCalls, type RefusedCount } from '../../src/limits/refused-calls.ts'

const MINUTE = 60_000
const a = 'facility:38001' as ClientId
const b = 'facility:38002' as ClientId
const plain = ({ client, fromMs, toMs, codes }: RefusedCount) => [client, fromMs, toMs, Object.fromEntries(codes)]

test('calls of a client and minute would be several rows, or those of two would be one', () => {
  const refused = countRefusedCalls(MINUTE)
  refused.note(a, 'rate_limited', 0)
  refused.note(a, 'rate_limited', 59_999)
  refused.note(a, 'scope_missing', 1)
  refused.note(b, 'rate_limited', 2)
  refused.note(null, 'token_signature', 3)
  refused.note(a, 'rate_limited', 60_000)
  expect(refused.due(60_000).map(plain)).toEqual([
    [a, 0, MINUTE, { rate_limited: 2, scope_missing: 1 }],
    [b, 0, MINUTE, { rate_limited: 1 }],
    ['unproven', 0, MINUTE, { token_signature: 1 }],
  ])
})

test('a minute that goes on would be written, except at the end', () => {
  const refused = countRefusedCalls(MINUTE)
  refused.note(a, 'rate_limited', 10)
  expect(refused.due(59_999)).toEqual([])
  expect(refused.due(59_999, true)).toHaveLength(1)
})

test('what could not be written would be lost, or change under its key', () => {
  const refused = countRefusedCalls(MINUTE)
  refused.note(a, 'rate_limited', 0)
  const [first] = refused.due(MINUTE)
  refused.note(a, 'rate_limited', MINUTE)
  expect(refused.due(MINUTE)).toEqual([first])
  expect(first?.codes.get('rate_limited')).toBe(1)
  refused.written(refused.due(MINUTE))
  expect(refused.due(MINUTE)).toEqual([])
  const [second] = refused.due(2 * MINUTE)
  expect(second?.key).not.toBe(first?.key)
})

test('a clock that was set back would open a minute that is over', () => {
  const refused = countRefusedCalls(MINUTE)
  refused.note(a, 'rate_limited', 5 * MINUTE)
  refused.note(a, 'rate_limited', 0)
  expect(refused.due(6 * MINUTE).map(plain)).toEqual([[a, 5 * MINUTE, 6 * MINUTE, { rate_limited: 2 }]])
})

test('a full table would grow, or lose what comes then', () => {
  const refused = countRefusedCalls(MINUTE, 2)
  for (const minute of [0, 1, 2, 3]) {
    for (const client of [a, b, null]) refused.note(client, 'rate_limited', minute * MINUTE)
  }
  expect(refused.size()).toBe(3)
  const first = refused.due(4 * MINUTE)
  expect(first.map((each) => each.client)).toEqual([a, b])
  refused.written(first)
  // from the first minute that it stands for to the last
  expect(refused.due(4 * MINUTE).map(plain)).toEqual([['others', 0, 4 * MINUTE, { rate_limited: 10 }]])
})

test('a statement would have to take all that a long outage left', () => {
  const refused = countRefusedCalls(MINUTE)
  for (let i = 0; i < 1_000; i++) refused.note(`ops:${i}` as ClientId, 'rate_limited', 0)
  expect(refused.due(MINUTE)).toHaveLength(256)
})

test('whatever is refused, whenever the log can be written: each call is counted once, and the table is bounded', () => {
  const step = fc.oneof(
    fc.record({
      client: fc.constantFrom(a, b, null, 'ops:x' as ClientId, 'ops:y' as ClientId),
      code: fc.constantFrom<ErrorCode>('rate_limited', 'scope_missing'),
      afterMs: fc.nat(40_000),
    }),
    fc.record({ writes: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const refused = countRefusedCalls(MINUTE, 4)
      const keys = new Set<string>()
      let [nowMs, noted, counted] = [0, 0, 0]
      const write = (rows: readonly RefusedCount[]) => {
        for (const { key, codes } of rows) {
          expect(keys.has(key)).toBe(false)
          keys.add(key)
          for (const count of codes.values()) counted += count
        }
        refused.written(rows)
      }
      for (const each of steps) {
        if ('writes' in each) {
          const rows = refused.due(nowMs)
          if (each.writes) write(rows)
        } else {
          nowMs += each.afterMs
          noted++
          refused.note(each.client, each.code, nowMs)
        }
        expect(refused.size()).toBeLessThanOrEqual(5)
      }
      for (let rows = refused.due(nowMs, true); rows.length > 0; rows = refused.due(nowMs, true)) write(rows)
      expect(counted).toBe(noted)
    }),
    { seed: 7 },
  )
})
