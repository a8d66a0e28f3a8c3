import { expect, test } from 'vitest'
import { watchGuessing } from '../../src/limits/guessing.ts'

const HOUR_MS = 3_600_000
const START_MS = 1_795_500_000_000

function after(hits: number, misses: number, watched = watchGuessing(60), nowMs = START_MS) {
  for (let i = 0; i < hits; i++) watched.note('38001', true, nowMs)
  for (let i = 0; i < misses; i++) watched.note('38001', false, nowMs)
  return watched
}

test.each([
  ['as many misses as are allowed', 0, 60, false],
  ['one more', 0, 61, true],
  ['a large hospital: many misses among more hits', 540, 61, false],
  ['as many hits as misses', 61, 61, false],
  ['more misses than hits', 61, 62, true],
])('%s', (_, hits, misses, suspected) => {
  expect(after(hits, misses).suspects('38001', START_MS)).toBe(suspected)
})

test('another facility would pay', () => {
  expect(after(0, 100).suspects('38002', START_MS)).toBe(false)
})

test('what was missed would be held against a facility for longer than an hour, or forgotten within it', () => {
  const watched = after(0, 61)
  expect(watched.suspects('38001', START_MS + HOUR_MS - 5 * 60_000)).toBe(true)
  expect(watched.suspects('38001', START_MS + HOUR_MS + 5 * 60_000)).toBe(false)
  expect(watched.suspected(START_MS + 2 * HOUR_MS)).toBe(0)
})

test('a clock that was set back would forget what was counted', () => {
  expect(after(0, 61).suspects('38001', START_MS - HOUR_MS)).toBe(true)
})
