import { describe, expect, it } from 'vitest'
import { childOutsider, outsider, outsiderCount } from '../../mocks/province/outsider.ts'
import { type Person, person } from '../../mocks/province/person.ts'
import { isoDate } from '../../src/calendar.ts'
import { isUnderSix, parseBirthDate } from '../../src/identity/birth-date.ts'
import { describeCitizenId, parseCitizenId } from '../../src/identity/citizen-id.ts'

const province = { seed: 'numbers', baseDate: isoDate('2026-11-24') }
const PEOPLE = 300_000

/** From the start, from the middle and from the end of the 100 million. */
function* people(): Generator<Person> {
  for (let i = 0; i < PEOPLE - 20_000; i++) yield person(province, i)
  for (let i = 0; i < 10_000; i++) yield person(province, 47_000_000 + i)
  for (let i = 0; i < 10_000; i++) yield person(province, 99_999_999 - i)
}

describe('numbers of residents and outsiders', () => {
  const current = new Set<string>()
  const former = new Set<string>()
  const insurance = new Set<string>()
  let formers = 0
  const disagreeing: string[] = []
  for (const { citizenId, sex, dateOfBirth, formerNumbers, insuranceNumber } of people()) {
    current.add(citizenId)
    insurance.add(insuranceNumber)
    for (const number of formerNumbers) {
      former.add(number)
      formers++
    }
    const id = parseCitizenId(citizenId)
    const digits = id.ok ? describeCitizenId(id.value) : null
    if (digits?.sex !== sex || digits.birthYear !== Number(dateOfBirth.slice(0, 4))) disagreeing.push(citizenId)
  }

  it('two residents would share a citizen id or an insurance number', () => {
    expect(current.size).toBe(PEOPLE)
    expect(insurance.size).toBe(PEOPLE)
  })

  it('two residents would share a former number, or one would be somebody else’s current number', () => {
    expect(former.size).toBe(formers)
    expect([...former].filter((number) => current.has(number))).toEqual([])
    expect([...former].some((number) => number.length === 12)).toBe(true)
  })

  it('the digits would contradict sex or birth year', () => {
    expect(disagreeing).toEqual([])
  })

  it('an insurance number would not be ten digits with a province first', () => {
    expect([...insurance].filter((number) => !/^[0-9]{10}$/.test(number) || number < '01')).toEqual([])
  })

  it('an outsider would have the number of a resident, a former one, or of another outsider', () => {
    const outsiders = [
      ...Array.from({ length: 30_000 }, (_, i) => outsider(province, i)),
      ...Array.from({ length: 30_000 }, (_, i) => childOutsider(province, i)),
    ]
    expect(outsiders.filter(({ citizenId }) => current.has(citizenId) || former.has(citizenId))).toEqual([])
    expect(outsiders.filter(({ insuranceNumber }) => insurance.has(insuranceNumber))).toEqual([])
    expect(new Set(outsiders.map(({ citizenId }) => citizenId)).size).toBe(60_000)
    expect(new Set(outsiders.map(({ insuranceNumber }) => insuranceNumber)).size).toBe(60_000)
  })

  it('somebody of the last bucket could not be made', () => {
    expect(outsider(province, outsiderCount(province, 'not_found') - 1).citizenId).toMatch(/^[0-9]{12}$/)
    expect(childOutsider(province, outsiderCount(province, 'child_without_card') - 1).citizenId).toMatch(/^[0-9]{12}$/)
    expect(() => outsider(province, outsiderCount(province, 'not_found'))).toThrow(RangeError)
    expect(() => person(province, 100_000_000)).toThrow(RangeError)
    expect(() => person(province, 0.5)).toThrow(RangeError)
  })
})

it.each([isoDate('2025-01-01'), isoDate('2028-02-29'), isoDate('2026-12-31'), isoDate('2060-03-01')])(
  'a province of %s would hold the unborn, or a bucket too full for its numbers',
  (baseDate) => {
    const then = { seed: 1, baseDate }
    const born = Array.from({ length: 20_000 }, (_, i) => person(then, i))
    expect(born.filter(({ dateOfBirth }) => dateOfBirth >= baseDate)).toEqual([])
    expect(born.filter(({ issuedOn, dateOfBirth }) => issuedOn < dateOfBirth || issuedOn >= baseDate)).toEqual([])
    const underSix = ({ dateOfBirth }: Person) => {
      const birth = parseBirthDate(dateOfBirth, baseDate)
      return birth.ok && isUnderSix(birth.value, baseDate)
    }
    for (let i = 0; i < 5_000; i++) {
      expect(underSix(childOutsider(then, i))).toBe(true)
      expect(underSix(outsider(then, i))).toBe(false)
    }
  },
)
