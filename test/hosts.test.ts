import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { NODE_SUITES, NOT_ON_WORKERD, WORKERD_SUITES } from './support/hosts.ts'

const nameOf = (path: string) => basename(path, '.db.test.ts')

test('a suite over HTTP would be asked of one host only, and nobody would have said why', () => {
  const suites = readdirSync(join(import.meta.dirname, 'http')).filter((name) => name.endsWith('.db.test.ts'))
  const told = [...WORKERD_SUITES.map(nameOf), ...Object.keys(NODE_SUITES)]
  expect(told.toSorted()).toEqual(suites.map(nameOf).toSorted())
  for (const { suite } of NOT_ON_WORKERD) expect(WORKERD_SUITES.map(nameOf)).toContain(suite)
})
