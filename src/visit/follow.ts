import { z } from 'zod'
import { openDetails } from '../audit/log.ts'
import { LOG_ID } from '../audit/log-id.ts'
import { endOfDayInVietnam } from '../calendar.ts'
import { type DataKeys, type LookupKey, visitDigest } from '../data-keys.ts'
import { describeFailure } from '../event.ts'
import type { Job } from '../scope.ts'
import { open, seal } from '../seal.ts'
import type { Asked } from '../verification/asked.ts'
import type { VerificationDetails } from '../verification/verify.ts'
import { type CheckEntry, forgetOpenVisits, keepVisits, type OpenedVisit, readChecks } from './store.ts'

/**
 * A stay is watched this long after its latest check. Claims of a month are closed in the next one, so whoever lies longer
 * is looked up again for them (`during`), which begins anew; and a bed whose `end` was never told is let go.
 */
const STAY_MS_MAX = 30 * 86_400_000

const bodySchema = z.object({ facility: z.string().nullable() })

/**
 * Reads on in the log and keeps which visits are under way: a cursor over the log, so that no verification pays for it
 * and it can be made again (`--rebuild`).
 */
export async function followVisits(job: Job): Promise<void> {
  for (;;) {
    const stretch = await job.query((sql) => readChecks(sql, LOG_ID))
    const now = job.now()
    const left = new Map<string, OpenedVisit | null>()
    for (const check of stretch.checks) take(job, check, left, now)
    await job.query((sql) => keepVisits(sql, LOG_ID, stretch, left, now))
    if (stretch.to <= stretch.from) return
  }
}

export async function forgetVisits(job: Job): Promise<void> {
  await job.query((sql) => forgetOpenVisits(sql, LOG_ID))
}

function take(job: Job, check: CheckEntry, left: Map<string, OpenedVisit | null>, now: Date): void {
  const { facility } = bodySchema.parse(JSON.parse(check.body))
  const { dataKeys } = job.service
  let details: VerificationDetails
  try {
    details = JSON.parse(openDetails(dataKeys, check.subject, check.sealed)) as VerificationDetails // our own text
  } catch (error) {
    job.report('visitNotChecked', describeFailure(error)) // one damaged row may not stop all others
    return
  }
  const { visit, purpose, asked } = details
  if (facility === null || visit == null || purpose === 'appointment') return
  const digest = visitDigest(dataKeys, facility, visit.visitId)
  if (purpose === 'end') {
    left.set(digest, null)
    return
  }
  // whoever was not found for sure is not watched: nothing of a record may be told of them
  if (asked === undefined || asked === null) return
  const { checkedAt, serviceDate } = details.answer
  const ends =
    visit.inpatient === true ? Date.parse(checkedAt) + STAY_MS_MAX : Date.parse(endOfDayInVietnam(serviceDate))
  const former = left.get(digest) ?? null
  const saysNothing = visit.inpatient === undefined
  const closesAt = saysNothing && former !== null ? Math.max(ends, former.closesAt.getTime()) : ends
  const keepsEnd = saysNothing && (former?.keepsEnd ?? true) && left.get(digest) !== null
  left.set(digest, {
    facility,
    place: check.place,
    seen: asked.seen,
    closesAt: new Date(closesAt),
    keepsEnd,
    sealed: sealName(dataKeys, digest, asked),
  })
  if (closesAt <= now.getTime() && !keepsEnd) left.set(digest, null) // over already: told late, or read late
}

/** Two visits of one person, or a visit and a coverage, are never joined by a dump. */
function sealName(keys: DataKeys, digest: string, { generation, name }: Asked): Buffer {
  return seal(keys, 'open_visit', digest, `${generation}:${name}`)
}

export function openName(keys: DataKeys, digest: string, sealed: Uint8Array): Pick<Asked, 'generation' | 'name'> {
  const [generation = '', name = ''] = open(keys, 'open_visit', digest, sealed).split(':')
  return { generation: Number(generation), name: name as LookupKey }
}
