import { describe, expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import type { Coverage } from '../../src/coverage/coverage.ts'
import { asOfDay, type EarlierStatus, needsHistory } from '../../src/coverage/history.ts'

const day = isoDate('2026-05-15')
const earlierDay = isoDate('2026-05-01')
const laterDay = isoDate('2026-06-01')

function coverage(status: EarlierStatus['status'], statusFrom: EarlierStatus['statusFrom'], coverageNo = 1): Coverage {
  return { facts: { coverageNo, status, statusFrom }, holder: {} } as unknown as Coverage
}

const word = (
  status: EarlierStatus['status'],
  statusFrom: EarlierStatus['statusFrom'],
  coverageNo = 1,
): EarlierStatus => ({
  coverageNo,
  status,
  statusFrom,
})

const statuses = (coverages: readonly Coverage[]) => coverages.map(({ facts }) => facts.status)

describe('a coverage on a past day', () => {
  test.each<[string, Coverage, EarlierStatus[], string]>([
    ['whose status holds from the beginning', coverage('active', null), [word('revoked', earlierDay)], 'active'],
    ['whose status had begun', coverage('revoked', earlierDay), [word('held', earlierDay)], 'revoked'],
    ['whose status began on that very day', coverage('revoked', day), [], 'revoked'],
    ['before its status: the one before', coverage('active', laterDay), [word('held', earlierDay)], 'held'],
    [
      'before both: the newest word that had begun',
      coverage('stopped', laterDay),
      [word('held', laterDay), word('active', null)],
      'active',
    ],
    [
      'the newest word wins over an older one',
      coverage('active', laterDay),
      [word('active', earlierDay), word('held', earlierDay)],
      'active',
    ],
    ['another coverage’s word is not its own', coverage('active', laterDay), [word('held', earlierDay, 2)], 'active'],
  ])('%s', (_what, now, earlier, status) => {
    expect(statuses(asOfDay([now], earlier, day))).toEqual([status])
  })

  test('needs what was known before only if its status began later', () => {
    expect(needsHistory([coverage('revoked', laterDay)], day)).toBe(true)
    expect(needsHistory([coverage('revoked', day), coverage('active', null, 2)], day)).toBe(false)
  })
})
