import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isCalendarDay, isoDate } from '../../src/calendar.ts'
import type { Holder } from '../../src/coverage/coverage.ts'
import { type CoverageDays, openHolder, sealHolder } from '../../src/coverage/holder.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { open, SealError, seal } from '../../src/seal.ts'

const secret = () => randomBytes(32).toString('base64')
const keys = deriveDataKeys({ lookup: secret(), log: secret(), seal: { current: 1, generations: { '1': secret() } } })
const SUBJECT = '0'.repeat(32)

const child: Holder = {
  citizenId: '038321001234',
  fullName: 'Nguyễn Văn An',
  dateOfBirth: '2021-04-17',
  sex: 'male',
  cardNumber: 'TE1383800012345',
}
const YEAR_2026: CoverageDays = {
  validFrom: isoDate('2026-01-01'),
  validTo: isoDate('2026-12-31'),
  fiveYearsFrom: isoDate('2028-01-01'),
  statusFrom: null,
}

const partsOf = (sealed: Buffer): unknown[] => JSON.parse(open(keys, 'coverage', SUBJECT, sealed))

describe('of a day on the birthday', () => {
  test.each([
    ['the first day of the card', { validFrom: isoDate('2021-04-17') }, { validFrom: '2021-04-01' }, ['2021-04-17']],
    ['the last', { validTo: isoDate('2027-04-17') }, { validTo: '2027-04-30' }, [null, '2027-04-17']],
    [
      'the end of five years',
      { fiveYearsFrom: isoDate('2026-04-17') },
      { fiveYearsFrom: '2026-04-01' },
      [null, null, '2026-04-17'],
    ],
    [
      'the day of the status',
      { statusFrom: isoDate('2026-04-17') },
      { statusFrom: '2026-04-01' },
      [null, null, null, '2026-04-17'],
    ],
    [
      'first and last',
      { validFrom: isoDate('2021-04-17'), validTo: isoDate('2027-04-17') },
      { validFrom: '2021-04-01', validTo: '2027-04-30' },
      ['2021-04-17', '2027-04-17'],
    ],
  ])('only the month stands in clear: %s', (_, over, clear, more) => {
    const sealed = sealHolder(keys, SUBJECT, child, { ...YEAR_2026, ...over })
    expect(sealed.days).toEqual({ ...YEAR_2026, ...clear })
    expect(partsOf(sealed.sealed).slice(5)).toEqual(more)
  })

  test('29 February: the last of the month is itself', () => {
    const leap = { ...child, dateOfBirth: '2024-02-29' }
    const days = { ...YEAR_2026, validFrom: isoDate('2024-02-29'), validTo: isoDate('2028-02-29') }
    const sealed = sealHolder(keys, SUBJECT, leap, days)
    expect(sealed.days).toMatchObject({ validFrom: '2024-02-01', validTo: '2028-02-29' })
    expect(openHolder(keys, SUBJECT, sealed.sealed, sealed.days).days).toEqual(days)
  })
})

test.each(['2021-04-18', '2021-04', '2021'])('other days stand as they are: born %s', (dateOfBirth) => {
  const days = { ...YEAR_2026, validFrom: isoDate('2021-04-17') }
  const sealed = sealHolder(keys, SUBJECT, { ...child, dateOfBirth }, days)
  expect(sealed.days).toEqual(days)
  expect(partsOf(sealed.sealed)).toHaveLength(5)
})

test('whatever the days, they come back exact, and none in clear is the birthday inside its month', () => {
  const monthDay = fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 31 }))
    .filter(([month, day]) => isCalendarDay(2024, month, day))
    .map(([month, day]) => `${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`)
  const leapYear = fc.integer({ min: 1, max: 24 }).map((each) => 2000 + each * 4)
  // half of the days fall on the birthday
  const days = (birthday: string) => {
    const one = fc
      .tuple(leapYear, fc.oneof(fc.constant(birthday), monthDay))
      .map(([year, each]) => isoDate(`${year}-${each}`))
    const maybe = fc.option(one)
    return fc.record({ validFrom: one, validTo: maybe, fiveYearsFrom: maybe, statusFrom: maybe })
  }
  const some = monthDay.chain((birthday) => fc.tuple(fc.constant(birthday), days(birthday)))
  fc.assert(
    fc.property(some, leapYear, ([birthday, exact], year) => {
      const holder = { ...child, dateOfBirth: `${year}-${birthday}` }
      const { sealed, days: clear } = sealHolder(keys, SUBJECT, holder, exact)
      expect(openHolder(keys, SUBJECT, sealed, clear)).toEqual({ holder, days: exact })
      if (!birthday.endsWith('-01')) {
        const from = [clear.validFrom, clear.fiveYearsFrom, clear.statusFrom]
        expect(from.map((each) => each?.slice(5))).not.toContain(birthday)
      }
      if (Number(birthday.slice(3)) < 28) expect(clear.validTo?.slice(5)).not.toBe(birthday)
      for (const name of ['validFrom', 'validTo', 'fiveYearsFrom', 'statusFrom'] as const) {
        expect(clear[name]?.slice(0, 7)).toBe(exact[name]?.slice(0, 7))
      }
    }),
    { seed: 38, numRuns: 500 },
  )
})

test.each([[4], [10]])('an array of %i parts is no holder', (length) => {
  const sealed = seal(keys, 'coverage', SUBJECT, JSON.stringify(Array.from({ length }, () => 'x')))
  expect(() => openHolder(keys, SUBJECT, sealed, YEAR_2026)).toThrow(SealError)
})
