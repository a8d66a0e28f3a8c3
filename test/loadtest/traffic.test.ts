import { describe, expect, test } from 'vitest'
import { seeded } from '../../loadtest/seeded.ts'
import { judgeCheck, openTraffic } from '../../loadtest/traffic/checks.ts'
import { arrivals, facilityWeights } from '../../loadtest/traffic/crowd.ts'
import { weighted, zipf } from '../../loadtest/traffic/zipf.ts'
import { isChanging } from '../../mocks/province/changing.ts'
import { facilities } from '../../mocks/province/facilities.ts'
import { isoDate } from '../../src/calendar.ts'

const CROWD = { province: { seed: 'load', baseDate: isoDate('2026-11-24') }, records: 3_256_000 }

test('ranks are drawn as in Zipf’s law: a part of all draws is from the first of them', () => {
  const next = zipf(1_000_000, 0.6, seeded(1))
  const draws = Array.from({ length: 50_000 }, next)
  const below = (rank: number) => draws.filter((each) => each < rank).length / draws.length
  // (rank ÷ size) ^ (1 − exponent)
  expect(below(1_000)).toBeCloseTo(0.001 ** 0.4, 2)
  expect(below(100_000)).toBeCloseTo(0.1 ** 0.4, 2)
  expect(Math.max(...draws)).toBeLessThan(1_000_000)
  expect(Math.max(...draws)).toBeGreaterThan(990_000)
})

test('facilities are as busy as their weights', () => {
  const weights = facilityWeights()
  expect(weights).toHaveLength(facilities().length)
  const next = weighted([1, 0, 3], seeded(1))
  const draws = Array.from({ length: 20_000 }, next)
  expect(draws.filter((each) => each === 1)).toEqual([])
  expect(draws.filter((each) => each === 2).length / draws.length).toBeCloseTo(0.75, 2)
})

test('people come from the whole province, outsiders and misread scans among them, nobody whom the insurer may change', () => {
  const next = arrivals(CROWD, seeded(3))
  const people = Array.from({ length: 5_000 }, () => next().someone)
  const part = (code: string) => people.filter((each) => each.expected.code === code).length / people.length
  expect(part('not_found')).toBeCloseTo(0.02, 2)
  expect(part('name_mismatch') + part('birth_date_mismatch')).toBeCloseTo(0.01, 2)
  expect(part('valid')).toBeGreaterThan(0.85)
  const residents = people.filter((each) => each.coverages.length > 0)
  expect(residents.filter((each) => isChanging(each.index))).toEqual([])
  expect(Math.max(...residents.map((each) => each.index))).toBeGreaterThan(3_000_000)
})

describe('an answer is right only if it is the decision that the person must get', () => {
  const answer = (code: string) =>
    `{"id":"v1-0","code":"${code}","desk":"…","receipt":{"checkCode":"00000-00QDJ","log":"1"}}`

  test.each([
    ['right', 200, answer('expired')],
    ['wrong', 200, answer('valid')],
    ['wrong', 200, '{"code":"expired"}'], // not in the log
    ['refused', 503, '{"code":"overloaded"}'],
    ['refused', 429, '{"code":"rate_limited"}'],
    ['refused', 200, answer('source_failed')], // undetermined, and said so
    ['failed', 500, '{"code":"internal"}'],
    ['failed', 400, 'no JSON'],
  ])('%s: %d %s', (kind, status, text) => {
    expect(judgeCheck(status, text, 'expired').kind).toBe(kind)
  })
})

test('asks carry the token of their facility, and citizen ids in bodies only', async () => {
  const tokens = facilities().map(({ code }) => `token-${code}`)
  const traffic = await openTraffic({ ...CROWD, tokens }, seeded(1), 50)
  const asks = Array.from({ length: 60 }, (_, n) => traffic.ask(n))
  expect(new Set(asks).size).toBe(50) // then they come again
  for (const { path, headers, body } of asks) {
    expect(path).toBe('/v1/verifications')
    expect(headers['authorization']).toMatch(/^Bearer token-38\w{3}$/)
    expect(JSON.parse(body)).toMatchObject({ evidence: { kind: 'chipIdQr' }, serviceDate: '2026-11-24' })
  }
})
