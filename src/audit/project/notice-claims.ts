import { type ClaimedCheck, claimFlags, type FormerClaim } from '../flag/claim-rules.ts'
import type { Flag } from '../flag/rules.ts'
import type { ClaimRow } from './claim-rows.ts'
import type { CheckRow } from './rows.ts'

/** What was projected before the stretch that its claims are held against. */
export interface BeforeClaims {
  readonly checks: readonly (ClaimedCheck & { readonly facility: string; readonly visit: string | null })[]
  readonly claims: readonly FormerClaim[]
}

export const NO_CLAIMS: BeforeClaims = { checks: [], claims: [] }

/** A check-in is never a basis for payment, so no rule looks at it. In the log's order; pure. */
export function noticeClaims(claims: readonly ClaimRow[], checks: readonly CheckRow[], before: BeforeClaims): Flag[] {
  const known = [...before.checks, ...checks.filter(({ kind }) => kind === 'verification')]
  const byIndex = new Map(known.map((each) => [each.index, each]))
  const byVisit = Map.groupBy(known, ({ facility, visit }) => `${facility} ${visit}`)
  const ofPeople = Map.groupBy(before.claims, ({ person }) => person)
  const flags: Flag[] = []
  for (const claim of claims) {
    if (claim.share !== 'claim') continue
    const quoted = (claim.checks ?? []).flatMap((index) => byIndex.get(index) ?? [])
    const ofVisit = claim.visit === null ? [] : (byVisit.get(`${claim.facility} ${claim.visit}`) ?? [])
    const own = [...new Set([...quoted, ...ofVisit])]
      .filter(({ index }) => index < claim.index)
      .toSorted((a, b) => a.index - b.index)
    const formers = claim.person === null ? [] : (ofPeople.get(claim.person) ?? [])
    // without details nothing is known of its checks
    flags.push(...claimFlags({ ...claim, bodyOnly: claim.checks === null }, own, formers))
    if (claim.person !== null) ofPeople.set(claim.person, [...formers, claim])
  }
  return flags
}
