import { addDays, type IsoDate, todayInVietnam } from '../../calendar.ts'
import {
  type Counted,
  type Flag,
  isPresence,
  MISSES,
  manyMisses,
  type SeenCheck,
  stayWithoutEndCheck,
  twoFacilities,
  USUAL_DAYS,
  unusualVolume,
} from '../flag/rules.ts'
import type { CheckRow } from './rows.ts'

/** A facility's day so far, as it is kept. */
export interface FacilityDay extends Counted {
  readonly facility: string
  readonly day: IsoDate
  readonly flaggedMisses: boolean
  readonly flaggedVolume: boolean
}

export interface Stay {
  readonly facility: string
  readonly visit: string
  readonly index: number
  readonly recordedAt: string
}

/** What was projected before the stretch and rules look back at. */
export interface Before {
  /** Of the people in the stretch, in the hour before it: the latest presence of each (`isPresence`). */
  readonly checks: readonly (SeenCheck & { readonly person: string })[]
  readonly days: readonly FacilityDay[]
  readonly stays: readonly Stay[]
  /** Not in the stretch, and over their time. */
  readonly overdue: readonly Stay[]
}

export interface Noticed {
  readonly flags: readonly Flag[]
  readonly days: readonly FacilityDay[]
  readonly stays: readonly Stay[]
  /** Stays that ended, or were told. */
  readonly ended: readonly Pick<Stay, 'facility' | 'visit'>[]
}

/**
 * Walks a stretch in the log's order, so that what is noticed does not depend on where stretches begin: a rebuild finds the
 * same. Pure.
 */
export function notice(rows: readonly CheckRow[], before: Before, logTime: string): Noticed {
  const flags: Flag[] = []
  // told where somebody comes from elsewhere, not again at each check that follows there
  const latest = new Map<string, SeenCheck>(before.checks.map(({ person, ...check }) => [person, check]))
  const days = new Map(before.days.map((each) => [`${each.facility} ${each.day}`, each]))
  const touchedDays = new Set<string>()
  const usual = usualOf(days)
  const stays = new Map(before.stays.map((each) => [`${each.facility} ${each.visit}`, each]))
  const ended = new Map<string, Stay>()
  const touchedStays = new Set<string>()
  const tell = (flag: Flag | null) => {
    if (flag !== null) flags.push(flag)
    return flag !== null
  }

  for (const row of rows) {
    if (row.kind !== 'verification') continue
    const check = seenCheck(row)
    if (row.person !== null) {
      const former = latest.get(row.person)
      if (former !== undefined) tell(twoFacilities(check, former))
      if (isPresence(check)) latest.set(row.person, check)
    }
    const day = todayInVietnam(new Date(row.recordedAt))
    const dayKey = `${row.facility} ${day}`
    const counted = days.get(dayKey) ?? newDay(row.facility, day)
    const now = {
      ...counted,
      checks: counted.checks + 1,
      misses: counted.misses + (MISSES.has(row.code ?? '') ? 1 : 0),
    }
    const { before: formerDays, withChecks } = usual(row.facility, day)
    const flaggedMisses = now.flaggedMisses || tell(manyMisses(check, now, formerDays))
    const flaggedVolume = now.flaggedVolume || tell(unusualVolume(check, now, formerDays, withChecks))
    days.set(dayKey, { ...now, flaggedMisses, flaggedVolume })
    touchedDays.add(dayKey)

    if (row.visit === null || row.purpose === 'appointment') continue
    const stayKey = `${row.facility} ${row.visit}`
    let stay = stays.get(stayKey)
    if (stay !== undefined && tell(stayWithoutEndCheck(seenStay(stay), row.recordedAt))) {
      ended.set(stayKey, stay)
      stays.delete(stayKey)
      touchedStays.delete(stayKey)
      stay = undefined // as it is when the log came here in two stretches
    }
    const own = { facility: row.facility, visit: row.visit, index: row.index, recordedAt: row.recordedAt }
    if (row.purpose === 'end') {
      stays.delete(stayKey)
      ended.set(stayKey, own)
    } else if (row.inpatient === true || (stay !== undefined && row.inpatient !== false)) {
      stays.set(stayKey, own)
      ended.delete(stayKey)
      touchedStays.add(stayKey)
    }
  }
  for (const stay of before.overdue) {
    if (tell(stayWithoutEndCheck(seenStay(stay), logTime))) ended.set(`${stay.facility} ${stay.visit}`, stay)
  }
  return {
    flags: firstOfEach(flags),
    days: [...touchedDays].flatMap((key) => days.get(key) ?? []),
    stays: [...touchedStays].flatMap((key) => stays.get(key) ?? []),
    ended: [...ended.values()],
  }
}

function seenCheck({ index, facility, recordedAt, route, purpose }: CheckRow): SeenCheck {
  return { index, facility, recordedAt, route, purpose }
}

function seenStay({ index, facility, recordedAt }: Stay): SeenCheck {
  return { index, facility, recordedAt, route: null, purpose: null }
}

function newDay(facility: string, day: IsoDate): FacilityDay {
  return { facility, day, checks: 0, misses: 0, flaggedMisses: false, flaggedVolume: false }
}

interface Usual {
  readonly before: Counted
  readonly withChecks: number
}

/** What a facility did on the days before, added up again only where its checks go on on another day. */
function usualOf(days: ReadonlyMap<string, FacilityDay>): (facility: string, day: IsoDate) => Usual {
  const latest = new Map<string, { readonly day: IsoDate; readonly usual: Usual }>()
  const formersOf = new Map<IsoDate, readonly IsoDate[]>()
  return (facility, day) => {
    const known = latest.get(facility)
    if (known?.day === day) return known.usual
    const formers = formersOf.get(day) ?? Array.from({ length: USUAL_DAYS }, (_, n) => addDays(day, -1 - n))
    formersOf.set(day, formers)
    const counted = formers.flatMap((former) => days.get(`${facility} ${former}`) ?? [])
    const sum = (of: (each: FacilityDay) => number) => counted.reduce((total, each) => total + of(each), 0)
    const before = { checks: sum((each) => each.checks), misses: sum((each) => each.misses) }
    const usual = { before, withChecks: counted.length }
    latest.set(facility, { day, usual })
    return usual
  }
}

/** One rule speaks once of an entry. */
function firstOfEach(flags: readonly Flag[]): Flag[] {
  return [...new Map(flags.toReversed().map((flag) => [`${flag.index} ${flag.rule}`, flag])).values()].toReversed()
}
