import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFacilityCode } from '../../src/access/principal.ts'
import { addDays, isoDate } from '../../src/calendar.ts'
import { readCursor, writeCursor } from '../../src/facility/cursor.ts'
import { type Facility, periodsWithEnds, standingOn } from '../../src/facility/facility.ts'

const hospital: Facility = {
  code: code('38004'),
  name: 'Bệnh viện Ung bướu Thanh Hóa',
  formerTier: 'provincial',
  commune: 'Quảng Phú',
  province: '38',
  validFrom: isoDate('2025-07-01'),
  validTo: isoDate('2026-12-31'),
  mergedInto: code('38001'),
  periods: [
    { from: isoDate('2025-07-01'), level: 'basic', points: null },
    { from: isoDate('2026-01-01'), level: 'basic', points: 66 },
    { from: isoDate('2026-07-01'), level: 'specialised', points: 71 },
  ],
}

function code(text: string) {
  const parsed = parseFacilityCode(text)
  if (parsed === null) throw new TypeError(text)
  return parsed
}

describe('how a facility stood on a day would be another period’s', () => {
  test.each([
    ['2025-06-30', null],
    ['2025-07-01', { level: 'basic', points: null }],
    ['2025-12-31', { level: 'basic', points: null }],
    ['2026-01-01', { level: 'basic', points: 66 }],
    ['2026-06-30', { level: 'basic', points: 66 }],
    ['2026-07-01', { level: 'specialised', points: 71 }],
    ['2026-12-31', { level: 'specialised', points: 71 }],
    ['2027-01-01', null],
  ])('%s', (day, standing) => {
    const found = standingOn(hospital, isoDate(day))
    expect(found && { level: found.level, points: found.points }).toEqual(standing)
  })

  test('a code without an end would end', () => {
    const open = { ...hospital, validTo: null, mergedInto: null }
    expect(standingOn(open, isoDate('2999-01-01'))).toMatchObject({ level: 'specialised' })
    expect(periodsWithEnds(open).at(-1)).toMatchObject({ to: null })
  })

  test('periods would leave a day out, or share one', () => {
    const periods = periodsWithEnds(hospital)
    expect(periods.map((each) => each.to)).toEqual(['2025-12-31', '2026-06-30', '2026-12-31'])
    for (const [i, each] of periods.slice(1).entries())
      expect(addDays(isoDate(periods[i]?.to ?? ''), 1)).toBe(each.from)
  })
})

describe('a cursor', () => {
  test('would not be read back', () => {
    for (const knownAt of ['2026-11-24 16:00:00+00', '2026-02-28 00:00:00.123456+00']) {
      expect(readCursor(writeCursor({ after: '38C01', knownAt }))).toEqual({ after: '38C01', knownAt })
    }
  })

  const write = (text: string) => Buffer.from(text).toString('base64url')
  test.each([
    '',
    'x',
    '38001',
    write('38001'),
    write('3800 2026-11-24 16:00:00+00'),
    write('38001 2026-02-31 16:00:00+00'),
    write('38001 2026-11-24 25:00:00+00'),
    write('38001 2026-11-24 16:00:00+07'),
    write('38001 infinity'),
    write("38001 2026-11-24 16:00:00+00'"),
    `${write('38001 2026-11-24 16:00:00+00')}=`,
  ])('that we did not write would be taken: %j', (text) => {
    expect(readCursor(text)).toBeNull()
  })

  test('any text would throw, or be taken as another cursor than it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const cursor = readCursor(text)
        expect(cursor === null || writeCursor(cursor) === text).toBe(true)
      }),
    )
  })
})
