import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import type { Holder } from '../../src/coverage/coverage.ts'
import { type Evidence, readEvidence } from '../../src/verification/evidence.ts'
import { compareWithHolders } from '../../src/verification/holder-match.ts'

function shown(fullName: string, dateOfBirth: string): Evidence {
  return readEvidence({ kind: 'chipIdTyped', number: '038090001234', fullName, dateOfBirth }, isoDate('2026-11-24'))
}

function holder(fullName: string, dateOfBirth: string): Holder {
  return { citizenId: '038090001234', fullName, dateOfBirth, sex: 'male', cardNumber: 'GD4383800012345' }
}

const evidence = shown('Nguyễn Văn An', '1990-01-15')

test('without a record nothing is compared', () => {
  expect(compareWithHolders(evidence, [])).toBeNull()
})

describe('one record', () => {
  test.each([
    ['as printed', 'Nguyễn Văn An', '1990-01-15', 'exact', 'exact', 'matches'],
    ['capitals', 'NGUYỄN VĂN AN', '1990-01-15', 'exact', 'exact', 'matches'],
    ['decomposed', 'Nguyễn Văn An'.normalize('NFD'), '1990-01-15', 'exact', 'exact', 'matches'],
    ['only the year on record', 'Nguyễn Văn An', '1990', 'exact', 'coarser', 'matches'],
    [
      'accents left out: near, vouched for by the exact date',
      'Nguyen Van An',
      '1990-01-15',
      'near',
      'exact',
      'matches',
    ],
    // a near name with a coarse date: neither vouches for the other
    ['near, but only the year agrees', 'Nguyen Van An', '1990', 'near', 'coarser', 'nameDiffersAfterFirstLetter'],
    ['another day', 'Nguyễn Văn An', '1990-01-16', 'exact', 'differs', 'birthDateDiffers'],
    [
      'near and another day: the date is what differs',
      'Nguyen Van An',
      '1990-01-16',
      'near',
      'differs',
      'birthDateDiffers',
    ],
    [
      'another name of one first letter (VSS 061)',
      'Nguyễn Văn Bình',
      '1990-01-15',
      'differs',
      'exact',
      'nameDiffersAfterFirstLetter',
    ],
    ['another name (VSS 060)', 'Trần Thị Bình', '1990-01-15', 'differs', 'exact', 'nameDiffers'],
    ['all different: the name is said', 'Trần Thị Bình', '1985-03-02', 'differs', 'differs', 'nameDiffers'],
  ] as const)('%s', (_, fullName, dateOfBirth, name, birthDate, match) => {
    expect(compareWithHolders(evidence, [holder(fullName, dateOfBirth)])).toEqual({ name, birthDate, match })
  })
})

describe('several records: the one that agrees best speaks for the person', () => {
  const exact = holder('Nguyễn Văn An', '1990-01-15')
  const coarse = holder('Nguyễn Văn An', '1990')
  const near = holder('Nguyen Van An', '1990-01-15')
  const otherDay = holder('Nguyễn Văn An', '1991-01-15')
  const otherName = holder('Nguyễn Văn Bình', '1990-01-15')
  const stranger = holder('Trần Thị Bình', '1985-03-02')

  test('in any order of rows', () => {
    const ranked = [exact, coarse, near, otherDay, otherName, stranger]
    fc.assert(
      fc.property(fc.shuffledSubarray(ranked, { minLength: 1 }), (some) => {
        const best = ranked.find((each) => some.includes(each)) as Holder
        expect(compareWithHolders(evidence, some)).toEqual(compareWithHolders(evidence, [best]))
      }),
      { seed: 38, numRuns: 500 },
    )
  })
})

describe('a machine-readable zone', () => {
  const zone = readEvidence(
    {
      kind: 'chipIdMrz',
      text: 'IDVNM0900012345038090001234<<2\n9001158M3001156VNM<<<<<<<<<<<8\nNGUYEN<<VAN<AN<<<<<<<<<<<<<<<<',
    },
    isoDate('2026-11-24'),
  )

  test.each([
    ['the name as far as a zone can say it', 'Nguyễn Văn An', '1990-01-15', 'transliterated', 'exact', 'matches'],
    // unlike a near name, it is vouched for by what the zone is: there are no accents in it to be wrong
    ['the same, with a year on record', 'Nguyễn Văn An', '1990', 'transliterated', 'coarser', 'matches'],
    ['another spelling, with the exact date', 'Nguyễn Vănan', '1990-01-15', 'near', 'exact', 'matches'],
    ['another spelling, with a year', 'Nguyễn Vănan', '1990', 'near', 'coarser', 'nameDiffersAfterFirstLetter'],
    ['another day', 'Nguyễn Văn An', '1990-01-16', 'transliterated', 'differs', 'birthDateDiffers'],
    ['another name', 'Trần Văn An', '1990-01-15', 'differs', 'exact', 'nameDiffers'],
  ] as const)('%s', (_, fullName, dateOfBirth, name, birthDate, match) => {
    expect(compareWithHolders(zone, [holder(fullName, dateOfBirth)])).toEqual({ name, birthDate, match })
  })
})
