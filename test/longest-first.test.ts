import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LONG, turnOf } from './support/longest-first.ts'

const ROOT = join(import.meta.dirname, '..')

test('a suite that was renamed would lose its turn without a word', () => {
  expect(LONG.filter((each) => !existsSync(join(ROOT, each)))).toEqual([])
  expect(new Set(LONG).size).toBe(LONG.length)
})

test('a long suite would come after a short one', () => {
  const [longest = '', next = ''] = LONG
  const turns = [longest, next, 'test/calendar.test.ts'].map((each) => turnOf(join(ROOT, each)))
  expect(turns).toEqual([0, 1, LONG.length])
})
