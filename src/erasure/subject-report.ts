import type { EntryKind } from '../audit/entry.ts'
import { openDetails } from '../audit/log.ts'
import { entryText } from '../audit/log-id.ts'
import type { AuditReadDetails } from '../audit/read/record.ts'
import { openHolder } from '../coverage/holder.ts'
import { type DataKeys, everyNameOf } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import type { VerificationDetails } from '../verification/verify.ts'
import { firstYearOfLogs } from './erase.ts'
import { knowPerson, pseudonymsOf } from './person.ts'
import { findHeld, type HeldEntry } from './report/store.ts'
import { retentionOf } from './retention.ts'
import { findBearers, readLogSpans } from './store.ts'

/** Entries looked through by one statement, as in an erasure. */
const STRETCH = 50_000

export interface ReportedEntry {
  /** Log and index: `1-42`. */
  readonly id: string
  readonly kind: EntryKind
  readonly recordedAt: string
  readonly facility: string | null
  readonly client: string
  readonly details: unknown
  readonly legalBasis: string
  readonly keptYears: number | null
}

/** All that is held about a person, for the person (NĐ 356/2025: answered within two working days). */
export interface SubjectReport {
  readonly people: number
  /** The insurer's record, all versions that our copy has. */
  readonly coverages: readonly unknown[]
  readonly entries: readonly ReportedEntry[]
  /** Auditors who read any of these entries. */
  readonly reads: readonly {
    readonly recordedAt: string
    readonly client: string
    readonly purpose: string
    readonly case: string | null
    readonly entries: readonly string[]
  }[]
  /** Questions to the population registry, with the consent that they were asked under. What it said is not kept. */
  readonly registryQuestions: readonly {
    readonly at: string
    readonly transactionId: string
    readonly facility: string | null
    readonly consent: unknown
  }[]
}

/** The same search as an erasure's: by any of the person's numbers, under every name that they had. Nothing is changed. */
export async function reportOn(
  sql: Sql,
  keys: DataKeys,
  numbers: readonly string[],
  now: Date,
): Promise<{ readonly report: SubjectReport; readonly places: readonly number[] }> {
  const person = await knowPerson(sql, keys, numbers)
  const logs = await readLogSpans(sql)
  const thisYear = now.getUTCFullYear()
  const subjects = pseudonymsOf(keys, person.names, firstYearOfLogs(logs) ?? thisYear, thisYear)
  const own: HeldEntry[] = []
  const reads: HeldEntry[] = []
  for (const { logId, size } of logs) {
    for (let from = 0; from < size; from += STRETCH) {
      for (const entry of await findHeld(sql, logId, subjects, from, Math.min(size, from + STRETCH))) {
        if (entry.subject === null) reads.push(entry)
        else own.push(entry)
      }
    }
  }
  const places = new Set(own.map(({ place }) => place))
  const bearers = await findBearers(
    sql,
    numbers.flatMap((number) => everyNameOf(keys, number)),
  )
  const opened = own.map((entry) => ({ entry, ...bodyOf(entry), details: detailsOf(keys, entry) }))
  return {
    places: [...places],
    report: {
      people: person.people,
      coverages: bearers.map(({ subject, sealed, days, isCurrent }) => {
        const { holder, days: terms } = openHolder(keys, subject, sealed, days)
        return { ...holder, ...terms, isCurrent }
      }),
      entries: opened.map(({ entry, kind, recordedAt, facility, details }) => ({
        ...{ id: entryText(entry.place), kind, recordedAt, facility, client: entry.client },
        details: withoutNames(details),
        legalBasis: retentionOf(kind)?.legalBasis ?? '',
        keptYears: retentionOf(kind)?.years ?? null,
      })),
      reads: reads.flatMap((entry) => {
        const { purpose, case: auditCase, entries } = detailsOf(keys, entry) as AuditReadDetails
        const theirs = entries.filter((place) => places.has(place))
        const { recordedAt } = bodyOf(entry)
        return theirs.length === 0
          ? []
          : [{ recordedAt, client: entry.client, purpose, case: auditCase, entries: theirs.map(entryText) }]
      }),
      registryQuestions: opened.flatMap(({ kind, facility, details }) => {
        if (kind !== 'verification') return []
        const { answer, registryConsent } = details as VerificationDetails
        const { registryAsked } = answer.identity
        return registryAsked === undefined ? [] : [{ ...registryAsked, facility, consent: registryConsent }]
      }),
    },
  }
}

function bodyOf({ body }: HeldEntry) {
  return JSON.parse(body) as { kind: EntryKind; recordedAt: string; facility: string | null }
}

function detailsOf(keys: DataKeys, { subject, sealed }: HeldEntry): unknown {
  return JSON.parse(openDetails(keys, subject, sealed)) // our own text
}

/** What we call a person by is of no use to them, and of use to who finds the report. */
function withoutNames(details: unknown): unknown {
  const {
    person: _,
    asked,
    ...rest
  } = details as { person?: unknown; asked?: { fullName?: unknown; birthDate?: unknown } }
  return asked == null ? rest : { ...rest, asked: { fullName: asked.fullName, birthDate: asked.birthDate } }
}
