import { z } from 'zod'
import { type FieldFault, ServiceError } from '../errors.ts'
import { evidenceSchema, instant, text } from '../verification/request.ts'

/** Looked up and failed more often than this within one visit says nothing more. */
const FAILURES_MAX = 20
/** A visit is told when the network is back: hours, days after a flood. Claims of a month close within the next one. */
const AGE_MS_MAX = 60 * 86_400_000
const CLOCK_SKEW_MS = 60_000

export const unverifiedVisitRequestSchema = z
  .strictObject({
    visitId: text(1, 100), // MA_LK is S100
    /** As the desk wrote it down: not parsed, since a visit that cannot be looked up must not be refused for a typo. */
    claimedNumber: z
      .string()
      .regex(/^[0-9A-Za-z][0-9A-Za-z .-]{0,31}$/)
      .meta({ maxLength: 32 })
      .optional(),
    presentedAt: instant,
    failures: z
      .array(
        z.strictObject({
          at: instant,
          /** A VSS code, an HTTP status, a code of this service, `timeout`. */
          code: z
            .string()
            .regex(/^[A-Za-z0-9_.-]{1,32}$/)
            .meta({ maxLength: 32 }),
        }),
      )
      .min(1)
      .max(FAILURES_MAX),
    evidence: evidenceSchema.optional(),
    officer: text(1, 64).optional(),
  })
  .meta({ id: 'UnverifiedVisitRequest' })

export type UnverifiedVisitRequest = z.infer<typeof unverifiedVisitRequestSchema>

export function checkInstants(request: UnverifiedVisitRequest, now: Date): void {
  const instants: [string, string][] = [
    ['/presentedAt', request.presentedAt],
    ...request.failures.map((each, i): [string, string] => [`/failures/${i}/at`, each.at]),
  ]
  const faults = instants.flatMap(([pointer, at]): FieldFault[] => {
    const ageMs = now.getTime() - Date.parse(at)
    if (ageMs < -CLOCK_SKEW_MS) return [{ pointer, issue: 'instant_future' }]
    return ageMs > AGE_MS_MAX ? [{ pointer, issue: 'instant_too_old' }] : []
  })
  if (faults.length > 0) throw new ServiceError('invalid_request', { faults })
}
