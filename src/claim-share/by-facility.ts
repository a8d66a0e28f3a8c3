import type { Principal } from '../access/principal.ts'
import { logFailure, prepare } from '../audit/log.ts'
import { hex, type PendingRow } from '../audit/store.ts'
import type { Pseudonym } from '../data-keys.ts'
import type { Sql } from '../db/connect.ts'
import { QueueFull } from '../db/group.ts'
import { DatabaseSilent } from '../db/pool.ts'
import { ServiceError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { ClaimDeliveryDetails } from './details.ts'
import { type ClaimDeliveryOutcome, claimShareBodySchema } from './entry.ts'
import type { OwnShare } from './read.ts'

/** What a facility itself says of its share: the entry `claimDelivery`, and the statement that writes it with what it changes. */
export interface SaidByFacility {
  readonly outcome: Pick<ClaimDeliveryOutcome, 'status' | 'maKetQua'>
  readonly details: Omit<ClaimDeliveryDetails, 'v' | 'share'>
  readonly statement: (sql: Sql, row: PendingRow) => Promise<{ readonly result: string }>
}

/** False: something else became of the share first, and nothing was written. */
export async function appendByFacility(
  scope: Scope,
  caller: Principal,
  { place, share: { subject, body } }: OwnShare,
  { outcome, details, statement }: SaidByFacility,
): Promise<boolean> {
  const { facility } = claimShareBodySchema.parse(JSON.parse(body))
  const whole: ClaimDeliveryOutcome = {
    share: place,
    status: outcome.status,
    by: 'facility',
    maKetQua: outcome.maKetQua,
  }
  const sealed: ClaimDeliveryDetails = { v: 1, share: place, ...details }
  const row = prepare(scope.service.dataKeys, {
    recordedAt: scope.now(),
    kind: 'claimDelivery',
    facility,
    outcome: whole,
    details: JSON.stringify(sealed),
    client: caller.clientId,
    // the person's, so that an erasure takes it too
    subject: subject === null ? null : (hex(subject) as Pseudonym),
    idempotency: null,
  })
  const { result } = await scope
    .query((sql) => statement(sql, row))
    .catch((error: unknown) => {
      if (error instanceof DatabaseSilent) throw new ServiceError('log_outcome_unknown', { cause: error })
      throw error instanceof QueueFull ? error : logFailure(error)
    })
  return result === 'done'
}
