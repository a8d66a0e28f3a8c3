import type { IsoDate } from '../calendar.ts'
import { todayInVietnam } from '../calendar.ts'
import { asOfDay, needsHistory } from '../coverage/history.ts'
import { findPast, openPast, type SealedPast } from '../coverage/known/store.ts'
import { isHistoryTorn } from '../data-keys.ts'
import { exactInstant } from '../db/connect.ts'
import { type Decision, decide } from '../entitlement/decide.ts'
import { ServiceError } from '../errors.ts'
import { isUnderSix } from '../identity/birth-date.ts'
import type { Job } from '../scope.ts'
import { coverageAnswer, type StoredAnswer } from './answer.ts'
import { type Asked, nameAsked } from './asked.ts'
import { compareWithHolders } from './holder-match.ts'
import { copyState, type VerificationDetails } from './verify.ts'

/** The same question, answered by what our copy knew at an instant. A portal's answer has no part in it. */
export interface AtKnown
  extends Pick<StoredAnswer, 'decision' | 'code' | 'cause' | 'vssCode' | 'warnings' | 'coverages' | 'data'> {
  readonly knownAt: string
}

/**
 * Decides a stored verification again for its service date, as known at the instant. Depends on nothing but the entry,
 * versions of the copy up to that instant, which no sync changes, and the rules of this release.
 */
export async function decideAsKnown(scope: Job, details: VerificationDetails, knownAt: string): Promise<AtKnown> {
  const { asked, answer } = details
  if (asked === undefined || asked === null) throw new ServiceError('known_at_unavailable')
  refuseTorn(scope)
  const past = await scope
    .query((sql) => findPast(sql, [nameAsked(scope.service.dataKeys, asked)], knownAt))
    .catch((cause: unknown) => {
      throw new ServiceError('database_unavailable', { cause })
    })
  if (past.told?.holds !== true || past.batch === null) throw outOfRange(past)
  const at = new Date(knownAt)
  const { decision, code, cause, vssCode, warnings, ...rest } = decideThen(
    scope,
    asked,
    past,
    0,
    answer.serviceDate,
    at,
  )
  const { asOf, feedSequence } = past.batch
  const ageSeconds = Math.max(0, Math.floor((at.getTime() - asOf.getTime()) / 1000))
  return {
    ...{ knownAt, decision, code, cause, vssCode, warnings },
    coverages: rest.shown.map((coverage) => coverageAnswer(coverage, coverage === rest.applies)),
    data: { source: 'copy', asOf: asOf.toISOString(), ageSeconds, feedSequence },
  }
}

/** While people are renamed their past cannot be read whole; see `isHistoryTorn`. */
export function refuseTorn(scope: Job): void {
  if (isHistoryTorn(scope.service.dataKeys)) throw new ServiceError('history_unavailable')
}

/** What would have been answered at the instant, of the person at that place of those who were read. */
export function decideThen(
  scope: Job,
  asked: Asked,
  past: SealedPast,
  place: number,
  day: IsoDate,
  at: Date,
): Decision {
  const { coverages, earlier } = openPast(scope.service.dataKeys, past, place)
  const stood = day < todayInVietnam(at) && needsHistory(coverages, day) ? asOfDay(coverages, earlier, day) : coverages
  const comparison = compareWithHolders(
    { ...asked, mrzName: asked.mrzName ?? null },
    stood.map((each) => each.holder),
  )
  return decide(
    {
      evidence: asked.how,
      holder: comparison?.match ?? 'matches',
      presentedCard: asked.card,
      childUnderSix: isUnderSix(asked.birthDate, day),
      coverages: stood.map((each) => each.facts),
      copy: copyState(scope, past.batch && { asOf: past.batch.asOf, incomplete: false }, at),
    },
    day,
  )
}

function outOfRange({ told }: SealedPast): ServiceError {
  const range = told === null ? 'nothing is known yet' : `${exactInstant(told.from)} to ${exactInstant(told.to)}`
  return new ServiceError('known_at_out_of_range', { detail: range })
}
