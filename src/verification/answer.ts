import { endOfDayInVietnam, type IsoDate } from '../calendar.ts'
import type { CopyRead, CoverageFacts } from '../coverage/coverage.ts'
import type { Decision } from '../entitlement/decide.ts'
import type { Cause, DecisionCode, DecisionKind, Warning } from '../entitlement/decision-code.ts'
import type { Texts } from '../entitlement/decision-text.ts'
import { RATE_NOT_COMPUTED, type Rate } from '../entitlement/rate.ts'
import type { Assurance } from '../identity/assurance.ts'
import type { RegistryOutcome } from '../population/client.ts'
import type { Evidence } from './evidence.ts'
import type { Comparison } from './holder-match.ts'

export interface CoverageAnswer extends Rate {
  readonly cardNumber: string
  readonly group: string
  readonly level: number
  readonly validFrom: IsoDate
  readonly validTo: IsoDate | null
  readonly registeredFacility: string
  readonly areaCode: CoverageFacts['area']
  readonly fiveYearsFrom: IsoDate | null
  readonly status: CoverageFacts['status']
  /** The day the status took effect. */
  readonly statusFrom: IsoDate | null
  /** Since when our copy has known it. */
  readonly knownSince: string
  readonly applies: boolean
}

/** Recorded before the question left. */
export interface RegistryAsked {
  readonly at: string
  readonly transactionId: string
}

/**
 * What is recorded. The receipt exists only once it is; the two texts follow from the codes and dates in it
 * (`entitlement/decision-text.ts`), so they are not written 24 million times a year.
 */
export interface StoredAnswer {
  readonly checkedAt: string
  readonly serviceDate: IsoDate
  readonly decision: DecisionKind
  readonly code: DecisionCode
  readonly cause: Cause | null
  readonly vssCode: string | null
  readonly vssCodeSource: 'copy' | 'portal'
  readonly warnings: readonly Warning[]
  readonly identity: {
    readonly method: Evidence['method']
    readonly assurance: Assurance
    readonly name: 'exact' | 'near' | 'differs' | 'notCompared'
    readonly birthDate: Comparison['birthDate'] | 'notCompared'
    /** What it said has no place here (NĐ 69/2024 Đ19). */
    readonly registry: 'notAsked' | 'notKept'
    /** Absent unless it was asked. */
    readonly registryAsked?: RegistryAsked
  }
  readonly coverages: readonly CoverageAnswer[]
  readonly data: {
    readonly source: 'copy'
    readonly asOf: string | null
    readonly ageSeconds: number | null
    readonly feedSequence: number | null
  }
  readonly goodUntil: string
}

export interface VerificationAnswer extends Omit<StoredAnswer, 'identity'>, Texts {
  readonly id: string
  readonly identity: Omit<StoredAnswer['identity'], 'registry'> & {
    /** The outcome is in the one answer to who asked. */
    readonly registry: StoredAnswer['identity']['registry'] | RegistryOutcome
  }
  readonly receipt: {
    readonly checkCode: string
    readonly log: string
    readonly index: number
    readonly leafHash: string
    /** What was published when this was answered: whoever keeps the answer holds the log to it. */
    readonly checkpoint: { readonly size: number; readonly rootHash: string } | null
  }
}

export interface AnswerParts {
  readonly evidence: Evidence
  readonly comparison: Comparison | null
  readonly decision: Decision & { readonly vssCodeSource: 'copy' | 'portal' }
  readonly copy: CopyRead | null
  readonly serviceDate: IsoDate
  readonly checkedAt: Date
}

/** A "no" or a "do not know" is worth asking again soon: HIS programs keep an answer for 15 minutes (domain §1.1). */
const ASK_AGAIN_AFTER_MS = 15 * 60_000

export function buildAnswer(parts: AnswerParts): StoredAnswer {
  const { evidence, decision, copy, serviceDate, checkedAt } = parts
  const watermark = copy?.watermark ?? null
  return {
    checkedAt: checkedAt.toISOString(),
    serviceDate,
    decision: decision.decision,
    code: decision.code,
    cause: decision.cause,
    vssCode: decision.vssCode,
    vssCodeSource: decision.vssCodeSource,
    warnings: decision.warnings,
    identity: {
      method: evidence.method,
      assurance: evidence.assurance,
      ...comparisonShown(parts),
      registry: 'notAsked',
    },
    coverages: decision.shown.map((coverage) => coverageAnswer(coverage, coverage === decision.applies)),
    data: {
      source: 'copy',
      asOf: watermark?.asOf.toISOString() ?? null,
      ageSeconds: watermark && Math.max(0, Math.floor((checkedAt.getTime() - watermark.asOf.getTime()) / 1000)),
      feedSequence: watermark?.feedSequence ?? null,
    },
    goodUntil: goodUntil(decision.decision, serviceDate, checkedAt),
  }
}

/** Typed evidence that matched nothing learns nothing: a mismatch and an unknown number look alike. */
function comparisonShown(parts: AnswerParts): Pick<StoredAnswer['identity'], 'name' | 'birthDate'> {
  const { comparison, evidence } = parts
  if (comparison === null || (evidence.how === 'typed' && comparison.match !== 'matches')) {
    return { name: 'notCompared', birthDate: 'notCompared' }
  }
  // it agrees but for accents, and no more is known; that a zone has none is no fault to warn of
  const name = comparison.name === 'transliterated' ? 'near' : comparison.name
  return { name, birthDate: comparison.birthDate }
}

export function coverageAnswer(coverage: CoverageFacts, applies: boolean): CoverageAnswer {
  return {
    cardNumber: coverage.cardNumber,
    group: coverage.group,
    level: coverage.level,
    ...RATE_NOT_COMPUTED,
    validFrom: coverage.validFrom,
    validTo: coverage.validTo,
    registeredFacility: coverage.registeredFacility,
    areaCode: coverage.area,
    fiveYearsFrom: coverage.fiveYearsFrom,
    status: coverage.status,
    statusFrom: coverage.statusFrom,
    knownSince: coverage.knownFrom,
    applies,
  }
}

function goodUntil(decision: DecisionKind, serviceDate: IsoDate, checkedAt: Date): string {
  const endOfDay = endOfDayInVietnam(serviceDate)
  if (decision === 'entitled') return endOfDay
  const soon = new Date(checkedAt.getTime() + ASK_AGAIN_AFTER_MS).toISOString()
  return soon < endOfDay ? soon : endOfDay
}
