import { expect, test } from 'vitest'
import { differenceOf, registeredIn } from '../../mocks/population-registry/people.ts'
import { childOutsider, outsider, personOf } from '../../mocks/province/outsider.ts'
import { person } from '../../mocks/province/person.ts'
import { isoDate } from '../../src/calendar.ts'

const province = { seed: 'find', baseDate: isoDate('2026-11-24') }

test.each([
  ['a resident', person],
  ['an outsider', outsider],
  ['a child outside the records', childOutsider],
])('%s would not be found by their number, or a cancelled number would be somebody’s', (_, make) => {
  for (let i = 0; i < 500; i++) {
    const someone = make(province, i * 1_831)
    expect(personOf(province, someone.citizenId)).toEqual(someone)
    for (const former of someone.formerNumbers) expect(personOf(province, former)).toBeNull()
  }
  for (const nobody of ['999090000001', '038', '', 'abc']) expect(personOf(province, nobody)).toBeNull()
})

test('the registry would differ from the cards in other ways, or other people, than it says', () => {
  const find = registeredIn(province)
  const met = new Set<string>()
  for (let index = 0; index < 200; index++) {
    const { citizenId, fullName, dateOfBirth } = person(province, index)
    const found = find(citizenId)
    const name = found?.fullName === fullName
    const date = found?.dateOfBirth === dateOfBirth
    const seen = found === null ? 'cancelled' : name && date ? 'none' : name ? 'birthDateCorrected' : 'renamed'
    expect(seen).toBe(differenceOf(index))
    met.add(seen)
  }
  expect(met.size).toBe(4)
})
