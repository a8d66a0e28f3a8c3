import { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import { openDetails } from '../audit/log.ts'
import { type EntryAt, placeOf } from '../audit/log-id.ts'
import { type AuditReason, recordRead } from '../audit/read/record.ts'
import { findEntry, type StoredEntry } from '../audit/store.ts'
import { maskCardNumber, parseCardNumber } from '../coverage/card-number.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { VerificationAnswer } from './answer.ts'
import { readVerificationId } from './id.ts'
import { type AtKnown, decideAsKnown } from './known-at.ts'
import { base64, type VerificationDetails, withReceipt } from './verify.ts'

/** The part of an entry's body that decides who may read it. */
const bodySchema = z.object({ kind: z.string(), facility: z.string().nullable() })

/** As it was recorded; `atKnown` only where it was asked for. */
export interface ReadAnswer extends VerificationAnswer {
  readonly atKnown?: AtKnown
}

/** A verification of the caller's own facility. A foreign one and one that does not exist are one answer. */
export async function readVerification(
  scope: Scope,
  caller: Principal,
  id: string,
  knownAt: string | null = null,
): Promise<ReadAnswer> {
  const { at, entry, facility } = await findVerification(scope, id)
  if (caller.facility === null || facility !== caller.facility) throw new ServiceError('verification_not_found')
  return openAnswer(scope, at, entry, facility, knownAt)
}

/** The same for an auditor: any facility's, card numbers masked, and recorded before it leaves. */
export async function readVerificationForAudit(
  scope: Scope,
  caller: Principal,
  id: string,
  reason: AuditReason,
  knownAt: string | null = null,
): Promise<ReadAnswer> {
  const { at, entry, facility } = await findVerification(scope, id)
  const { atKnown, ...answer } = await openAnswer(scope, at, entry, facility, knownAt)
  await recordRead(scope, caller, reason, [placeOf(at)], knownAt === null ? {} : { knownAt })
  return { ...withMasks(answer), ...(atKnown === undefined ? {} : { atKnown: withMasks(atKnown) }) }
}

async function findVerification(scope: Scope, id: string) {
  const place = readVerificationId(id)
  if (place === null) throw new ServiceError('verification_not_found')
  const entry = await scope
    .query((sql) => findEntry(sql, place.logId, place.index))
    .catch((cause: unknown) => {
      throw new ServiceError('database_unavailable', { cause })
    })
  if (entry === null) throw new ServiceError('verification_not_found')
  const body = bodySchema.parse(JSON.parse(entry.body))
  if (body.kind !== 'verification' || body.facility === null) throw new ServiceError('verification_not_found')
  return { at: place, entry, facility: body.facility }
}

async function openAnswer(
  scope: Scope,
  at: EntryAt,
  entry: StoredEntry,
  facility: string,
  knownAt: string | null,
): Promise<ReadAnswer> {
  if (entry.sealed === null) throw new ServiceError('verification_erased')
  const text = openDetails(scope.service.dataKeys, entry.subject, entry.sealed)
  const details = JSON.parse(text) as VerificationDetails // our own text, authenticated by its seal
  const answer = withReceipt(scope, facility, at, details, base64(entry.leafHash), entry.checkpoint)
  return knownAt === null ? answer : { ...answer, atKnown: await decideAsKnown(scope, details, knownAt) }
}

function withMasks<T extends Pick<VerificationAnswer, 'coverages'>>(answer: T): T {
  const coverages = answer.coverages.map((coverage) => ({ ...coverage, cardNumber: masked(coverage.cardNumber) }))
  return { ...answer, coverages }
}

function masked(cardNumber: string): string {
  const parsed = parseCardNumber(cardNumber)
  return parsed.ok ? maskCardNumber(parsed.value) : '***************'
}
