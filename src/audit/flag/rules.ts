/**
 * What auditors are shown as worth a look. Each rule is pure, says nothing of guilt, and has its innocent explanations
 * beside it (`texts.ts`). Thresholds are ours: no text of law has them; they are here to be set with the insurer.
 */
export const FLAG_RULES = [
  'twoFacilities',
  'manyMisses',
  'unusualVolume',
  'stayWithoutEndCheck',
  'claimWithoutCheck',
  'claimedNotEntitled',
  'datesContradict',
  'repeatedClaim',
  'amountsContradict',
] as const
export type FlagRule = (typeof FLAG_RULES)[number]

/** What still holds when nothing of a person is known any more. */
export const RULES_WITHOUT_PERSON: readonly FlagRule[] = ['manyMisses', 'unusualVolume', 'amountsContradict']

export interface Flag {
  readonly rule: FlagRule
  /** A place, as each `index` that rules look at. */
  readonly index: number
  readonly facility: string
  readonly recordedAt: string
  readonly otherIndex: number | null
  /** About a dossier that only `audit:hiv` may see. */
  readonly restricted: boolean
  /** Codes and numbers of ours. */
  readonly facts: Readonly<Record<string, string | number>>
}

/** A check, as far as rules look at it. */
export interface SeenCheck {
  readonly index: number
  readonly facility: string
  /** RFC 3339 in UTC. */
  readonly recordedAt: string
  /** MA_DOITUONG_KCB; null where the check named none. */
  readonly route: string | null
  readonly purpose: string | null
}

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** QĐ 3276: cấp cứu */
export const EMERGENCY = '2'
const TRANSFER = '1.3' // chuyển tuyến

/** Whether a check says that the person was there, and does not say that they would be moved: an emergency is brought on. */
export function isPresence({ route, purpose }: Pick<SeenCheck, 'route' | 'purpose'>): boolean {
  return route !== EMERGENCY && purpose !== 'appointment'
}

/** One person at two facilities within the hour. Emergencies and transfers are how patients move; an appointment is nobody's presence. */
export function twoFacilities(check: SeenCheck, former: SeenCheck): Flag | null {
  const apartMs = Date.parse(check.recordedAt) - Date.parse(former.recordedAt)
  if (check.facility === former.facility || Math.abs(apartMs) > HOUR_MS) return null
  if (!isPresence(check) || !isPresence(former) || check.route === TRANSFER) return null
  const facts = { otherFacility: former.facility, minutes: Math.floor(Math.abs(apartMs) / 60_000) }
  return { ...about(check), rule: 'twoFacilities', otherIndex: former.index, facts }
}

/** Checks of a facility on a day, and how many of them found nobody. */
export interface Counted {
  readonly checks: number
  readonly misses: number
}

export const MISSES: ReadonlySet<string> = new Set(['not_found', 'no_match'])
/** Fewer are chance. */
const MISSES_MIN = 10
const MISSES_SHARE_MIN = 0.2
/** Of what is usual there; where too little is known, of one in twenty. */
const TIMES_USUAL = 3
const USUAL_DEFAULT: Counted = { checks: 20, misses: 1 }
const USUAL_CHECKS_MIN = 200

/** `before`: the 28 days before. */
export function manyMisses(check: SeenCheck, today: Counted, before: Counted): Flag | null {
  const usual = before.checks < USUAL_CHECKS_MIN ? USUAL_DEFAULT : before
  // in whole numbers: three times a tenth is more than three tenths in a double
  const isUsual = today.misses * usual.checks < TIMES_USUAL * usual.misses * today.checks
  if (today.misses < MISSES_MIN || today.misses < MISSES_SHARE_MIN * today.checks || isUsual) return null
  const usualPercent = Math.round((usual.misses / usual.checks) * 1000) / 10
  const facts = { checks: today.checks, misses: today.misses, usualPercent }
  return { ...about(check), rule: 'manyMisses', otherIndex: null, facts }
}

export const USUAL_DAYS = 28
const VOLUME_MIN = 100
const VOLUME_DAYS_MIN = 7

/** `days`: of the 28 before, those with checks. */
export function unusualVolume(check: SeenCheck, today: Counted, usual: Counted, days: number): Flag | null {
  if (days < VOLUME_DAYS_MIN || today.checks < VOLUME_MIN) return null
  const usualADay = usual.checks / days
  if (today.checks < TIMES_USUAL * usualADay) return null
  const facts = { checks: today.checks, usualADay: Math.round(usualADay * 10) / 10 }
  return { ...about(check), rule: 'unusualVolume', otherIndex: null, facts }
}

/** As for `GET /v1/visit-changes`: claims of a month close in the next one. */
export const STAY_DAYS_MAX = 30

/** An inpatient's latest check, and how far the log has come since: a re-check before the end is a duty (NĐ 188/2025 Đ21). */
export function stayWithoutEndCheck(latest: SeenCheck, logTime: string): Flag | null {
  if (Date.parse(logTime) - Date.parse(latest.recordedAt) < STAY_DAYS_MAX * DAY_MS) return null
  return { ...about(latest), rule: 'stayWithoutEndCheck', otherIndex: null, facts: { days: STAY_DAYS_MAX } }
}

function about({ index, facility, recordedAt }: SeenCheck) {
  return { index, facility, recordedAt, restricted: false }
}
