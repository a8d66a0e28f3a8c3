import { addDays, type IsoDate, isoDate, parseIsoDate } from '../calendar.ts'
import { invalid } from '../errors.ts'
import type { VerificationRequest } from './request.ts'

/** Appointments are made up to 60 days ahead (contract). */
const DAYS_AHEAD_MAX = 60
/** The first Law on Health Insurance, 25/2008/QH12, came into force this day: no cover of ours is older. */
const FIRST_DAY = isoDate('2009-07-01')
/** A portal answer is about one visit, and the portal itself answers anew each day. */
const PORTAL_ANSWER_AGE_MS_MAX = 24 * 3_600_000
const CLOCK_SKEW_MS = 60_000

export function parseServiceDate(text: string, purpose: VerificationRequest['purpose'], today: IsoDate): IsoDate {
  const date = parseIsoDate(text)
  if (date === null) throw invalid('/serviceDate', 'service_date_shape')
  if (date < FIRST_DAY) throw invalid('/serviceDate', 'service_date_too_old')
  if (date <= today) return date
  if (purpose !== 'appointment') throw invalid('/serviceDate', 'service_date_future')
  if (date > addDays(today, DAYS_AHEAD_MAX)) throw invalid('/serviceDate', 'service_date_too_far')
  return date
}

export function checkPortalAnswer(answer: VerificationRequest['portalAnswer'], now: Date): void {
  if (answer === undefined) return
  const ageMs = now.getTime() - Date.parse(answer.askedAt)
  if (ageMs < -CLOCK_SKEW_MS) throw invalid('/portalAnswer/askedAt', 'portal_answer_future')
  if (ageMs > PORTAL_ANSWER_AGE_MS_MAX) throw invalid('/portalAnswer/askedAt', 'portal_answer_old')
}
