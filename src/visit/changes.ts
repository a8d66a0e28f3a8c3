import type { Principal } from '../access/principal.ts'
import { openDetails } from '../audit/log.ts'
import { entryAt, LOG_ID } from '../audit/log-id.ts'
import { type IsoDate, todayInVietnam } from '../calendar.ts'
import { findPast, type SealedPast } from '../coverage/known/store.ts'
import { nameSince } from '../data-keys.ts'
import { instantText } from '../db/connect.ts'
import { type Texts, textsFor } from '../entitlement/decision-text.ts'
import { ServiceError } from '../errors.ts'
import { describeFailure } from '../event.ts'
import type { Scope } from '../scope.ts'
import { type CoverageAnswer, coverageAnswer, type StoredAnswer } from '../verification/answer.ts'
import type { Asked } from '../verification/asked.ts'
import { verificationId } from '../verification/id.ts'
import { decideThen, refuseTorn } from '../verification/known-at.ts'
import type { VerificationDetails } from '../verification/verify.ts'
import { BEGINNING, type Cursor, readCursor, writeCursor } from './cursor.ts'
import { openName } from './follow.ts'
import {
  type ChangedVisit,
  findChangedVisits,
  findOpenVisits,
  type Reach,
  type VisitRow,
  type Watched,
} from './store.ts'

/** Looked through in one call: names of 60 bytes opened in 10 ms, two or three probes of an index each, some 50 ms. */
export const VISITS_MAX = 2_000

type Said = Pick<StoredAnswer, 'decision' | 'code' | 'cause' | 'coverages'>

export interface VisitChange extends Texts {
  readonly visitId: string
  /** The visit's latest check. */
  readonly verificationId: string
  readonly checkedAt: string
  readonly atCheck: Said & Pick<StoredAnswer, 'serviceDate'>
  /** For today: the patient is here now. */
  readonly today: Said & Pick<StoredAnswer, 'serviceDate'>
  /** Since when our copy has known the last change of the person's record. */
  readonly knownSince: string
}

export interface VisitChanges {
  readonly items: readonly VisitChange[]
  /** Never null: who asks with it later is told what is new. */
  readonly nextCursor: string
  /** There is more to tell at once. */
  readonly more: boolean
  /** What was looked through: checks below this index of the log, and syncs up to this instant. */
  readonly through: { readonly log: string; readonly index: number; readonly syncedAt: string | null }
}

/**
 * A facility's visits under way about which the copy says something else than their latest check was answered. Four
 * statements at the most, whatever their number; the page of a cursor is the same again but for visits that ended since.
 */
export async function readVisitChanges(
  scope: Scope,
  caller: Principal,
  sent: string | null,
  limit: number,
): Promise<VisitChanges> {
  const { facility } = caller
  if (facility === null) throw new ServiceError('scope_missing', { detail: 'verify, of a facility' })
  const { dataKeys } = scope.service
  const cursor = sent === null ? BEGINNING : readCursor(dataKeys, facility, sent)
  refuseTorn(scope)
  const page = await lookThrough(scope, facility, cursor, limit).catch((cause: unknown) => {
    throw new ServiceError('database_unavailable', { cause })
  })
  const { items, next, reach } = page
  const { logId: log, index } = entryAt(reach.nextPlace)
  return {
    items,
    nextCursor: writeCursor(dataKeys, facility, next),
    more: next.telling !== null,
    through: { log: String(log), index, syncedAt: reach.loadedAt && instantText(reach.loadedAt) },
  }
}

interface Page {
  readonly items: readonly VisitChange[]
  readonly next: Cursor
  readonly reach: Reach
}

async function lookThrough(scope: Scope, facility: string, cursor: Cursor, limit: number): Promise<Page> {
  const { telling } = cursor
  const between = { from: telling?.from ?? 0, below: telling?.index ?? null }
  const { reach: present, visits } = await scope.query((sql) =>
    findOpenVisits(sql, LOG_ID, facility, between, scope.now(), VISITS_MAX),
  )
  const { loadedAt } = present
  const reach = telling === null ? present : { nextPlace: telling.index, loadedAt: telling.until }
  if (loadedAt === null || reach.loadedAt === null) return { items: [], next: cursor, reach }
  const until = reach.loadedAt
  const watched = visits.map((visit) => watch(scope, cursor, visit)).filter(({ since }) => since !== until)
  const changed = watched.length === 0 ? [] : await scope.query((sql) => findChangedVisits(sql, watched, until, limit))
  const items = changed.length === 0 ? [] : await tell(scope, changed, watched, until)
  const last = changed.length === limit ? changed.at(-1) : visits.length === VISITS_MAX ? visits.at(-1) : undefined
  const next: Cursor =
    last === undefined
      ? { index: reach.nextPlace, until, telling: null }
      : { ...cursor, telling: { index: reach.nextPlace, until, from: last.place + 1 } }
  return { items, next, reach }
}

/** Of a check that was told of, only what came since the telling is news. */
function watch(scope: Scope, cursor: Cursor, { place, visit, seen, sealed }: VisitRow): Watched {
  const { name, generation } = openName(scope.service.dataKeys, visit, sealed)
  const told = place < cursor.index && isLater(cursor.until, seen)
  return { place, name: nameSince(scope.service.dataKeys, name, generation), since: told ? cursor.until : seen, told }
}

async function tell(
  scope: Scope,
  changed: readonly ChangedVisit[],
  watched: readonly Watched[],
  until: string,
): Promise<VisitChange[]> {
  const byPlace = new Map(watched.map((each) => [each.place, each]))
  const pairs = changed.flatMap((visit) => {
    const of = byPlace.get(visit.place)
    return of === undefined ? [] : [{ visit, of }]
  })
  const names = pairs.map(({ of }) => of.name)
  const today = todayInVietnam(scope.now())
  const past = await scope.query((sql) => findPast(sql, names, until))
  const read = pairs.map(({ visit, of }, place) => ({
    ...{ visit, of, place },
    check: guarded(scope, () => openCheck(scope, visit)),
  }))
  const decided = read.flatMap(({ check, ...rest }) => {
    const said = check && guarded(scope, () => sayFor(scope, check, past, rest.place, today, until))
    return check && said ? [{ ...rest, check, said, isNews: differs(check.answer, said) }] : []
  })
  // what was told to differ and does no more is news too
  const toldAt = decided.find(({ of, isNews }) => of.told && !isNews)?.of.since
  const former = toldAt === undefined ? null : await scope.query((sql) => findPast(sql, names, toldAt))
  return decided.flatMap(({ visit, of, place, check, said, isNews }) => {
    const wasTold = !isNews && of.told && former !== null
    const isBack = wasTold && differs(sayFor(scope, check, former, place, today, of.since), said)
    if (!isNews && !isBack) return []
    const { warnings, ...rest } = said
    const { serviceDate, decision, code, cause, coverages } = check.answer
    const { logId, index } = entryAt(visit.place)
    return [
      {
        visitId: check.visitId,
        verificationId: verificationId(logId, index),
        checkedAt: check.answer.checkedAt,
        atCheck: { serviceDate, decision, code, cause, coverages },
        today: { serviceDate: today, ...rest },
        knownSince: instantText(visit.changedAt),
        ...textsFor({ ...rest, warnings, vssCodeSource: 'copy' }),
      },
    ]
  })
}

/** Null where it cannot be read: one damaged row may not hide all others. */
function guarded<T>(scope: Scope, work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    scope.report('visitNotChecked', describeFailure(error))
    return null
  }
}

interface Check {
  readonly answer: StoredAnswer
  readonly asked: Asked
  readonly visitId: string
}

/** Null where the details were erased. */
function openCheck(scope: Scope, { subject, sealed }: ChangedVisit): Check | null {
  if (sealed === null) return null
  const details = JSON.parse(openDetails(scope.service.dataKeys, subject, sealed)) as VerificationDetails // our own text
  const { answer, asked, visit } = details
  return asked == null || visit == null ? null : { answer, asked, visitId: visit.visitId }
}

function sayFor(
  scope: Scope,
  { asked }: Check,
  past: SealedPast,
  place: number,
  day: IsoDate,
  at: string,
): Said & Pick<StoredAnswer, 'warnings'> {
  const decided = decideThen(scope, asked, past, place, day, new Date(instantText(at)))
  const { decision, code, cause, warnings, shown, applies } = decided
  const coverages = shown.map((coverage) => coverageAnswer(coverage, coverage === applies))
  return { decision, code, cause, warnings, coverages }
}

/** Another decision, or another coverage pays: whatever of it changed. Since when it is known says nothing of it. */
function differs(then: Said, now: Said): boolean {
  return then.decision !== now.decision || then.code !== now.code || applying(then) !== applying(now)
}

function applying({ coverages }: Said): string | null {
  const coverage = coverages.find((each) => each.applies)
  if (coverage === undefined) return null
  const { knownSince: _, ...rest }: CoverageAnswer = coverage
  return JSON.stringify(rest)
}

/** Of instants as PostgreSQL writes them. */
function isLater(one: string, other: string): boolean {
  if (one === '-infinity' || other === '-infinity') return other === '-infinity' && one !== other
  return toMicroseconds(one) > toMicroseconds(other)
}

function toMicroseconds(instant: string): number {
  const fraction = instant.slice(0, -3).split('.')[1] ?? ''
  return Date.parse(`${instant.slice(0, 19).replace(' ', 'T')}Z`) * 1_000 + Number(fraction.padEnd(6, '0'))
}
