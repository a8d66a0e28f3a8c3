import { describe, expect, test } from 'vitest'
import { addDays, isoDate, todayInVietnam } from '../../src/calendar.ts'
import { ServiceError } from '../../src/errors.ts'
import { checkPortalAnswer, parseServiceDate } from '../../src/verification/service-date.ts'

const TODAY = isoDate('2026-11-24')
const PURPOSES = ['arrival', 'during', 'end', 'appointment'] as const

/** The fault, or null. */
function faultOf(work: () => unknown) {
  try {
    work()
    return null
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'invalid_request') return error.faults[0]
    throw error
  }
}

describe('the service date', () => {
  test.each(PURPOSES)('today and any day back to the first law is answered: %s', (purpose) => {
    for (const day of [TODAY, isoDate('2026-11-23'), isoDate('2025-01-01'), isoDate('2009-07-01')]) {
      expect(parseServiceDate(day, purpose, TODAY)).toBe(day)
    }
  })

  test('before the first Law on Health Insurance nothing is', () => {
    expect(faultOf(() => parseServiceDate('2009-06-30', 'arrival', TODAY))).toEqual({
      pointer: '/serviceDate',
      issue: 'service_date_too_old',
    })
  })

  test('a future day is for appointments, up to 60 days ahead', () => {
    for (let ahead = 1; ahead <= 70; ahead++) {
      const day = addDays(TODAY, ahead)
      for (const purpose of PURPOSES) {
        const fault = faultOf(() => parseServiceDate(day, purpose, TODAY))
        if (purpose !== 'appointment') expect(fault?.issue).toBe('service_date_future')
        else expect(fault?.issue).toBe(ahead > 60 ? 'service_date_too_far' : undefined)
      }
    }
  })

  test.each(['', '2026-11-31', '24/11/2026', '2026-11-24T00:00:00Z', 'today', '20261124'])('%j is none', (text) => {
    expect(faultOf(() => parseServiceDate(text, 'arrival', TODAY))?.issue).toBe('service_date_shape')
  })

  test('at midnight of a machine in another zone, the desk’s day counts', () => {
    const justAfterMidnight = new Date('2026-11-23T17:00:00.000Z')
    expect(parseServiceDate('2026-11-24', 'arrival', todayInVietnam(justAfterMidnight))).toBe('2026-11-24')
  })
})

describe('the time of a portal answer', () => {
  const now = new Date('2026-11-24T03:00:00.000Z')
  const at = (askedAt: string) => () => checkPortalAnswer({ askedAt, code: '000', digest: 'x' }, now)

  test('none is fine', () => {
    expect(faultOf(() => checkPortalAnswer(undefined, now))).toBeNull()
  })

  test.each([
    ['now', '2026-11-24T03:00:00Z', undefined],
    ['a clock one minute ahead', '2026-11-24T03:01:00Z', undefined],
    ['a clock further ahead', '2026-11-24T03:01:00.001Z', 'portal_answer_future'],
    ['a day ago', '2026-11-23T03:00:00Z', undefined],
    ['a day and a bit ago', '2026-11-23T02:59:59.999Z', 'portal_answer_old'],
    ['in the time of Viet Nam', '2026-11-24T10:00:00+07:00', undefined],
    ['in the time of Viet Nam, ahead', '2026-11-24T10:02:00+07:00', 'portal_answer_future'],
  ])('%s', (_, askedAt, issue) => {
    expect(faultOf(at(askedAt))).toEqual(issue === undefined ? null : { pointer: '/portalAnswer/askedAt', issue })
  })
})
