import type { Principal } from '../access/principal.ts'
import { invalid } from '../errors.ts'
import type { Assurance } from '../identity/assurance.ts'
import type { RegistryOutcome } from '../population/client.ts'
import type { RegistryQuestion } from '../population/messages.ts'
import type { Scope } from '../scope.ts'
import type { StoredAnswer, VerificationAnswer } from './answer.ts'
import type { Evidence } from './evidence.ts'
import { wantsRegistry } from './policy.ts'
import type { VerificationRequest } from './request.ts'

/** The answer serves one transaction (NĐ 69/2024 Đ19 k4), and so does the consent: one visit's, as a portal's answer. */
const CONSENT_AGE_MS_MAX = 24 * 3_600_000
const CLOCK_SKEW_MS = 60_000
/** Of a caller's own time: the way of the answer. With less than the second left nothing is asked. */
const WAY_BACK_MS = 50
const LEAST_MS = 50

export function checkConsent(consent: VerificationRequest['registryConsent'], now: Date): void {
  if (consent === undefined) return
  const ageMs = now.getTime() - Date.parse(consent.givenAt)
  if (ageMs < -CLOCK_SKEW_MS) throw invalid('/registryConsent/givenAt', 'consent_future')
  if (ageMs > CONSENT_AGE_MS_MAX) throw invalid('/registryConsent/givenAt', 'consent_old')
}

/** What the asking comes to, decided before the entry is written; `unavailable`: nothing leaves the house. */
export type Plan =
  | { readonly asks: true; readonly question: RegistryQuestion; readonly at: string }
  | { readonly asks: false; readonly outcome: 'unavailable' }

/**
 * Null, and that is nearly always, unless all hold: the deployment has an agreement, the person consented, an officer
 * answers for the call, the policy wants it for this evidence, and there is a number to ask about.
 */
export function planQuestion(
  scope: Scope,
  request: VerificationRequest,
  evidence: Evidence,
  assurance: Assurance,
  untilMs: number | null,
): Plan | null {
  const { registry } = scope
  const { registryConsent: consent, officer, purpose } = request
  if (registry === null || consent === undefined || officer === undefined || evidence.citizenId === null) return null
  const proven = { purpose, method: evidence.method, assurance }
  if (!wantsRegistry(scope.service.config.identityPolicy, proven)) return null
  const now = scope.now()
  if (!registry.accepts() || leftMs(untilMs, now) < LEAST_MS) return { asks: false, outcome: 'unavailable' }
  const { citizenId, fullName, birthDate } = evidence
  const question = { transactionId: crypto.randomUUID(), officer, citizenId, fullName, birthDate }
  return { asks: true, question, at: now.toISOString() }
}

/** The law in a type: what is recorded says that the registry was asked, and has no place for what it said. */
export function recordAsked(answer: StoredAnswer, { at, question }: Extract<Plan, { asks: true }>): StoredAnswer {
  const registryAsked = { at, transactionId: question.transactionId }
  return { ...answer, identity: { ...answer.identity, registry: 'notKept', registryAsked } }
}

/**
 * Asks once the entry stands in the log, so that no call leaves without its trace, and puts what came back into this one
 * answer. A crash in between leaves an entry that says "asked", and nobody who heard the outcome.
 */
export async function askRegistry(
  scope: Scope,
  caller: Principal,
  plan: Plan,
  untilMs: number | null,
  answer: VerificationAnswer,
): Promise<VerificationAnswer> {
  const { gate } = scope.service.limits
  const outcome = plan.asks
    ? await gate.outside(caller.clientId, () => ask(scope, plan.question, untilMs))
    : plan.outcome
  return { ...answer, identity: { ...answer.identity, registry: outcome } }
}

async function ask(scope: Scope, question: RegistryQuestion, untilMs: number | null): Promise<RegistryOutcome> {
  const { registry, service } = scope
  const most = service.config.registry?.timeoutMs ?? 0
  const timeoutMs = Math.min(most, leftMs(untilMs, scope.now()))
  return registry === null || timeoutMs <= 0 ? 'unavailable' : registry.ask(question, timeoutMs)
}

function leftMs(untilMs: number | null, now: Date): number {
  return untilMs === null ? Number.POSITIVE_INFINITY : untilMs - now.getTime() - WAY_BACK_MS
}
