import { randomBytes, randomUUID } from 'node:crypto'
import type { Deed } from '../../src/audit/log.ts'
import type { Pseudonym } from '../../src/data-keys.ts'
import type { Sql } from '../../src/db/connect.ts'

/** A deed for the log; what the test does not name is made up. */
export function deed(part: Partial<Deed> = {}): Deed {
  return {
    recordedAt: new Date(),
    kind: 'verification',
    facility: '38001',
    outcome: { decision: 'entitled', code: 'valid' },
    details: JSON.stringify({ made: randomUUID() }),
    client: 'facility:38001',
    subject: randomBytes(16).toString('hex') as Pseudonym,
    idempotency: null,
    ...part,
  }
}

export function deeds(count: number, part: Partial<Deed> = {}): Deed[] {
  return Array.from({ length: count }, () => deed(part))
}

/** A deed under a key; one key and one request are one question. */
export function asked(key: string, request = 'the same request', part: Partial<Deed> = {}): Deed {
  return deed({ ...part, idempotency: { key, request } })
}

export interface LogState {
  /** What the head says. */
  readonly size: number
  readonly entries: number
  /** Indexes 0 … entries - 1, each once. */
  readonly dense: boolean
  readonly withoutDetails: number
  readonly detailsOfNothing: number
  /** Computed by PostgreSQL, not by the code that wrote them. */
  readonly wrongLeafHashes: number
}

export async function logState(owner: Sql): Promise<LogState> {
  const [state] = await owner<LogState[]>`
    select (select size from log_head where log_id = 1),
           count(e.leaf_index) as entries,
           coalesce(min(e.leaf_index) = 0 and max(e.leaf_index) = count(*) - 1, true) as dense,
           count(*) filter (where d.leaf_index is null) as "withoutDetails",
           (select count(*) from entry_detail d where not exists (
              select from log_entry e where e.log_id = d.log_id and e.leaf_index = d.leaf_index)) as "detailsOfNothing",
           count(*) filter (where e.leaf_hash <> sha256('\\x00'::bytea || convert_to(e.body, 'UTF8')))
             as "wrongLeafHashes"
      from log_entry e left join entry_detail d using (log_id, leaf_index)
     where log_id = 1`
  if (state === undefined) throw new Error('one row was asked for')
  return state
}

/** What `logState` says of a sound log of that size. */
export function sound(size: number): LogState {
  return { size, entries: size, dense: true, withoutDetails: 0, detailsOfNothing: 0, wrongLeafHashes: 0 }
}

/** As the contract has it: 14 days after it was claimed a key is free. Only the owner can move time here. */
export async function ageKey(owner: Sql, digest: string, interval: string): Promise<void> {
  await owner`update idempotency set claimed_at = now() - ${interval}::interval where key = ${digest}::uuid`
}

/** What erasure does: the details go, the entry stays. */
export async function eraseDetails(owner: Sql, digest: string): Promise<void> {
  await owner`delete from entry_detail where idempotency_key = ${digest}::uuid`
}
