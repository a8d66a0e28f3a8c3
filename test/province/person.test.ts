import { describe, expect, it } from 'vitest'
import { RESIDENT_CODES } from '../../mocks/province/expected.ts'
import { facilities } from '../../mocks/province/facilities.ts'
import { type Person, person } from '../../mocks/province/person.ts'
import { addDays, isoDate, parseIsoDate } from '../../src/calendar.ts'
import { isKnownGroup, parseCardNumber, readCardNumber } from '../../src/coverage/card-number.ts'
import { isUnderSix, parseBirthDate } from '../../src/identity/birth-date.ts'
import { parseFullName } from '../../src/identity/name.ts'

const baseDate = isoDate('2026-11-24')
const province = { seed: 'people', baseDate }
const PEOPLE = 100_000
const people = Array.from({ length: PEOPLE }, (_, i) => person(province, i))

/** Wrong ones, few enough to read in a failure. */
function wrong(test: (someone: Person) => boolean): Person[] {
  return people.filter((someone) => !test(someone)).slice(0, 3)
}

function percent(test: (someone: Person) => boolean): number {
  return (people.filter(test).length / PEOPLE) * 100
}

describe('a person is a function of seed, day and index', () => {
  it('would depend on who was asked for before', () => {
    const alone = person({ seed: 'people', baseDate }, 4711)
    for (const i of [9, 4712, 0, 99_000_000]) person(province, i)
    person({ seed: 'others', baseDate }, 4711)
    expect(person(province, 4711)).toEqual(alone)
    expect(people[4711]).toEqual(alone)
  })

  it('would be the same people under another seed', () => {
    const others = Array.from({ length: 1000 }, (_, i) => person({ seed: 'others', baseDate }, i))
    expect(others.filter((other, i) => other.citizenId === people[i]?.citizenId)).toEqual([])
    expect(others.filter((other, i) => other.insuranceNumber === people[i]?.insuranceNumber)).toEqual([])
  })
})

describe('what is printed on cards', () => {
  it('a text would not be NFC, or a name one that the service refuses', () => {
    expect(
      wrong(({ fullName, address }) => fullName === fullName.normalize('NFC') && address === address.normalize('NFC')),
    ).toEqual([])
    expect(wrong(({ fullName }) => parseFullName(fullName).ok)).toEqual([])
    expect(wrong(({ address }) => /^[^|]+, [^|]+, Thanh Hóa$/.test(address))).toEqual([])
  })

  it('somebody young would have no birth day, or too many of the old', () => {
    expect(wrong(({ dateOfBirth }) => dateOfBirth.length === 10 || dateOfBirth < '1960')).toEqual([])
    const old = people.filter(({ dateOfBirth }) => dateOfBirth < '1960')
    expect((old.filter(({ dateOfBirth }) => dateOfBirth.length < 10).length / old.length) * 100).toBeCloseTo(4, 0)
    expect(wrong(({ dateOfBirth }) => parseBirthDate(dateOfBirth, baseDate).ok)).toEqual([])
  })

  it('names and birth places would not look like Thanh Hóa', () => {
    const surname = (name: string) => percent(({ fullName }) => fullName.startsWith(`${name} `))
    expect(surname('Nguyễn')).toBeGreaterThan(29)
    expect(surname('Nguyễn')).toBeLessThan(38)
    expect(surname('Lê')).toBeGreaterThan(12)
    expect(percent(({ fullName }) => /^(Lò|Vi|Cầm|Quách) /.test(fullName))).toBeGreaterThan(1)
    expect(percent(({ citizenId }) => citizenId.startsWith('038'))).toBeCloseTo(96, 0)
    expect(people.some(({ citizenId }) => citizenId >= '1')).toBe(true)
  })
})

describe('coverages', () => {
  it('a card would be no card, of an unknown group, or of somebody else', () => {
    expect(
      wrong(({ coverages, insuranceNumber }) =>
        coverages.every(({ cardNumber }) => {
          const card = parseCardNumber(cardNumber)
          if (!card.ok) return false
          const parts = readCardNumber(card.value)
          return isKnownGroup(parts.group) && parts.province === '38' && parts.insuranceNumber === insuranceNumber
        }),
      ),
    ).toEqual([])
    expect(wrong(({ coverages }) => new Set(coverages.map((row) => row.cardNumber)).size === coverages.length)).toEqual(
      [],
    )
    expect(wrong(({ coverages }) => coverages.every(({ coverageNo }) => coverageNo <= coverages.length))).toEqual([])
  })

  it('a child under six would have another card than TE1, or somebody older one', () => {
    expect(
      wrong(({ dateOfBirth, coverages }) => {
        const birth = parseBirthDate(dateOfBirth, baseDate)
        const isChild = birth.ok && isUnderSix(birth.value, baseDate)
        return coverages[0]?.cardNumber.startsWith('TE1') === isChild
      }),
    ).toEqual([])
  })

  it('a day would be no day, or a card begin before its holder or after its end', () => {
    const isDayOrNull = (text: string | null) => text === null || parseIsoDate(text) !== null
    expect(
      wrong(({ coverages, dateOfBirth }) =>
        coverages.every(
          (row) =>
            [row.validFrom, row.validTo, row.fiveYearsFrom, row.statusFrom].every(isDayOrNull) &&
            row.validFrom >= dateOfBirth &&
            (row.validTo === null || row.validFrom <= row.validTo),
        ),
      ),
    ).toEqual([])
    expect(
      wrong(({ coverages }) =>
        coverages.every(({ status, statusFrom }) =>
          status === 'active' ? statusFrom === null : statusFrom !== null && statusFrom < baseDate,
        ),
      ),
    ).toEqual([])
  })

  it('a demo of some weeks ago would answer otherwise than on its first day', () => {
    const later = addDays(baseDate, 120)
    const holds = (row: Person['coverages'][number], day: string) =>
      row.validFrom <= day && (row.validTo === null || day <= row.validTo)
    const inForce = (status: string) =>
      wrong(
        ({ expected, coverages }) =>
          expected.code !== (status === 'active' ? 'valid' : 'valid_prefer_new') ||
          coverages.every((row) => row.status !== status || (holds(row, baseDate) && holds(row, later))),
      )
    expect(inForce('active')).toEqual([])
    expect(inForce('superseded')).toEqual([])
    expect(
      wrong(
        ({ expected, coverages: [row] }) =>
          !(expected.code === 'expired' || expected.code === 'not_yet_valid') ||
          (row !== undefined && !holds(row, baseDate) && !holds(row, later)),
      ),
    ).toEqual([])
  })

  it('cards kept by defence and police would not be QN, CY and CA of level 5', () => {
    expect(wrong(({ coverages: [row] }) => row?.status !== 'defence' || /^(QN|CY)5/.test(row.cardNumber))).toEqual([])
    expect(wrong(({ coverages: [row] }) => row?.status !== 'police' || row.cardNumber.startsWith('CA5'))).toEqual([])
  })

  it('a facility of first registration would not exist, or one of the 669 have nobody', () => {
    const registered = new Set(people.map(({ coverages: [row] }) => row?.registeredFacility))
    expect(facilities().filter(({ code }) => !registered.has(code))).toEqual([])
    const ours = new Set(facilities().map(({ code }) => code))
    expect(
      wrong(
        ({ coverages: [row] }) =>
          row !== undefined && (ours.has(row.registeredFacility) || !row.registeredFacility.startsWith('38')),
      ),
    ).toEqual([])
    expect(percent(({ coverages: [row] }) => row?.registeredFacility.startsWith('38') === false)).toBeCloseTo(2, 0)
  })
})

describe('shares of cases', () => {
  const PER_CENT = {
    expired: 2,
    not_yet_valid: 0.3,
    revoked: 0.5,
    reduced: 0.5,
    stopped: 0.5,
    moved_out: 0.5,
    moved_within: 0.5,
    re_enrolled: 0.5,
    replaced: 0.5,
    valid_prefer_new: 0.3,
    held: 0.2,
    check_paper_defence: 0.3,
    check_paper_police: 0.3,
  }

  it.each(Object.entries(PER_CENT))('%s would not be met by about %f per cent', (code, target) => {
    const share = percent(({ expected }) => expected.code === code)
    // five standard deviations of 100,000 draws
    expect(Math.abs(share - target)).toBeLessThan(5 * Math.sqrt((target * (100 - target)) / PEOPLE))
  })

  it('a code of residents would be met by nobody', () => {
    expect(new Set(people.map(({ expected }) => expected.code))).toEqual(new Set(RESIDENT_CODES))
  })

  it('second coverages would not be half old cards with a successor, half in force beside the first', () => {
    const two = people.filter(({ coverages }) => coverages.length === 2)
    expect(two.length).toBe(Math.floor(PEOPLE / 99))
    const replaced = two.filter(({ coverages }) => coverages[1]?.status === 'replaced')
    expect(replaced.length / two.length).toBeGreaterThan(0.4)
    expect(replaced.length / two.length).toBeLessThan(0.6)
    expect(replaced.filter(({ coverages: [row] }) => row?.status !== 'active' || row.coverageNo !== 2)).toEqual([])
    expect(two.filter(({ expected }) => expected.code !== 'valid')).toEqual([])
  })
})
