import { z } from 'zod'
import type { Warning } from '../entitlement/decision-code.ts'
import type { Assurance } from '../identity/assurance.ts'
import type { EvidenceRequest, VerificationRequest } from './request.ts'

/**
 * What the province asks of desks beyond the law: how a person should be proven for each purpose, and for which evidence
 * the population registry is worth a question. Advice and nothing more: no policy refuses a patient or changes a decision.
 */
export type Purpose = VerificationRequest['purpose']
export type Method = EvidenceRequest['kind']

/** Weakest first. `typed` asks for nothing; `unsigned` for a scan (QR or MRZ). */
export const PROOFS = ['typed', 'unsigned', 'chipSigned', 'chipAuthenticated'] as const
export type Proof = (typeof PROOFS)[number]

/** Evidence that shows a personal number: without one the registry cannot be asked. */
export const REGISTRY_METHODS = ['chipIdQr', 'chipIdMrz', 'chipIdTyped', 'document'] as const
type RegistryMethod = (typeof REGISTRY_METHODS)[number]

export interface PurposePolicy {
  readonly wants: Proof
  /** Of these, and only while nothing signed by the state proves the person. */
  readonly registry: readonly RegistryMethod[]
}

export type Policy = Readonly<Record<Purpose, PurposePolicy>>

/**
 * Nothing is asked of desks until the province says so: the law admits by any of its papers (NĐ 188/2025 Đ37), and a desk
 * that is warned beside each typed number reads no warning. The registry is asked wherever consent was given but for
 * appointments: its answer serves one transaction (NĐ 69/2024 Đ19), and the visit will be another.
 */
export const DEFAULT_POLICY: Policy = {
  arrival: { wants: 'typed', registry: REGISTRY_METHODS },
  during: { wants: 'typed', registry: REGISTRY_METHODS },
  end: { wants: 'typed', registry: REGISTRY_METHODS },
  appointment: { wants: 'typed', registry: [] },
}

const purposePolicy = z
  .strictObject({
    wants: z.enum(PROOFS),
    registry: z.array(z.enum(REGISTRY_METHODS)).max(REGISTRY_METHODS.length),
  })
  .partial()

const overrides = z
  .strictObject({ arrival: purposePolicy, during: purposePolicy, end: purposePolicy, appointment: purposePolicy })
  .partial()

export interface PolicyProblem {
  /** Where in the text: `arrival.wants`. Empty where it is the whole. */
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** What the text says over the default, member by member; or all that is wrong with it, without its values. */
export function policyOf(
  text: string,
): { readonly ok: true; readonly value: Policy } | { readonly ok: false; readonly problems: readonly PolicyProblem[] } {
  const parsed = overrides.safeParse(jsonOf(text))
  if (!parsed.success)
    return { ok: false, problems: parsed.error.issues.map(({ path, message }) => ({ path, message })) }
  const of = (purpose: Purpose): PurposePolicy => ({
    wants: parsed.data[purpose]?.wants ?? DEFAULT_POLICY[purpose].wants,
    registry: parsed.data[purpose]?.registry ?? DEFAULT_POLICY[purpose].registry,
  })
  return {
    ok: true,
    value: { arrival: of('arrival'), during: of('during'), end: of('end'), appointment: of('appointment') },
  }
}

export interface Proven {
  readonly purpose: Purpose
  readonly method: Method
  readonly assurance: Assurance
}

/** Consent is another question. Never where the state's signature proves the person: the registry could only repeat it. */
export function wantsRegistry(policy: Policy, { purpose, method, assurance }: Proven): boolean {
  return assurance === 'unsigned' && policy[purpose].registry.some((each) => each === method)
}

/**
 * What the desk is told when the proof is weaker than wanted. Nothing beside a document: a newborn has a birth certificate
 * and a foreigner a passport, no chip ID to be asked for.
 */
export function adviceOf(policy: Policy, { purpose, method, assurance }: Proven): Warning | null {
  const { wants } = policy[purpose]
  if (method === 'document' || PROOFS.indexOf(proofOf(method, assurance)) >= PROOFS.indexOf(wants)) return null
  switch (wants) {
    case 'typed':
      return null
    case 'unsigned':
      return 'scanWanted'
    case 'chipSigned':
      return 'chipWanted'
    case 'chipAuthenticated':
      return 'liveChipWanted'
  }
}

/** A typed number and a scan are both `unsigned`; one of them can be mistyped. */
export function proofOf(method: Method, assurance: Assurance): Proof {
  if (assurance !== 'unsigned') return assurance
  switch (method) {
    case 'chipIdQr':
    case 'chipIdMrz':
    case 'insuranceCardQr':
      return 'unsigned'
    case 'chipIdTyped':
    case 'insuranceCard':
    case 'document':
      return 'typed'
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
