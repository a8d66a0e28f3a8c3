import { type ClaimedCheck, claimFlags, type FormerClaim } from '../flag/claim-rules.ts'
import type { Flag } from '../flag/rules.ts'
import type { ClaimRow, Transition } from './claim-rows.ts'
import type { CheckRow } from './rows.ts'

/** What was projected before the stretch that its claims are held against. */
export interface BeforeClaims {
  readonly checks: readonly (ClaimedCheck & { readonly facility: string; readonly visit: string | null })[]
  readonly claims: readonly (FormerClaim & Pick<Transition, 'status'>)[]
}

export const NO_CLAIMS: BeforeClaims = { checks: [], claims: [] }

/**
 * A check-in is never a basis for payment, so no rule looks at it; nor is a claim that was taken back one to be repeated. In
 * the log's order; pure.
 */
export function noticeClaims(
  claims: readonly ClaimRow[],
  checks: readonly CheckRow[],
  transitions: readonly Transition[],
  before: BeforeClaims,
): Flag[] {
  const known = [...before.checks, ...checks.filter(({ kind }) => kind === 'verification')]
  const byIndex = new Map(known.map((each) => [each.index, each]))
  const byVisit = Map.groupBy(known, ({ facility, visit }) => `${facility} ${visit}`)
  const ofPeople = Map.groupBy<string | null, FormerClaim>(before.claims, ({ person }) => person)
  const statuses = new Map(before.claims.map(({ index, status }) => [index, status]))
  let seen = 0
  const flags: Flag[] = []
  for (const claim of claims) {
    for (; (transitions[seen]?.by ?? claim.index) < claim.index; seen++) {
      const moved = transitions[seen]
      if (moved !== undefined) statuses.set(moved.index, moved.status)
    }
    if (claim.share !== 'claim') continue
    const quoted = (claim.checks ?? []).flatMap((index) => byIndex.get(index) ?? [])
    const ofVisit = claim.visit === null ? [] : (byVisit.get(`${claim.facility} ${claim.visit}`) ?? [])
    const own = [...new Set([...quoted, ...ofVisit])]
      .filter(({ index }) => index < claim.index)
      .toSorted((a, b) => a.index - b.index)
    const formers = claim.person === null ? [] : (ofPeople.get(claim.person) ?? [])
    // without details nothing is known of its checks
    const standing = formers.filter(({ index }) => statuses.get(index) !== 'withdrawn')
    flags.push(...claimFlags({ ...claim, bodyOnly: claim.checks === null }, own, standing))
    if (claim.person !== null) ofPeople.set(claim.person, [...formers, claim])
  }
  return flags
}
