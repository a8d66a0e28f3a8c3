import { describe, expect, test } from 'vitest'
import { watchTurns } from '../../src/limits/turns.ts'

/** Turns of so many milliseconds one after the other, with 10 ms between; whether a request at their end was late. */
function late(...lengths: number[]): boolean[] {
  const turns = watchTurns(250)
  let nowMs = 1_000
  return lengths.map((ms) => {
    turns.met(nowMs)
    expect(turns.isLate(nowMs)).toBe(false)
    nowMs += ms
    const is = turns.isLate(nowMs)
    turns.over(nowMs)
    nowMs += 10
    return is
  })
}

describe('a turn of the event loop', () => {
  test('that is long once, behind a stall, would refuse a quiet morning’s requests', () => {
    expect(late(20, 3_000, 20, 3_000, 20)).toEqual([false, false, false, false, false])
  })

  test('that is long each time would take all there are, however many', () => {
    expect(late(300, 300, 300)).toEqual([false, true, true])
  })

  test('would refuse on, once it is short again', () => {
    expect(late(300, 300, 250, 300)).toEqual([false, true, false, false])
  })

  test('would have no end, or two', () => {
    const turns = watchTurns(250)
    expect([turns.met(0), turns.met(1), turns.met(2)]).toEqual([true, false, false])
    turns.over(3)
    expect(turns.met(4)).toBe(true)
  })

  test('would be long by the time in which nobody came', () => {
    const turns = watchTurns(250)
    turns.met(0)
    turns.over(300)
    turns.met(10_000)
    expect(turns.isLate(10_100)).toBe(false)
    expect(turns.isLate(10_251)).toBe(true)
  })
})
