import { addDays, type IsoDate, parseIsoDate } from '../../calendar.ts'
import type { Flag, FlagRule } from './rules.ts'

/** A claim, as far as rules look at it. Days and times are the dossier's own (`yyyyMMddHHmm`), amounts its decimals. */
export interface SeenClaim {
  readonly index: number
  readonly facility: string
  readonly recordedAt: string
  readonly person: string | null
  readonly visit: string | null
  readonly admitted: string | null
  readonly discharged: string | null
  /** MA_LOAI_KCB. */
  readonly careType: string | null
  readonly totalHospital: string | null
  readonly totalInsured: string | null
  readonly copayment: string | null
  readonly paidByInsurer: string | null
  /** Terms of the cards that it names, `yyyyMMdd`. */
  readonly terms: readonly { readonly from: string | null; readonly to: string | null }[]
  readonly reasonGiven: boolean
  /** Its details are gone, or do not open: only what the entry says in the open is judged. */
  readonly bodyOnly: boolean
  readonly restricted: boolean
}

/** A check that a claim quotes, or one of the same visit. */
export interface ClaimedCheck {
  readonly index: number
  readonly decision: string | null
  readonly code: string | null
  readonly purpose: string | null
  readonly serviceDate: string | null
}

export type FormerClaim = Pick<
  SeenClaim,
  'index' | 'facility' | 'visit' | 'admitted' | 'totalInsured' | 'restricted' | 'person'
>

/** All that is to be said of a claim: what is recorded before it, of its checks and of the person's other claims. */
export function claimFlags(
  claim: SeenClaim,
  checks: readonly ClaimedCheck[],
  formers: readonly FormerClaim[],
): readonly Flag[] {
  const told = claim.bodyOnly
    ? [amountsContradict(claim)]
    : [
        claimWithoutCheck(claim, checks),
        claimedNotEntitled(claim, checks),
        datesContradict(claim, checks),
        repeatedClaim(claim, formers),
        amountsContradict(claim),
        stayClaimedWithoutEndCheck(claim, checks),
      ]
  return told.filter((flag) => flag !== null)
}

/** Neither quoted nor under the same visit. */
export function claimWithoutCheck(claim: SeenClaim, checks: readonly ClaimedCheck[]): Flag | null {
  if (checks.length > 0) return null
  return flag(claim, 'claimWithoutCheck', null, { reasonGiven: claim.reasonGiven ? 'yes' : 'no' })
}

/** The insurer is to pay, and no check says that the person is covered. */
export function claimedNotEntitled(claim: SeenClaim, checks: readonly ClaimedCheck[]): Flag | null {
  const latest = checks.at(-1)
  if (latest === undefined || scaled(claim.paidByInsurer) <= 0n) return null
  if (checks.some(({ decision }) => decision === 'entitled')) return null
  const facts = { decision: latest.decision ?? '', code: latest.code ?? '' }
  return flag(claim, 'claimedNotEntitled', latest.index, facts)
}

export function datesContradict(claim: SeenClaim, checks: readonly ClaimedCheck[]): Flag | null {
  const { admitted, discharged, terms } = claim
  if (admitted === null) return null
  const firstDay = dayOf(admitted)
  const lastDay = dayOf(discharged ?? admitted)
  if (discharged !== null && discharged < admitted)
    return flag(claim, 'datesContradict', null, { which: 'dischargedBeforeAdmitted' })
  const known = terms.filter(({ from }) => from !== null)
  const day = admitted.slice(0, 8)
  const covers = ({ from, to }: (typeof terms)[number]) => (from ?? '') <= day && (to === null || to >= day)
  if (known.length > 0 && !known.some(covers)) return flag(claim, 'datesContradict', null, { which: 'coverageTerm' })
  if (firstDay === null || lastDay === null) return null
  // a check a day early or late is a night at the desk
  const outside = checks.find(
    ({ serviceDate }) =>
      serviceDate !== null && (serviceDate < addDays(firstDay, -1) || serviceDate > addDays(lastDay, 1)),
  )
  return outside === undefined ? null : flag(claim, 'datesContradict', outside.index, { which: 'checkDay' })
}

/** The same person, admitted on the same day, for the same amount, as another visit. Versions of one visit are none. */
export function repeatedClaim(claim: SeenClaim, formers: readonly FormerClaim[]): Flag | null {
  const { person, admitted, totalInsured } = claim
  if (person === null || admitted === null || totalInsured === null) return null
  const former = formers.find(
    (each) =>
      each.person === person &&
      !(each.facility === claim.facility && each.visit === claim.visit) &&
      each.admitted?.slice(0, 8) === admitted.slice(0, 8) &&
      each.totalInsured !== null &&
      scaled(each.totalInsured) === scaled(totalInsured),
  )
  if (former === undefined) return null
  const told = flag(claim, 'repeatedClaim', former.index, { otherFacility: former.facility })
  return { ...told, restricted: claim.restricted || former.restricted }
}

/** T_BHTT = T_TONGCHI_BH − T_BNCCT (QĐ 3176), to the last digit. */
export function amountsContradict(claim: SeenClaim): Flag | null {
  const { totalHospital, totalInsured, copayment, paidByInsurer } = claim
  const amounts = [totalHospital, totalInsured, copayment, paidByInsurer]
  if (amounts.some((each) => scaled(each) < 0n)) return flag(claim, 'amountsContradict', null, { which: 'negative' })
  if (totalHospital !== null && totalInsured !== null && scaled(totalInsured) > scaled(totalHospital))
    return flag(claim, 'amountsContradict', null, { which: 'insuredAboveTotal' })
  if (totalInsured === null || copayment === null || paidByInsurer === null) return null
  if (scaled(totalInsured) - scaled(copayment) === scaled(paidByInsurer)) return null
  return flag(claim, 'amountsContradict', null, { which: 'sum' })
}

/** Nội trú, ban ngày, lưu tại trạm, nội trú dưới 4 giờ (QĐ 1804). */
const INPATIENT: ReadonlySet<string> = new Set(['03', '04', '06', '09'])

/** There were checks, and none at the end: a missing one "during" is no fault (NĐ 188/2025 Đ21). */
export function stayClaimedWithoutEndCheck(claim: SeenClaim, checks: readonly ClaimedCheck[]): Flag | null {
  if (!INPATIENT.has(claim.careType ?? '') || checks.length === 0 || claim.discharged === null) return null
  const lastDay = dayOf(claim.discharged)
  const atEnd = checks.some(
    ({ purpose, serviceDate }) => purpose === 'end' || (lastDay !== null && (serviceDate ?? '') >= lastDay),
  )
  return atEnd ? null : flag(claim, 'stayWithoutEndCheck', checks.at(-1)?.index ?? null, { by: 'claim' })
}

function flag(
  { index, facility, recordedAt, restricted }: SeenClaim,
  rule: FlagRule,
  otherIndex: number | null,
  facts: Flag['facts'],
): Flag {
  return { rule, index, facility, recordedAt, otherIndex, restricted, facts }
}

function dayOf(time: string): IsoDate | null {
  return parseIsoDate(`${time.slice(0, 4)}-${time.slice(4, 6)}-${time.slice(6, 8)}`)
}

const DECIMALS = 9

/** A decimal in whole billionths: exact, and comparable whatever its digits. What is missing is 0. */
function scaled(decimal: string | null): bigint {
  const [whole = '0', part = ''] = (decimal ?? '0').split('.')
  const digits = BigInt(`${whole.replace('-', '')}${part.padEnd(DECIMALS, '0').slice(0, DECIMALS)}`)
  return whole.startsWith('-') ? -digits : digits
}
